"""The syntax tree of a template. Plain text is a `str`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Index:
    """`[text]`, or `[#{Symbol}]` whose value is the text."""

    value: str | Symbol


@dataclass(frozen=True, slots=True)
class Symbol:
    """A reference: identifiers between dots (`str`) and indexes; `source` as it was written.

    `key` is what two spellings of one name have in common; None while an index depends
    on another value.
    """

    source: str
    steps: tuple[str | Index, ...]
    key: str | None

    @property
    def name(self) -> str:
        """The reference without its braces."""
        return self.source[2:-1].strip()


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A token of a construct that is not evaluated, such as a filter; it stays as written."""

    source: str
    construct: str


Node = str | Symbol | Verbatim


def symbol(source: str, steps: tuple[str | Index, ...]) -> Symbol:
    """Build a symbol with its key."""
    fixed = all(isinstance(step, str) or isinstance(step.value, str) for step in steps)
    return Symbol(source, steps, key_of(steps, ()) if fixed else None)


def dynamic_indexes(one: Symbol) -> tuple[Symbol, ...]:
    """The symbols within the indexes of a symbol, from the left."""
    values = (step.value for step in one.steps if isinstance(step, Index))
    return tuple(value for value in values if isinstance(value, Symbol))


def key_of(steps: tuple[str | Index, ...], indexes: tuple[str, ...]) -> str:
    """The key of a path; `indexes` are the values of its dynamic indexes, from the left."""
    rest = iter(indexes)
    parts: list[str] = []
    for step in steps:
        if isinstance(step, str):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{(step.value if isinstance(step.value, str) else next(rest)).strip()}]")
    return "".join(parts).casefold()
