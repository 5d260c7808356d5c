"""What a step is saved from, and how it gets its place among the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import F, Max

from common.slugs import unique_slug
from common.usage import refuse_if_used
from domain import codec
from domain.conditions import EVERYWHERE, Applies
from domain.processes import SCRIPT_ACTION
from domain.step_rules import Condition, Start
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

    Both pools and the target tags are kept whichever location and pool are chosen. `worker_pool` None
    means the default pool of the space. `properties` are Octopus's, all strings.
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
    is_required: bool = False
    condition: Condition = Condition.SUCCESS
    expression: str = ""
    start: Start = Start.AFTER_PREVIOUS
    applies: Applies = EVERYWHERE
    target_tags: tuple[str, ...] = ()
    window: int = 0


@dataclass(frozen=True)
class StepRow:
    """A step of a process that is saved as a whole; `id` is the stored step, None for a new one, which gets
    `slug` if it is free and not empty."""

    fields: StepFields
    id: int | None = None
    slug: str = ""


def replace(process: Process, rows: Sequence[StepRow]) -> None:
    """The steps become these. Raises StepNameTaken, UnknownSteps, or InUse for a step that would go."""
    stored = {step.pk: step for step in process.steps.prefetch_related("actions")}
    kept = [row.id for row in rows if row.id is not None]
    if not set(kept) <= stored.keys() or len(set(kept)) < len(kept):
        raise UnknownSteps
    _refuse_same_names(rows)
    for pk in stored.keys() - set(kept):
        for action in stored[pk].actions.all():
            refuse_if_used(action)
        stored[pk].delete()
    for pk in kept:
        # Out of the way first, since two steps may swap their names; no name holds a line break.
        Step.objects.filter(pk=pk).update(name=f"renaming\n{pk}")
    ids = [_replaced(process, row, stored) for row in rows]
    renumber(process, ids)


def _replaced(process: Process, row: StepRow, stored: Mapping[int, Step]) -> int:
    if row.id is None:
        return create(process, row.fields, slug=row.slug).pk
    change(stored[row.id], row.fields)
    return row.id


def _refuse_same_names(rows: Sequence[StepRow]) -> None:
    seen: set[str] = set()
    for row in rows:
        name = row.fields.name.casefold()
        if name in seen:
            raise StepNameTaken(row.fields.name)
        seen.add(name)


def create(process: Process, fields: StepFields, *, after: Step | None = None, slug: str = "") -> Step:
    """A new step behind `after`, or at the end. Its slug is made of its name where none is given."""
    _refuse_taken_name(process, fields.name)
    last = process.steps.aggregate(last=Max("position"))["last"] or 0
    slug = unique_slug(slug or fields.name, Step.objects.filter(process=process), fallback="step")
    step = Step(process=process, position=last + 1, slug=slug)
    _fill_step(step, fields)
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
    _fill_step(step, fields)
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
        is_required=action.is_required,
        condition=Condition(step.condition),
        expression=step.expression,
        start=Start(step.start_trigger),
        target_tags=tuple(step.target_tags),
        window=step.window,
        applies=codec.decode_fields(Applies, action.applies),
    )


def action_of(step: Step) -> Action:
    """The step's one action; prefetch `actions` for many."""
    return step.actions.all()[0]


def copied_name(name: str, process: Process) -> str:
    """A free name for a copy in a process: "Back up (copy)", "Back up (copy 2)"."""
    taken = {name.casefold() for name in process.steps.values_list("name", flat=True)}
    base, number = name[:100], 1
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


def _fill_step(step: Step, fields: StepFields) -> None:
    step.name = fields.name
    step.condition, step.expression = fields.condition.value, fields.expression
    step.start_trigger = fields.start.value
    step.target_tags, step.window = list(fields.target_tags), fields.window
    step.save()


def _fill(action: Action, fields: StepFields) -> None:
    action.name = fields.name
    action.action_type = fields.action_type
    action.properties = dict(fields.properties)
    action.location, action.pool_choice = fields.location, fields.pool_choice
    action.worker_pool = fields.worker_pool
    action.worker_pool_variable = fields.worker_pool_variable
    action.notes, action.is_disabled = fields.notes, fields.is_disabled
    action.is_required, action.applies = fields.is_required, applies_json(fields.applies)
    action.save()


def applies_json(applies: Applies) -> dict[str, list[str]]:
    """Only what restricts."""
    return {name: value for name, value in codec.encode_fields(applies).items() if value}
