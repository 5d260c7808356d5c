"""Two edits of one step put together: each field keeps the edit of whoever changed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from domain.processes import ActionDef, ProcessDef
from processes.differences import Entry, entries
from processes.models import Location, PoolChoice
from processes.services.steps import StepFields

T = TypeVar("T")


def find_step(process: ProcessDef, step_id: str) -> Entry | None:
    return entries(process).get(step_id)


def merged(*, base: Entry | None, mine: StepFields, theirs: StepFields) -> StepFields:
    """My edit, with their values in the fields that only they changed since `base`.

    Where both changed a field, mine stays. Without a base everything counts as mine.
    """
    if base is None:
        return mine
    step, action = base.step, base.action
    result = replace(
        mine,
        name=_pick(base.name, mine.name, theirs.name),
        start=_pick(step.start, mine.start, theirs.start),
        target_tags=_pick(step.target_tags, mine.target_tags, theirs.target_tags),
        window=_pick(step.window, mine.window, theirs.window),
    )
    if action is None:
        return replace(
            result,
            condition=_pick(step.condition, mine.condition, theirs.condition),
            expression=_pick(step.expression, mine.expression, theirs.expression),
        )
    condition, expression = step.condition_of(action)
    result = replace(
        result,
        notes=_pick(action.notes, mine.notes, theirs.notes),
        is_disabled=_pick(action.is_disabled, mine.is_disabled, theirs.is_disabled),
        is_required=_pick(action.is_required, mine.is_required, theirs.is_required),
        condition=_pick(condition, mine.condition, theirs.condition),
        location=_pick(Location(action.location.value), mine.location, theirs.location),
        expression=_pick(expression, mine.expression, theirs.expression),
        applies=_pick(action.applies, mine.applies, theirs.applies),
        properties=_merged_properties(action.properties, mine.properties, theirs.properties),
    )
    if _pool_of(mine) != _pool_before(action):
        return result
    return replace(
        result,
        pool_choice=theirs.pool_choice,
        worker_pool=theirs.worker_pool,
        worker_pool_variable=theirs.worker_pool_variable,
    )


def _pick(base: T, mine: T, theirs: T) -> T:
    return theirs if mine == base else mine


def _merged_properties(
    base: Mapping[str, str], mine: Mapping[str, str], theirs: Mapping[str, str]
) -> dict[str, str]:
    picked = {key: _pick(base.get(key), mine.get(key), theirs.get(key)) for key in {**mine, **theirs}}
    return {key: value for key, value in picked.items() if value is not None}


def _pool_of(fields: StepFields) -> tuple[str | None, str | None]:
    if fields.pool_choice == PoolChoice.VARIABLE:
        return None, fields.worker_pool_variable
    return str(fields.worker_pool.pk) if fields.worker_pool else None, None


def _pool_before(action: ActionDef) -> tuple[str | None, str | None]:
    return action.worker_pool_id, action.worker_pool_variable
