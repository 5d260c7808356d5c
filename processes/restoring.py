"""A process as it was, put back: from the definition that a revision keeps to what a step is saved from."""

from __future__ import annotations

from collections.abc import Mapping

from domain.processes import PARENT_STEP, ActionDef, ProcessDef, StepDef
from pools.models import WorkerPool
from processes.models import Location, PoolChoice, Process, Step
from processes.services.steps import StepFields, StepRow, fields_of


def rows_of(wanted: ProcessDef, process: Process) -> list[StepRow]:
    """The steps of a revision; those that are still there keep their ids, and the pool that they keep for a
    change of mind, which no revision holds."""
    stored = {str(step.pk): step for step in process.steps.prefetch_related("actions__worker_pool")}
    ids = [id for _, action in wanted.actions() if (id := action.worker_pool_id)]
    pools = {str(pool.pk): pool for pool in WorkerPool.objects.in_space(process.space).filter(pk__in=ids)}
    rows = []
    for one in wanted.steps:
        children = tuple(_row(one, action, stored, pools) for action in one.actions if one.is_parent)
        rows.append(
            _parent_row(one, stored, children) if children else _row(one, one.actions[0], stored, pools)
        )
    return rows


def _parent_row(step: StepDef, stored: Mapping[str, Step], children: tuple[StepRow, ...]) -> StepRow:
    there = stored.get(step.id)
    fields = StepFields(
        name=step.name,
        action_type=PARENT_STEP,
        condition=step.condition,
        expression=step.expression,
        start=step.start,
        target_tags=step.target_tags,
        window=step.window,
    )
    return StepRow(fields, id=there.pk if there else None, slug=step.slug, children=children)


def _row(
    step: StepDef, action: ActionDef, stored: Mapping[str, Step], pools: Mapping[str, WorkerPool]
) -> StepRow:
    there = stored.get(action.step_id or step.id)
    before = fields_of(there) if there else None
    fields = _fields(step, action, before, pools)
    slug = action.slug if step.is_parent else step.slug
    return StepRow(fields, id=there.pk if there else None, slug=slug)


def _fields(
    step: StepDef, action: ActionDef, before: StepFields | None, pools: Mapping[str, WorkerPool]
) -> StepFields:
    """A pool that was deleted meanwhile becomes the default pool. A child keeps the tags that it has for the
    time when it is none."""
    by_variable = action.worker_pool_variable is not None
    kept = before or StepFields(name="")
    own = step if not step.is_parent else None
    return StepFields(
        name=own.name if own else action.name,
        properties=action.properties,
        action_type=action.action_type,
        location=Location(action.location),
        pool_choice=PoolChoice.VARIABLE if by_variable else PoolChoice.SPECIFIC,
        worker_pool=kept.worker_pool if by_variable else pools.get(action.worker_pool_id or ""),
        worker_pool_variable=action.worker_pool_variable or kept.worker_pool_variable,
        notes=action.notes,
        is_disabled=action.is_disabled,
        is_required=action.is_required,
        condition=own.condition if own else action.condition,
        expression=own.expression if own else action.expression,
        start=own.start if own else kept.start,
        applies=action.applies,
        target_tags=own.target_tags if own else kept.target_tags,
        window=own.window if own else kept.window,
    )
