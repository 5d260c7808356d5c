"""The syntax tree of a template, and how a node is written again. Plain text is a `str`.

Nodes compare by identity: trees may be deep, and nobody needs to compare them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """`[text]`, or `[#{Symbol}]` whose value is the text."""

    value: str | Symbol


@dataclass(frozen=True, slots=True, eq=False)
class Symbol:
    """A reference: identifiers between dots (`str`) and indexes. No steps at all: `#{ | NowDate}`.

    `name` is how it is written without its braces. `key` is what two spellings of one name
    have in common; None while an index depends on another value.
    """

    steps: tuple[str | Index, ...]
    name: str
    key: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One filter with its options; an option that is a `str` was written bare or in quotes."""

    name: str
    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """`Symbol | Filter option | Filter`."""

    argument: Symbol
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """Two operands of `calc` and one of + - * / %."""

    left: Operand
    sign: str
    right: Operand


@dataclass(frozen=True, slots=True, eq=False)
class Calculation:
    """`calc` and its expression."""

    operand: Operand


class Keyword(StrEnum):
    """What opens a block."""

    IF = "if"
    UNLESS = "unless"
    EACH = "each"


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """`left`, or `left == right` and `left != right`; a `str` at the right is text, not a name."""

    left: Expression
    sign: str = ""
    right: Expression | str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """`if` with its two branches; of an `unless` they have changed places."""

    condition: Condition
    when_true: tuple[Node, ...]
    when_false: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """`each variable in collection`."""

    variable: str
    collection: Symbol
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Unparsed:
    """A token that is not written as the language wants it; it stays."""

    source: str


Expression = Symbol | Filtered
Operand = float | Symbol | Operation
Node = str | Symbol | Filtered | Calculation | Choice | Loop | Unparsed


def symbol(steps: tuple[str | Index, ...]) -> Symbol:
    """Build a symbol with its name and key."""
    fixed = all(isinstance(step, str) or isinstance(step.value, str) for step in steps)
    return Symbol(steps, _joined(steps), key_of(steps) if fixed else None)


def dynamic_indexes(one: Symbol) -> tuple[Symbol, ...]:
    """The symbols within the indexes of a symbol, from the left."""
    values = (step.value for step in one.steps if isinstance(step, Index))
    return tuple(value for value in values if isinstance(value, Symbol))


def key_of(steps: tuple[str | Index, ...]) -> str:
    """The key of a path whose indexes are all known."""
    return _joined(steps).casefold()


def _joined(steps: tuple[str | Index, ...]) -> str:
    parts: list[str] = []
    for step in steps:
        if isinstance(step, str):
            parts.append(f".{step}" if parts else step)
        elif isinstance(step.value, str):
            parts.append(f"[{step.value.strip()}]")
        else:
            parts.append(f"[#{{{step.value.name}}}]")
    return "".join(parts)
