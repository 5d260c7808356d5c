"""What a variable asks when a run starts: the question itself, in the words of the REST API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain import octostache

TRUE, FALSE = "True", "False"


class Control(StrEnum):
    """How it is asked, in the spelling of the REST API's `Octopus.ControlType`."""

    SINGLE_LINE = "SingleLineText"
    MULTI_LINE = "MultiLineText"
    CHECKBOX = "Checkbox"
    SELECT = "Select"
    SENSITIVE = "Sensitive"
    WORKER_POOL = "WorkerPool"


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a SELECT: its value, and what a person reads."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """`options` are those of a SELECT, one a line, as `value` or `value|label`. They are a template that may
    refer to the answers before this one by the name of their variable."""

    label: str = ""
    help: str = ""
    required: bool = False
    control: Control = Control.SINGLE_LINE
    options: str = ""

    def choices(self, answers: Mapping[str, str]) -> tuple[Option, ...]:
        """The options of a SELECT after these answers, by name of the variable."""
        if self.control is not Control.SELECT:
            return ()
        lines = octostache.evaluate(self.options, answers).splitlines()
        return tuple(_option(line.strip()) for line in lines if line.strip())


def _option(line: str) -> Option:
    value, bar, label = line.partition("|")
    return Option(value.strip(), label.strip() if bar else line)
