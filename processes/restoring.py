"""A process as it was, put back: from the definition that a revision keeps to what a step is saved from."""

from __future__ import annotations

from collections.abc import Mapping

from domain.processes import ProcessDef, StepDef
from pools.models import WorkerPool
from processes.models import Location, PoolChoice, Process
from processes.services.steps import StepFields, StepRow, fields_of


def rows_of(wanted: ProcessDef, process: Process) -> list[StepRow]:
    """The steps of a revision; those that are still there keep their ids, and the pool that they keep for a
    change of mind, which no revision holds."""
    stored = {str(step.pk): step for step in process.steps.prefetch_related("actions__worker_pool")}
    ids = [id for step in wanted.steps if (id := step.actions[0].worker_pool_id)]
    pools = {str(pool.pk): pool for pool in WorkerPool.objects.in_space(process.space).filter(pk__in=ids)}
    rows = []
    for one in wanted.steps:
        step = stored.get(one.id)
        before = fields_of(step) if step else None
        rows.append(StepRow(_fields(one, before, pools), id=step.pk if step else None, slug=one.slug))
    return rows


def _fields(step: StepDef, before: StepFields | None, pools: Mapping[str, WorkerPool]) -> StepFields:
    """A pool that was deleted meanwhile becomes the default pool."""
    action = step.actions[0]
    by_variable = action.worker_pool_variable is not None
    kept = before or StepFields(name="")
    return StepFields(
        name=step.name,
        properties=action.properties,
        action_type=action.action_type,
        location=Location(action.location),
        pool_choice=PoolChoice.VARIABLE if by_variable else PoolChoice.SPECIFIC,
        worker_pool=kept.worker_pool if by_variable else pools.get(action.worker_pool_id or ""),
        worker_pool_variable=action.worker_pool_variable or kept.worker_pool_variable,
        notes=action.notes,
        is_disabled=action.is_disabled,
        is_required=action.is_required,
        condition=step.condition,
        expression=step.expression,
        start=step.start,
        applies=action.applies,
        target_tags=step.target_tags,
        window=step.window,
    )
