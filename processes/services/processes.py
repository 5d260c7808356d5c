"""The only writer of processes. Every change takes the next version of the whole process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from accounts.services import events
from domain import codec
from domain.conditions import Applies, conditions_text
from domain.labels import Names
from domain.processes import ActionDef, Location, ProcessDef, StepDef, child_location
from domain.scopes import Kind
from domain.step_rules import Condition, Start
from environments.models import Environment
from processes import channels, outline, owners, restoring, saving
from processes.models import Action, PoolChoice, Process, ProcessRevision, Step
from processes.services import steps
from processes.services.steps import StepFields, StepNameTaken, StepRow, UnknownSteps
from spaces.models import Space

__all__ = [
    "StaleProcess",
    "StepFields",
    "StepNameTaken",
    "StepRow",
    "UnknownSteps",
    "add_step",
    "clone_step",
    "copy_step",
    "definition",
    "delete",
    "delete_step",
    "edit_step",
    "edit_steps",
    "freeze",
    "get_or_create",
    "reorder",
    "replace_steps",
    "restore",
    "set_disabled",
]

KEPT_REVISIONS = 50


class StaleProcess(Exception):
    """Somebody saved the process since it was loaded.

    `current` is the process as it is now, `loaded` as it was at the version of the caller, None where
    that is too long ago; both as `freeze` gives them, for `processes.differences`.
    """

    def __init__(self, process: Process, *, version: int) -> None:
        super().__init__("This process was saved by somebody else.")
        self.process = process
        self.current = freeze(process)
        revision = process.revisions.filter(version=version).first()
        self.loaded: dict[str, Any] | None = revision.content if revision else None


def get_or_create(*, owner_kind: str, owner_id: int, space: Space) -> Process:
    """The process of an owner, empty at first."""
    process, created = Process.objects.get_or_create(
        owner_kind=owner_kind, owner_id=owner_id, defaults={"space": space}
    )
    if created:
        _keep_revision(process, message="Created")
    return process


def delete(*, owner_kind: str, owner_id: int) -> None:
    """Called by the service that deletes the owner; nothing else would find the process again."""
    Process.objects.filter(owner_kind=owner_kind, owner_id=owner_id).delete()


def add_step(
    *,
    process: Process,
    version: int,
    fields: StepFields,
    user: User | None = None,
    after: Step | None = None,
    into: Step | None = None,
    children: Sequence[StepFields] = (),
) -> Step:
    """A new step behind `after`, as a child of `into`, or at the end; a parent comes with its children.
    `user` is None for the system itself.

    Raises StaleProcess, StepNameTaken, or NotAllowed for a pool that the user may not use.
    """
    for one in (fields, *children):
        _check_pool(one, before=None, user=user)
    with _changing(process, version=version, user=user, message=f"Added step {fields.name} to"):
        return steps.create(process, fields, after=after, into=into, children=children)


def edit_step(*, step: Step, version: int, fields: StepFields, user: User | None = None) -> Step:
    """Raises StaleProcess, StepNameTaken, or NotAllowed for a pool that the user may not use."""
    _check_pool(fields, before=steps.fields_of(step), user=user)
    with _changing(step.process, version=version, user=user, message=f"Changed step {fields.name} of"):
        steps.change(step, fields)
    return step


def edit_steps(
    *,
    process: Process,
    version: int,
    changes: Sequence[tuple[Step, StepFields]],
    user: User | None = None,
    message: str = "Changed the steps of",
) -> None:
    """Several steps at once. Raises what `edit_step` does."""
    for step, fields in changes:
        _check_pool(fields, before=steps.fields_of(step), user=user)
    with _changing(process, version=version, user=user, message=message):
        for step, fields in changes:
            steps.change(step, fields)


def set_disabled(*, step: Step, version: int, is_disabled: bool, user: User | None = None) -> None:
    """Raises StaleProcess."""
    fields = replace(steps.fields_of(step), is_disabled=is_disabled)
    verb = "Disabled" if is_disabled else "Enabled"
    with _changing(step.process, version=version, user=user, message=f"{verb} step {step.name} of"):
        steps.change(step, fields)


def clone_step(*, step: Step, version: int, user: User | None = None) -> Step:
    """A copy right behind the step. Raises StaleProcess."""
    process = step.process
    fields, *children = (
        replace(steps.fields_of(one), name=steps.copied_name(one.name, process))
        for one in _with_children(step)
    )
    for one in (fields, *children):
        _check_pool(one, before=None, user=user)
    with _changing(process, version=version, user=user, message=f"Copied step {step.name} of"):
        return steps.create(process, fields, after=step, children=children)


def _with_children(step: Step) -> list[Step]:
    return [step, *step.children.prefetch_related("actions__worker_pool")]


def copy_step(*, step: Step, to: Process, user: User | None = None) -> Step:
    """A copy at the end of another process, under its own name if that is free there.

    Raises StaleProcess if somebody saves the other process at the same moment, or NotAllowed for a pool that
    the user may not use.
    """
    fields, *children = (
        replace(
            steps.fields_of(one),
            name=_free_name(one, to),
            start=Start.AFTER_PREVIOUS,
            applies=_applies_there(one, to),
        )
        for one in _with_children(step)
    )
    return add_step(process=to, version=to.version, fields=fields, user=user, children=children)


def _applies_there(step: Step, process: Process) -> Applies:
    """Channels of another project mean nothing there, and would keep the step from ever running."""
    applies, there = steps.fields_of(step).applies, {one.id for one in channels.of(process)}
    return replace(applies, channels=tuple(id for id in applies.channels if id in there))


def _free_name(step: Step, process: Process) -> str:
    is_taken = process.steps.filter(name__iexact=step.name, is_parent=step.is_parent).exists()
    return steps.copied_name(step.name, process) if is_taken else step.name


def delete_step(*, step: Step, version: int, user: User | None = None) -> None:
    """With its children. Raises StaleProcess, or InUse while values of variables are scoped to one."""
    process = step.process
    with _changing(process, version=version, user=user, message=f"Deleted step {step.name} of"):
        steps.delete(step)
        steps.arrange(process, steps.branches_of(process))


def reorder(
    *,
    process: Process,
    version: int,
    step_ids: Sequence[int],
    parents: Mapping[int, int] | None = None,
    user: User | None = None,
) -> None:
    """Gives the steps this order, and the parents that some have; None leaves each its own. A step that gets
    its first child becomes the first child of a new one, and one with a single child left gives way to it.

    Raises StaleProcess, or UnknownSteps unless each step is named exactly once.
    """
    with _changing(process, version=version, user=user, message="Reordered the steps of"):
        if parents is None:
            parents = dict(process.steps.exclude(parent=None).values_list("pk", "parent_id"))
        try:
            steps.arrange(process, outline.branches(step_ids, parents))
        except outline.BadOutline as problem:
            raise UnknownSteps from problem


def replace_steps(
    *, process: Process, version: int, rows: Sequence[StepRow], user: User | None = None
) -> None:
    """Make the process hold these steps and no others, in this order; those that are named keep their ids.

    Raises StaleProcess, StepNameTaken, UnknownSteps, InUse while values of variables are scoped to a step
    that would go, or NotAllowed for a pool that the user may not use.
    """
    _check_pools(process, rows, user=user)
    with _changing(process, version=version, user=user, message="Changed the steps of"):
        steps.replace(process, rows)


def restore(*, process: Process, version: int, revision: ProcessRevision, user: User | None = None) -> None:
    """Make the steps those of a revision of this process, as its next version.

    Raises StaleProcess, InUse while values of variables are scoped to a step that would go, or NotAllowed for
    a pool that the user may not use.
    """
    rows = restoring.rows_of(ProcessDef.from_json(revision.content), process)
    _check_pools(process, rows, user=user)
    message = f"Restored version {revision.version} of"
    with _changing(process, version=version, user=user, message=message):
        steps.replace(process, rows)


def freeze(process: Process) -> dict[str, Any]:
    """The process as a snapshot keeps it: `domain.processes.ProcessDef` as JSON."""
    rows = process.steps.prefetch_related("actions__worker_pool")
    actions = [action for step in rows for action in step.actions.all()]
    names = _names([codec.decode_fields(Applies, action.applies) for action in actions])
    return definition(rows, names).to_json()


def definition(rows: Iterable[Step], names: Names) -> ProcessDef:
    """The steps of a process, in order, as the rules see them; `names` are those of environments."""
    found: dict[int, tuple[Step, list[Step]]] = {}
    for step in rows:
        if step.parent_id is None:
            found[step.pk] = (step, [])
        else:
            found[step.parent_id][1].append(step)
    return ProcessDef(
        tuple(
            _step_def(number, step, children, names)
            for number, (step, children) in enumerate(found.values(), start=1)
        )
    )


def _names(applies: Sequence[Applies]) -> Names:
    """Of the environments and channels that steps are restricted to."""
    own = channels.names({id for one in applies for id in one.channels})
    ids = {id for one in applies for id in (*one.environments, *one.excluded_environments)}
    rows = Environment.objects.filter(pk__in=ids).values_list("pk", "name") if ids else ()
    found = {(Kind.ENVIRONMENT, str(id)): name for id, name in rows}
    return found | {(Kind.CHANNEL, id): name for id, name in own.items()}


def _step_def(number: int, step: Step, children: Sequence[Step], names: Names) -> StepDef:
    actions = tuple(action_def(action, names) for action in step.actions.all())
    if step.is_parent:
        actions = tuple(_child_def(child, step.target_tags, names) for child in children)
    return StepDef(
        id=str(step.pk),
        name=step.name,
        number=number,
        actions=actions,
        slug=step.slug,
        condition=Condition(step.condition),
        expression=step.expression,
        start=Start(step.start_trigger),
        target_tags=tuple(step.target_tags),
        window=step.window,
    )


def _child_def(child: Step, tags: Sequence[str], names: Names) -> ActionDef:
    own = action_def(steps.action_of(child), names)
    return replace(
        own,
        location=child_location(own.location, tags),
        condition=Condition(child.condition),
        expression=child.expression,
        step_id=str(child.pk),
    )


def action_def(action: Action, names: Names | None = None) -> ActionDef:
    """An action as the rules see it: with the one pool that is chosen, also when it is not saved yet.
    `names` of environments are read where they are not given."""
    applies = codec.decode_fields(Applies, action.applies)
    is_fixed = action.pool_choice == PoolChoice.SPECIFIC
    pool = action.worker_pool if is_fixed else None
    return ActionDef(
        id=str(action.pk or ""),
        name=action.name,
        slug=action.slug,
        action_type=action.action_type,
        properties=action.properties,
        location=Location(action.location),
        worker_pool_id=str(pool.pk) if pool else None,
        worker_pool_name=pool.name if pool else "",
        worker_pool_variable=None if is_fixed else action.worker_pool_variable,
        is_disabled=action.is_disabled,
        is_required=action.is_required,
        applies=applies,
        applies_text=conditions_text(applies, _names([applies]) if names is None else names),
        notes=action.notes,
    )


@contextmanager
def _changing(process: Process, *, version: int, user: User | None, message: str) -> Iterator[None]:
    """One transaction: take the next version, let the caller change the steps, keep the result. Raises
    `processes.saving.SaveRefused` where the result may not be."""
    with transaction.atomic():
        _claim(process, version=version, user=user)
        yield
        process.refresh_from_db()
        saving.check(process)
        _keep_revision(process, message=message.rpartition(" ")[0])
        key = (process.owner_kind, process.owner_id)
        owner = owners.resolve([key]).get(key)
        events.record(
            user=user,
            category="Modified",
            subject=process,
            space=process.space,
            message=f"{message} {owner.label if owner else process}.",
        )


def _claim(process: Process, *, version: int, user: User | None) -> None:
    """Take the next version, or raise StaleProcess. Holds the row until the end of the transaction."""
    username = user.username if user else ""
    fresh = Process.objects.filter(pk=process.pk, version=version)
    taken = fresh.update(version=F("version") + 1, updated_at=timezone.now(), updated_by=username)
    if not taken:
        process.refresh_from_db()
        raise StaleProcess(process, version=version)


def _check_pools(process: Process, rows: Sequence[StepRow], *, user: User | None) -> None:
    stored = {step.pk: step for step in process.steps.prefetch_related("actions__worker_pool")}
    for row in steps.each(rows):
        before = stored.get(row.id or 0)
        _check_pool(row.fields, before=steps.fields_of(before) if before else None, user=user)


def _check_pool(fields: StepFields, *, before: StepFields | None, user: User | None) -> None:
    """Whoever puts a step on a pool needs the right to use that pool."""
    if user is None or fields.worker_pool is None:
        return
    if before is None or before.worker_pool != fields.worker_pool:
        require(user, Permission.USE_POOL, fields.worker_pool)


def _keep_revision(process: Process, *, message: str) -> None:
    ProcessRevision.objects.create(
        process=process,
        version=process.version,
        content=freeze(process),
        saved_at=process.updated_at,
        saved_by=process.updated_by,
        message=message[:200],
    )
    oldest = process.version - KEPT_REVISIONS
    ProcessRevision.objects.filter(process=process, version__lte=oldest).delete()
