"""What a step is saved from, and how it gets its place among the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import F

from common.slugs import unique_slug
from common.usage import refuse_if_used
from domain import codec
from domain.conditions import EVERYWHERE, Applies
from domain.processes import PARENT_STEP, SCRIPT_ACTION, child_location
from domain.processes import Location as Runs
from domain.step_rules import Condition, Start
from pools.models import WorkerPool
from processes import outline
from processes.models import Action, Location, PoolChoice, Process, Step

# Far above any real position, so that no two steps hold the same one while they are renumbered.
_OUT_OF_THE_WAY = 1_000_000


class StepNameTaken(Exception):
    """Another step of the process has this name, ignoring case."""


class UnknownSteps(Exception):
    """An order that does not name each step of the process exactly once, or makes children of children."""


@dataclass(frozen=True)
class StepFields:
    """A step with its one action, as a form or an API hands it over; one of the type PARENT_STEP has none.

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

    @property
    def is_parent(self) -> bool:
        return self.action_type == PARENT_STEP


@dataclass(frozen=True)
class StepRow:
    """A step of a process that is saved as a whole; `id` is the stored step, None for a new one, which gets
    `slug` if it is free and not empty. One with `children` is of the type PARENT_STEP."""

    fields: StepFields
    id: int | None = None
    slug: str = ""
    children: tuple[StepRow, ...] = ()


def replace(process: Process, rows: Sequence[StepRow]) -> None:
    """The steps become these. Raises StepNameTaken, UnknownSteps, or InUse for a step that would go."""
    stored = {step.pk: step for step in process.steps.prefetch_related("actions")}
    every = list(each(rows))
    kept = [row.id for row in every if row.id is not None]
    if not set(kept) <= stored.keys() or len(set(kept)) < len(kept):
        raise UnknownSteps
    if any(stored[row.id].is_parent != row.fields.is_parent for row in every if row.id is not None):
        raise UnknownSteps
    _refuse_same_names(every)
    # A parent that goes is not to take children with it that stay.
    process.steps.update(parent=None)
    for pk in stored.keys() - set(kept):
        delete(stored[pk])
    for pk in kept:
        # Out of the way first, since two steps may swap their names; no name holds a line break.
        Step.objects.filter(pk=pk).update(name=f"renaming\n{pk}")
        stored[pk].parent = None
    branches = [
        (_replaced(process, row, stored), [_replaced(process, one, stored) for one in row.children])
        for row in rows
    ]
    arrange(process, branches)


def each(rows: Iterable[StepRow]) -> Iterator[StepRow]:
    """Steps and their children, in order."""
    for row in rows:
        yield row
        yield from row.children


def _replaced(process: Process, row: StepRow, stored: Mapping[int, Step]) -> int:
    if row.id is None:
        return _create(process, row.fields, slug=row.slug).pk
    change(stored[row.id], row.fields)
    return row.id


def _refuse_same_names(rows: Sequence[StepRow]) -> None:
    seen: set[tuple[str, bool]] = set()
    for row in rows:
        name = (row.fields.name.casefold(), row.fields.is_parent)
        if name in seen:
            raise StepNameTaken(row.fields.name)
        seen.add(name)


def create(
    process: Process,
    fields: StepFields,
    *,
    after: Step | None = None,
    into: Step | None = None,
    children: Sequence[StepFields] = (),
) -> Step:
    """A new step behind `after`, as the last child of `into`, or at the end. Its slug is made of its name.
    A step that gets its first child becomes the first child of a new one. A parent comes with `children`."""
    branches = branches_of(process)
    step = _create(process, fields)
    new = (step.pk, [_create(process, one).pk for one in children])
    if into is not None:
        _branch(branches, into)[1].append(step.pk)
    elif after is None:
        branches.append(new)
    elif after.parent_id is not None:
        siblings = _branch(branches, after)[1]
        siblings.insert(siblings.index(after.pk) + 1, step.pk)
    else:
        branches.insert(branches.index(_branch(branches, after)) + 1, new)
    arrange(process, branches)
    step.refresh_from_db()
    return step


def _create(process: Process, fields: StepFields, *, slug: str = "") -> Step:
    """At the end, without a parent."""
    _refuse_taken_name(process, fields)
    last = process.steps.order_by("-position").values_list("position", flat=True).first() or 0
    slug = unique_slug(slug or fields.name, Step.objects.filter(process=process), fallback="step")
    step = Step(process=process, position=last + 1, slug=slug, is_parent=fields.is_parent)
    _fill_step(step, fields)
    if not fields.is_parent:
        _fill(Action(step=step, slug=slug), fields)
    return step


def delete(step: Step) -> None:
    """With its children. Raises InUse while values of variables are scoped to one of them; its place stays
    empty until the others are arranged."""
    for one in (step, *step.children.prefetch_related("actions")):
        for action in one.actions.all():
            refuse_if_used(action)
    step.delete()


def change(step: Step, fields: StepFields) -> None:
    """The slug stays, so that addresses and references keep working when a step is renamed."""
    _refuse_taken_name(step.process, fields, but=step)
    _fill_step(step, fields)
    if not step.is_parent:
        _fill(action_of(step), fields)


def fields_of(step: Step) -> StepFields:
    own = StepFields(
        name=step.name,
        action_type=PARENT_STEP,
        condition=Condition(step.condition),
        expression=step.expression,
        start=Start(step.start_trigger),
        target_tags=tuple(step.target_tags),
        window=step.window,
    )
    return own if step.is_parent else _with_action(own, action_of(step))


def _with_action(fields: StepFields, action: Action) -> StepFields:
    return StepFields(
        name=fields.name,
        condition=fields.condition,
        expression=fields.expression,
        start=fields.start,
        target_tags=fields.target_tags,
        window=fields.window,
        properties=action.properties,
        action_type=action.action_type,
        location=Location(action.location),
        pool_choice=PoolChoice(action.pool_choice),
        worker_pool=action.worker_pool,
        worker_pool_variable=action.worker_pool_variable,
        notes=action.notes,
        is_disabled=action.is_disabled,
        is_required=action.is_required,
        applies=codec.decode_fields(Applies, action.applies),
    )


def action_of(step: Step) -> Action:
    """The one action of a step that holds no others; prefetch `actions` for many."""
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


def branches_of(process: Process) -> list[outline.Branch]:
    rows = process.steps.values_list("pk", "parent_id")
    return outline.branches([pk for pk, _ in rows], {pk: parent for pk, parent in rows if parent})


def _branch(branches: Sequence[outline.Branch], step: Step) -> outline.Branch:
    """The one that a step is in."""
    top = step.parent_id or step.pk
    return next(branch for branch in branches if branch[0] == top)


def arrange(process: Process, branches: Sequence[outline.Branch]) -> None:
    """Give the steps this order, and children to those that get some: one that holds no others yet becomes
    the first child of a new step. A step whose only child is left gives way to it. Raises UnknownSteps.

    Positions are given in two passes: they are unique at every moment, on both databases.
    """
    steps = {step.pk: step for step in process.steps.prefetch_related("actions")}
    ids, parents = outline.flat(branches)
    if sorted(ids) != sorted(steps) or any(steps[id].is_parent for id in parents):
        raise UnknownSteps
    ids, parents = outline.flat(
        [_settled(steps, id, children) for id, children in branches if _stays(steps, id, children)]
    )
    process.steps.update(position=F("position") + _OUT_OF_THE_WAY)
    for position, pk in enumerate(ids, start=1):
        steps[pk].position, steps[pk].parent_id = position, parents.get(pk)
    kept = [steps[pk] for pk in ids]
    Step.objects.bulk_update(kept, ["position", "parent", *_TAKEN])
    for pk in steps.keys() - set(ids):
        steps[pk].delete()


_TAKEN = ("condition", "expression", "start_trigger", "target_tags", "window")


def _stays(steps: Mapping[int, Step], id: int, children: Sequence[int]) -> bool:
    """A step without children that is there for them goes."""
    return bool(children) or not steps[id].is_parent


def _settled(steps: dict[int, Step], id: int, children: list[int]) -> outline.Branch:
    """A branch in which a step has either no children or several."""
    step = steps[id]
    if step.is_parent and len(children) == 1:
        _take_place(steps[children[0]], of=step)
        return children[0], []
    if children and not step.is_parent:
        parent = _wrapped(step)
        steps[parent.pk] = parent
        return parent.pk, [id, *children]
    return id, children


def _wrapped(step: Step) -> Step:
    """A new step around one, which goes on where and when that one did."""
    has_targets = Runs(action_of(step).location).has_targets
    is_taken = step.process.steps.filter(name__iexact=step.name, is_parent=True).exists()
    fields = StepFields(
        name=copied_name(step.name, step.process) if is_taken else step.name,
        action_type=PARENT_STEP,
        condition=Condition(step.condition),
        expression=step.expression,
        start=Start(step.start_trigger),
        target_tags=tuple(step.target_tags) if has_targets else (),
        window=step.window if has_targets else 0,
    )
    parent = _create(step.process, fields)
    step.condition, step.expression = Condition.SUCCESS.value, ""
    step.start_trigger = Start.AFTER_PREVIOUS.value
    return parent


def _take_place(step: Step, *, of: Step) -> None:
    """The last child goes on where and when its parent did."""
    if of.condition != Condition.SUCCESS.value:
        step.condition, step.expression = of.condition, of.expression
    step.start_trigger = of.start_trigger
    if of.target_tags:
        step.target_tags, step.window = of.target_tags, of.window
    action = action_of(step)
    location = Location(child_location(Runs(action.location), of.target_tags).value)
    if action.location != location:
        action.location = location
        action.save(update_fields=["location"])


def _refuse_taken_name(process: Process, fields: StepFields, *, but: Step | None = None) -> None:
    others = process.steps.filter(name__iexact=fields.name, is_parent=fields.is_parent)
    if (others.exclude(pk=but.pk) if but else others).exists():
        raise StepNameTaken(fields.name)


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
