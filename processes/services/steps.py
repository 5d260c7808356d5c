"""What a step is saved from, and how it gets its place among the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import F, Max

from common.slugs import unique_slug
from domain.processes import SCRIPT_ACTION
from pools.models import WorkerPool
from processes.models import Action, Location, PoolChoice, Process, Step

# Far above any real position, so that no two steps hold the same one while they are renumbered.
_OUT_OF_THE_WAY = 1_000_000


class StepNameTaken(Exception):
    """Another step of the process has this name, ignoring case."""


class UnknownSteps(Exception):
    """An order that does not name each step of the process exactly once."""


@dataclass(frozen=True)
class StepFields:
    """A step with its one action, as a form or an API hands it over.

    Both pools are kept whichever is chosen. `worker_pool` None means the default pool of the space.
    `properties` are Octopus's, all strings.
    """

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    action_type: str = SCRIPT_ACTION
    location: Location = Location.WORKER
    pool_choice: PoolChoice = PoolChoice.SPECIFIC
    worker_pool: WorkerPool | None = None
    worker_pool_variable: str = ""
    notes: str = ""
    is_disabled: bool = False


def create(process: Process, fields: StepFields, *, after: Step | None = None) -> Step:
    """A new step behind `after`, or at the end."""
    _refuse_taken_name(process, fields.name)
    last = process.steps.aggregate(last=Max("position"))["last"] or 0
    slug = unique_slug(fields.name, Step.objects.filter(process=process), fallback="step")
    step = Step.objects.create(process=process, position=last + 1, name=fields.name, slug=slug)
    action = Action(step=step, slug=slug)
    _fill(action, fields)
    if after is not None:
        ids = [pk for pk in _ids(process) if pk != step.pk]
        ids.insert(ids.index(after.pk) + 1, step.pk)
        renumber(process, ids)
    return step


def change(step: Step, fields: StepFields) -> None:
    """The slug stays, so that addresses and references keep working when a step is renamed."""
    _refuse_taken_name(step.process, fields.name, but=step)
    step.name = fields.name
    step.save(update_fields=["name"])
    _fill(action_of(step), fields)


def fields_of(step: Step) -> StepFields:
    action = action_of(step)
    return StepFields(
        name=step.name,
        properties=action.properties,
        action_type=action.action_type,
        location=Location(action.location),
        pool_choice=PoolChoice(action.pool_choice),
        worker_pool=action.worker_pool,
        worker_pool_variable=action.worker_pool_variable,
        notes=action.notes,
        is_disabled=action.is_disabled,
    )


def action_of(step: Step) -> Action:
    """The step's one action; prefetch `actions` for many."""
    return step.actions.all()[0]


def copied_name(step: Step) -> str:
    """A free name for a copy: "Back up (copy)", "Back up (copy 2)"."""
    taken = {name.casefold() for name in step.process.steps.values_list("name", flat=True)}
    base, number = step.name[:100], 1
    name = f"{base} (copy)"
    while name.casefold() in taken:
        number += 1
        name = f"{base} (copy {number})"
    return name


def renumber(process: Process, ids: Sequence[int]) -> None:
    """Give the steps the positions 1, 2, … in this order. Raises UnknownSteps.

    In two passes: the positions are unique at every moment, on both databases.
    """
    steps = {step.pk: step for step in process.steps.all()}
    if sorted(ids) != sorted(steps):
        raise UnknownSteps
    process.steps.update(position=F("position") + _OUT_OF_THE_WAY)
    for position, pk in enumerate(ids, start=1):
        steps[pk].position = position
    Step.objects.bulk_update(steps.values(), ["position"])


def _ids(process: Process) -> list[int]:
    return list(process.steps.values_list("pk", flat=True))


def _refuse_taken_name(process: Process, name: str, *, but: Step | None = None) -> None:
    others = process.steps.filter(name__iexact=name)
    if (others.exclude(pk=but.pk) if but else others).exists():
        raise StepNameTaken(name)


def _fill(action: Action, fields: StepFields) -> None:
    action.name = fields.name
    action.action_type = fields.action_type
    action.properties = dict(fields.properties)
    action.location, action.pool_choice = fields.location, fields.pool_choice
    action.worker_pool = fields.worker_pool
    action.worker_pool_variable = fields.worker_pool_variable
    action.notes, action.is_disabled = fields.notes, fields.is_disabled
    action.save()
