"""What changed between two versions of a process: step by step, field by field, scripts line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
    """One step that is not as it was. `number` is where it is now, or was if it is gone: "2", "2.1"."""

    change: Change
    number: str
    name: str
    fields: tuple[FieldChange, ...] = ()


def compare(before: ProcessDef, after: ProcessDef) -> tuple[StepChange, ...]:
    """The steps that differ, in the order of `after`, those that are gone at the end."""
    old, new = entries(before), entries(after)
    moved = _moved(list(old), list(new))
    found = [_step_change(old.get(id), entry, moved=id in moved) for id, entry in new.items()]
    gone = [StepChange(Change.REMOVED, one.number, one.name) for id, one in old.items() if id not in new]
    return (*(change for change in found if change), *gone)


@dataclass(frozen=True)
class Entry:
    """A step of the list: one with its action, one that holds others (without), or a child (with `step`, the
    one that it belongs to)."""

    step: StepDef
    action: ActionDef | None

    @property
    def name(self) -> str:
        return self.action.name if self.action and self.step.child else self.step.name

    @property
    def number(self) -> str:
        return self.step.label

    @property
    def fields(self) -> dict[str, str]:
        return _fields(self.step, self.action) if self.action else _parent_fields(self.step)


def entries(process: ProcessDef) -> dict[str, Entry]:
    """Every step and child step by its id, in order."""
    found: dict[str, Entry] = {}
    for step, action in process.actions():
        if step.child:
            found.setdefault(step.id, Entry(replace(step, child=0), None))
        found[action.step_id or step.id] = Entry(step, action)
    return found


def compare_steps(before: Entry, after: Entry) -> tuple[FieldChange, ...]:
    """The fields in which two versions of a step differ."""
    old, new = before.fields, after.fields
    labels = list(dict.fromkeys([*old, *new]))
    return tuple(
        _field_change(label, old.get(label, ""), new.get(label, ""))
        for label in labels
        if old.get(label, "") != new.get(label, "")
    )


def _step_change(old: Entry | None, new: Entry, *, moved: bool) -> StepChange | None:
    if old is None:
        return StepChange(Change.ADDED, new.number, new.name)
    fields = compare_steps(old, new)
    if fields:
        return StepChange(Change.CHANGED, new.number, new.name, fields)
    return StepChange(Change.MOVED, new.number, new.name) if moved else None


def _moved(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """Steps that have another place among the steps that both versions have."""
    both_old = [one for one in old if one in new]
    both_new = [one for one in new if one in old]
    return {one for one, other in zip(both_new, both_old, strict=True) if one != other}


def _parent_fields(step: StepDef) -> dict[str, str]:
    return {
        "Name": step.name,
        **_when(step.condition, step.expression),
        "Starts": "With the step before it" if step.start is Start.WITH_PREVIOUS else "",
        "Target tags": ", ".join(step.target_tags),
        "Targets at a time": str(step.window or ""),
    }


def _when(condition: Condition, expression: str) -> dict[str, str]:
    return {
        "Runs": CONDITION_TEXT[condition],
        "Expression": expression if condition is Condition.VARIABLE else "",
    }


def _where(step: StepDef, location: Location) -> dict[str, str]:
    """Where a step runs; of a child, its parent says for which targets."""
    if step.child:
        return {"Part of": step.name, "Execution location": LOCATION_TEXT[location]}
    return {
        "Starts": "With the step before it" if step.start is Start.WITH_PREVIOUS else "",
        "Execution location": LOCATION_TEXT[location],
        "Target tags": ", ".join(step.target_tags) if location.has_targets else "",
        "Targets at a time": str(step.window) if step.window and location.has_targets else "",
    }


def _fields(step: StepDef, action: ActionDef) -> dict[str, str]:
    """A step as label and text, in the order of the editor."""
    location = step.location_of(action)
    names = step_types.property_names()
    properties = {label: action.properties.get(name, "") for name, label in names.items()}
    # What no form shows, as clients of the API send it, by its own name.
    others = {name: text for name, text in action.properties.items() if name not in names}
    return {
        "Name": action.name if step.child else step.name,
        "Enabled": "No" if action.is_disabled else "Yes",
        **_when(*step.condition_of(action)),
        "Where": action.applies_text,
        "Required": "Yes" if action.is_required else "",
        **_where(step, location),
        "Worker pool": _pool(action, location),
        **properties,
        **others,
        "Notes": action.notes,
    }


def _pool(action: ActionDef, location: Location) -> str:
    if not action.needs_machine or location is Location.TARGET:
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
