"""Two edits of one step put together: each field keeps the edit of whoever changed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from domain.processes import ActionDef, ProcessDef, StepDef
from processes.models import Location, PoolChoice
from processes.services.steps import StepFields

T = TypeVar("T")


def find_step(process: ProcessDef, step_id: str) -> StepDef | None:
    return next((step for step in process.steps if step.id == step_id), None)


def merged(*, base: StepDef | None, mine: StepFields, theirs: StepFields) -> StepFields:
    """My edit, with their values in the fields that only they changed since `base`.

    Where both changed a field, mine stays. Without a base everything counts as mine.
    """
    if base is None:
        return mine
    action = base.actions[0]
    result = replace(
        mine,
        name=_pick(base.name, mine.name, theirs.name),
        notes=_pick(action.notes, mine.notes, theirs.notes),
        is_disabled=_pick(action.is_disabled, mine.is_disabled, theirs.is_disabled),
        is_required=_pick(action.is_required, mine.is_required, theirs.is_required),
        condition=_pick(base.condition, mine.condition, theirs.condition),
        start=_pick(base.start, mine.start, theirs.start),
        location=_pick(Location(action.location.value), mine.location, theirs.location),
        target_tags=_pick(base.target_tags, mine.target_tags, theirs.target_tags),
        window=_pick(base.window, mine.window, theirs.window),
        expression=_pick(base.expression, mine.expression, theirs.expression),
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
