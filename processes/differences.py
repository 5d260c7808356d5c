"""What changed between two versions of a process: step by step, field by field, scripts line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum

from domain import step_types
from domain.processes import (
    CONDITION_TEXT,
    LOCATION_TEXT,
    ActionDef,
    Location,
    ProcessDef,
    StepDef,
)
from domain.step_rules import Condition, Start


class Change(StrEnum):
    """What happened to a step."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


class LineKind(StrEnum):
    """A line of a unified diff."""

    PLACE = "at"
    ADDED = "ins"
    REMOVED = "del"
    SAME = "same"


@dataclass(frozen=True)
class Line:
    kind: LineKind
    text: str


@dataclass(frozen=True)
class FieldChange:
    """One field before and after; texts of several lines come as `lines`, a unified diff."""

    label: str
    before: str
    after: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class StepChange:
    """One step that is not as it was. `number` is where it is now, or was if it is gone."""

    change: Change
    number: int
    name: str
    fields: tuple[FieldChange, ...] = ()


def compare(before: ProcessDef, after: ProcessDef) -> tuple[StepChange, ...]:
    """The steps that differ, in the order of `after`, those that are gone at the end."""
    old = {step.id: step for step in before.steps}
    new = {step.id: step for step in after.steps}
    moved = _moved(before, after)
    found = [_step_change(old.get(step.id), step, moved=step.id in moved) for step in after.steps]
    gone = [StepChange(Change.REMOVED, one.number, one.name) for one in before.steps if one.id not in new]
    return (*(change for change in found if change), *gone)


def compare_steps(before: StepDef, after: StepDef) -> tuple[FieldChange, ...]:
    """The fields in which two versions of a step differ."""
    old, new = _fields(before), _fields(after)
    labels = list(dict.fromkeys([*old, *new]))
    return tuple(
        _field_change(label, old.get(label, ""), new.get(label, ""))
        for label in labels
        if old.get(label, "") != new.get(label, "")
    )


def _step_change(old: StepDef | None, new: StepDef, *, moved: bool) -> StepChange | None:
    if old is None:
        return StepChange(Change.ADDED, new.number, new.name)
    fields = compare_steps(old, new)
    if fields:
        return StepChange(Change.CHANGED, new.number, new.name, fields)
    return StepChange(Change.MOVED, new.number, new.name) if moved else None


def _moved(before: ProcessDef, after: ProcessDef) -> set[str]:
    """Steps that have another place among the steps that both versions have."""
    old, new = [step.id for step in before.steps], [step.id for step in after.steps]
    both_old = [one for one in old if one in new]
    both_new = [one for one in new if one in old]
    return {one for one, other in zip(both_new, both_old, strict=True) if one != other}


def _fields(step: StepDef) -> dict[str, str]:
    """A step as label and text, in the order of the editor."""
    action = step.actions[0]
    names = step_types.property_names()
    properties = {label: action.properties.get(name, "") for name, label in names.items()}
    # What no form shows, as clients of the API send it, by its own name.
    others = {name: text for name, text in action.properties.items() if name not in names}
    return {
        "Name": step.name,
        "Enabled": "No" if action.is_disabled else "Yes",
        "Runs": CONDITION_TEXT[step.condition],
        "Expression": step.expression if step.condition is Condition.VARIABLE else "",
        "Starts": "With the step before it" if step.start is Start.WITH_PREVIOUS else "",
        "Where": action.applies_text,
        "Required": "Yes" if action.is_required else "",
        "Execution location": LOCATION_TEXT[action.location],
        "Target tags": ", ".join(step.target_tags) if action.location.has_targets else "",
        "Targets at a time": str(step.window) if step.window and action.location.has_targets else "",
        "Worker pool": _pool(action),
        **properties,
        **others,
        "Notes": action.notes,
    }


def _pool(action: ActionDef) -> str:
    if not action.needs_machine or action.location is Location.TARGET:
        return ""
    if action.worker_pool_variable is not None:
        return f"From the variable {action.worker_pool_variable}"
    return action.worker_pool_name or "Default pool"


def _field_change(label: str, before: str, after: str) -> FieldChange:
    is_long = "\n" in before or "\n" in after
    return FieldChange(label, before, after, lines=tuple(_diff(before, after)) if is_long else ())


_KINDS = {"@": LineKind.PLACE, "+": LineKind.ADDED, "-": LineKind.REMOVED}


def _diff(before: str, after: str) -> Iterator[Line]:
    lines = unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    # The first two lines name files, of which there are none.
    for index, line in enumerate(lines):
        if index > 1:
            yield Line(_KINDS.get(line[0], LineKind.SAME), line)
