"""The registry of step types, and what a type says about itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from domain.plans import ProblemCode
from domain.processes import PROPERTY_NAMES

Properties = Mapping[str, str]
"""The settings of a step under their wire names, not substituted."""

Fill = Callable[[str], str]
"""Puts values into a text. Raises `octostache.TemplateError`."""

PROGRAMS = "step-programs"
"""What a worker reports whose agent can run step programs."""
NEW_PYTHON = "python-3.11"
"""What a worker has whose agent runs on Python 3.11 or newer; templates are evaluated there by that."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text that values are put into; `noun` is what sentences about a plan call it: "script"."""

    noun: str
    template: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A setting with which the step cannot run. `sentence` goes on from "Step 3 ", with its full stop."""

    sentence: str
    code: ProblemCode = ProblemCode.BAD_SETTING


@dataclass(frozen=True, slots=True)
class Script:
    """Run this script; `syntax` as in `domain.processes.Syntax`."""

    syntax: str
    script: str


@dataclass(frozen=True, slots=True)
class Program:
    """Run the step program of this name (a folder of `programs`) with these inputs, which may be secret."""

    name: str
    inputs: Mapping[str, str] = field(default_factory=dict)


Work = Script | Program


def _nothing(properties: Properties) -> tuple[()]:
    return ()


@dataclass(frozen=True, slots=True)
class StepType:
    """`key` is the type's wire name. `work` says what the worker is given to run; None for a type that no
    worker runs. `texts` are checked when a run is planned, before there are secrets: `work` has to fill
    them itself. `needs` are what the worker must have, by the names that placement knows ("bash", "python",
    `PROGRAMS`); it is asked only where `faults` found nothing. `labels` are what people call the settings
    that are the type's own, in the order of its form."""

    key: str
    work: Callable[[Properties, Fill], Work] | None = None
    texts: Callable[[Properties], Iterable[Text]] = _nothing
    needs: Callable[[Properties], tuple[str, ...]] = _nothing
    faults: Callable[[Properties], Iterable[Fault]] = _nothing
    labels: Mapping[str, str] = field(default_factory=dict)


_types: dict[str, StepType] = {}


def register(step_type: StepType) -> None:
    _types[step_type.key] = step_type


def find(key: str) -> StepType | None:
    """None for a type that this version does not know."""
    return _types.get(key)


def all_types() -> list[StepType]:
    return list(_types.values())


def property_names() -> dict[str, str]:
    """What people call the settings of steps: each type's own, and those of every type."""
    own = {name: label for one in _types.values() for name, label in one.labels.items()}
    return {**own, **PROPERTY_NAMES}
