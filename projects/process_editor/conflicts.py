"""What to show somebody whose edit comes after somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.processes import ActionDef, ProcessDef, StepDef
from processes import differences, merging
from processes.models import Action, Step
from processes.services import processes
from processes.services.processes import StaleProcess
from processes.services.steps import StepFields, applies_json


@dataclass(frozen=True)
class Retry:
    """A form that repeats a small act on the process as it is now."""

    url: str
    verb: str
    values: Mapping[str, Sequence[str]]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        return [(name, value) for name, values in self.values.items() for value in values]


@dataclass(frozen=True)
class Conflict:
    """`theirs` is what changed since the page was loaded, None if that was too long ago to tell.

    `mine` is what saving the form would change about the step as it is now. `retry` stands in for the
    form where the act was not a save; without both there is nothing of mine to keep.
    """

    by: str
    at: datetime
    theirs: tuple[differences.StepChange, ...] | None
    mine: tuple[differences.FieldChange, ...] = ()
    step_is_gone: bool = False
    retry: Retry | None = None
    can_keep: bool = True


def of_act(stale: StaleProcess, *, retry: Retry | None, can_keep: bool) -> Conflict:
    """Somebody wanted to add, reorder, copy, delete, enable or disable."""
    return _conflict(stale, retry=retry, can_keep=can_keep)


def of_save(stale: StaleProcess, *, step: Step, merged: StepFields) -> Conflict:
    """Somebody saved a step; `merged` is what the form shows now."""
    theirs = merging.find_step(ProcessDef.from_json(stale.current), str(step.pk))
    changes = differences.compare_steps(theirs, _entry(merged, like=theirs)) if theirs else ()
    return _conflict(stale, mine=changes)


def of_gone_step(stale: StaleProcess) -> Conflict:
    """Somebody saved a step that was deleted meanwhile."""
    return _conflict(stale, step_is_gone=True)


def _conflict(
    stale: StaleProcess,
    *,
    mine: tuple[differences.FieldChange, ...] = (),
    step_is_gone: bool = False,
    retry: Retry | None = None,
    can_keep: bool = True,
) -> Conflict:
    return Conflict(
        by=stale.process.updated_by or "Somebody else",
        at=stale.process.updated_at,
        theirs=_theirs(stale),
        mine=mine,
        step_is_gone=step_is_gone,
        retry=retry,
        can_keep=can_keep,
    )


def _theirs(stale: StaleProcess) -> tuple[differences.StepChange, ...] | None:
    if stale.loaded is None:
        return None
    return differences.compare(ProcessDef.from_json(stale.loaded), ProcessDef.from_json(stale.current))


def merge(stale: StaleProcess, *, step: Step, mine: StepFields, theirs: StepFields) -> StepFields:
    """My edit with their values in the fields that only they changed."""
    loaded = ProcessDef.from_json(stale.loaded) if stale.loaded else ProcessDef()
    return merging.merged(base=merging.find_step(loaded, str(step.pk)), mine=mine, theirs=theirs)


def _entry(fields: StepFields, *, like: differences.Entry) -> differences.Entry:
    """A step as it would be stored, in the place of another one."""
    if not like.step.child:
        step = step_def(fields, id=like.step.id, number=like.step.number)
        return differences.Entry(step, None if fields.is_parent else step.actions[0])
    return differences.Entry(like.step, child_def(fields, id=like.action.step_id if like.action else ""))


def child_def(fields: StepFields, *, id: str) -> ActionDef:
    """A child step as it would be stored."""
    action = processes.action_def(unsaved_action(fields))
    return replace(action, condition=fields.condition, expression=fields.expression, step_id=id)


def step_def(fields: StepFields, *, id: str, number: int, children: Sequence[ActionDef] = ()) -> StepDef:
    """A step as it would be stored, for a comparison."""
    return StepDef(
        id=id,
        name=fields.name,
        number=number,
        actions=tuple(children) or (processes.action_def(unsaved_action(fields)),),
        condition=fields.condition,
        expression=fields.expression,
        start=fields.start,
        target_tags=fields.target_tags,
        window=fields.window,
    )


def unsaved_action(fields: StepFields) -> Action:
    """An action that is never saved, for the rules that work on one."""
    return Action(
        name=fields.name,
        action_type=fields.action_type,
        properties=dict(fields.properties),
        location=fields.location,
        pool_choice=fields.pool_choice,
        worker_pool=fields.worker_pool,
        worker_pool_variable=fields.worker_pool_variable,
        notes=fields.notes,
        is_disabled=fields.is_disabled,
        is_required=fields.is_required,
        applies=applies_json(fields.applies),
    )
