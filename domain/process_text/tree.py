"""What a text says before anybody asks what it means: tables, lists and words, each with its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

DEEPEST = 20
"""How far tables and lists may stand inside each other."""


@dataclass(frozen=True, slots=True)
class Word:
    """`is_plain`: written without quotes, so that `true`, `null` and an empty value mean what they say."""

    text: str
    line: int
    is_plain: bool = False

    @property
    def is_null(self) -> bool:
        return self.is_plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    value: Node
    line: int


@dataclass(frozen=True, slots=True)
class Table:
    entries: tuple[Entry, ...]
    line: int


Node: TypeAlias = Word | Listing | Table


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `line` counts from 1, 0 where there is none; `step` and `field` are the names
    as they are written."""

    message: str
    line: int = 0
    step: str = ""
    field: str = ""

    @property
    def place(self) -> str:
        """ "Line 12, step Back up, condition"."""
        parts = [
            f"line {self.line}" if self.line else "",
            f"step {self.step}" if self.step else "",
            self.field,
        ]
        text = ", ".join(part for part in parts if part)
        return text[:1].upper() + text[1:]

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class TextRefused(ValueError):
    """A text that says no process; `faults` are all that were found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(" ".join(map(str, faults)))
        self.faults = tuple(faults)
