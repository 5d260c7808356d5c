"""A process of the database as text, and back: slugs stand for what ids mean here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain import codec
from domain.conditions import Applies
from domain.process_text import ActionText, Fault, ProcessText, StepText, TextRefused
from domain.processes import PARENT_STEP, child_location
from domain.processes import Location as TextLocation
from domain.step_rules import Condition, Start
from environments.models import Environment
from pools.models import WorkerPool
from processes import channels
from processes.action_types import by_key
from processes.models import Action, Location, PoolChoice, Process, Step
from processes.services.steps import StepFields, StepRow, action_of, fields_of
from tenants import selectors as tenant_selectors

Check = Callable[[StepFields], Iterable[tuple[str, str]]]
"""What the form of a step says against it: the field as people know it, and the message."""


@dataclass(frozen=True)
class Slugs:
    """By id."""

    environments: Mapping[str, str]
    channels: Mapping[str, str]


def to_text(process: Process) -> ProcessText:
    """The process as it is stored. An environment or a channel that is gone stands there by its id."""
    rows = Environment.objects.in_space(process.space).values_list("pk", "slug")
    slugs = Slugs({str(pk): slug for pk, slug in rows}, {one.id: one.slug for one in channels.of(process)})
    steps = list(process.steps.prefetch_related("actions__worker_pool"))
    children: dict[int, list[Step]] = {}
    for step in steps:
        if step.parent_id:
            children.setdefault(step.parent_id, []).append(step)
    return ProcessText(
        tuple(
            _parent_text(step, children.get(step.pk, ()), slugs)
            if step.is_parent
            else _step_text(step, slugs)
            for step in steps
            if step.parent_id is None
        )
    )


def _parent_text(step: Step, children: Sequence[Step], slugs: Slugs) -> StepText:
    tags = tuple(step.target_tags)
    return StepText(
        name=step.name,
        slug=step.slug,
        condition=Condition(step.condition),
        expression=step.expression,
        start=Start(step.start_trigger),
        actions=tuple(_child_text(child, tags, slugs) for child in children),
        target_tags=tags,
        window=step.window if tags else 0,
    )


def _child_text(child: Step, tags: Sequence[str], slugs: Slugs) -> ActionText:
    found = _action_text(child, action_of(child), slugs)
    return replace(
        found,
        name=child.name,
        slug=child.slug,
        location=child_location(found.location, tags),
        condition=Condition(child.condition),
        expression=child.expression,
    )


def _step_text(step: Step, slugs: Slugs) -> StepText:
    has_targets = TextLocation(action_of(step).location).has_targets
    return StepText(
        name=step.name,
        slug=step.slug,
        condition=Condition(step.condition),
        expression=step.expression,
        start=Start(step.start_trigger),
        actions=(_action_text(step, action_of(step), slugs),),
        target_tags=tuple(step.target_tags) if has_targets else (),
        window=step.window if has_targets else 0,
    )


def _action_text(step: Step, action: Action, slugs: Slugs) -> ActionText:
    applies = codec.decode_fields(Applies, action.applies)
    is_fixed = action.pool_choice == PoolChoice.SPECIFIC
    return ActionText(
        name="" if action.name == step.name else action.name,
        action_type=action.action_type,
        properties=action.properties,
        location=TextLocation(action.location),
        worker_pool=action.worker_pool.slug if is_fixed and action.worker_pool else "",
        worker_pool_variable=None if is_fixed else action.worker_pool_variable,
        is_disabled=action.is_disabled,
        is_required=action.is_required,
        environments=tuple(slugs.environments.get(id, id) for id in applies.environments),
        excluded_environments=tuple(slugs.environments.get(id, id) for id in applies.excluded_environments),
        channels=tuple(slugs.channels.get(id, id) for id in applies.channels),
        tenant_tags=applies.tenant_tags,
        notes=action.notes,
    )


@dataclass(frozen=True)
class Known:
    """What a text may name, by lower-case slug and name; a slug goes before a name."""

    pools: Mapping[str, WorkerPool]
    environments: Mapping[str, str]
    tenant_tags: Mapping[str, str]
    channels: Mapping[str, str]


def known(process: Process, *, user: Any) -> Known:
    """What the user may see of the space."""
    space, options = process.space, channels.of(process)
    pools = list(WorkerPool.objects.visible_to(user).in_space(space))
    environments = list(Environment.objects.visible_to(user).in_space(space))
    tags = [tag.canonical_name for tag in tenant_selectors.tags(space)]
    return Known(
        pools={
            key.casefold(): one for name in ("name", "slug") for one in pools if (key := getattr(one, name))
        },
        environments={
            getattr(one, name).casefold(): str(one.pk) for name in ("name", "slug") for one in environments
        },
        tenant_tags={tag.casefold(): tag for tag in tags},
        channels={getattr(one, name).casefold(): one.id for name in ("name", "slug") for one in options},
    )


def rows_of(text: ProcessText, process: Process, *, known: Known, check: Check) -> list[StepRow]:
    """What to store so that the process is what the text says. Steps are told by slug, or by name where
    the text has no slug; what a text cannot say of a step (the pool that is not chosen now) stays.

    Steps that differ from what is stored are checked as their forms would. Raises TextRefused.
    """
    stored = list(process.steps.prefetch_related("actions__worker_pool"))
    parents = _matches([one for one in text.steps if len(one.actions) > 1], stored, parents=True)
    singles = _matches([one for step in text.steps for one in _singles(step)], stored, parents=False)
    faults: list[Fault] = []
    rows = []
    for step in text.steps:
        own = []
        for single in _singles(step):
            match = next(singles)
            row, problems = _row(single, match, known=known, check=check)
            faults += problems
            own.append(row)
        rows.append(_parent_row(step, next(parents), own) if len(own) > 1 else own[0])
    if faults:
        raise TextRefused(faults)
    return rows


def _singles(step: StepText) -> list[StepText]:
    """A step with one action itself, or each of its children as if it were one, with the targets of all."""
    if len(step.actions) == 1:
        return [step]
    return [
        StepText(
            name=action.name or action.slug or step.name,
            slug=action.slug,
            condition=action.condition,
            expression=action.expression,
            actions=(action,),
            target_tags=step.target_tags,
            line=action.line,
        )
        for action in step.actions
    ]


def _row(step: StepText, match: Step | None, *, known: Known, check: Check) -> tuple[StepRow, list[Fault]]:
    before = fields_of(match) if match else None
    problems = list(_name_faults(step, before, known))
    fields = _fields(step, before, known)
    if not problems and fields != before:
        action = step.actions[0]
        problems = [Fault(words, action.line, step.name, field) for field, words in check(fields)]
    return StepRow(fields, id=match.pk if match else None, slug=step.slug), problems


def _parent_row(step: StepText, match: Step | None, children: Sequence[StepRow]) -> StepRow:
    fields = StepFields(
        name=step.name,
        action_type=PARENT_STEP,
        condition=step.condition,
        expression=step.expression,
        start=step.start,
        target_tags=step.target_tags,
        window=step.window,
    )
    return StepRow(fields, id=match.pk if match else None, slug=step.slug, children=tuple(children))


def _matches(texts: Sequence[StepText], stored: Sequence[Step], *, parents: bool) -> Iterator[Step | None]:
    """The stored step of each text, among those with children or those without; none is taken twice."""
    kind = [step for step in stored if step.is_parent is parents]
    by_slug = {step.slug: step for step in kind}
    by_name = {step.name.casefold(): step for step in kind}
    taken = {text.slug for text in texts}
    for text in texts:
        match = by_slug.get(text.slug) if text.slug else by_name.get(text.name.casefold())
        yield None if match and not text.slug and match.slug in taken else match


def _name_faults(step: StepText, before: StepFields | None, known: Known) -> Iterator[Fault]:
    line = step.actions[0].line
    for field, words in _unknown(step.actions[0], before, known):
        yield Fault(words, line, step.name, field)


def _unknown(action: ActionText, before: StepFields | None, known: Known) -> Iterator[tuple[str, str]]:
    """What is named and is not there, by field."""
    kind = action.action_type
    if by_key(kind) is None and (before is None or before.action_type != kind):
        yield "action_type", f"This server has no steps of the type {kind}."
    if action.worker_pool and action.worker_pool.casefold() not in known.pools:
        yield "worker_pool", f"There is no worker pool {action.worker_pool} here."
    for field, noun, there in (
        ("environments", "environment", known.environments),
        ("excluded_environments", "environment", known.environments),
        ("tenant_tags", "tenant tag", known.tenant_tags),
        ("channels", "channel", known.channels),
    ):
        missing = [name for name in getattr(action, field) if name.casefold() not in there]
        yield from ((field, f"There is no {noun} {name} here.") for name in missing)


def _fields(step: StepText, before: StepFields | None, known: Known) -> StepFields:
    action = step.actions[0]
    by_variable = action.worker_pool_variable is not None
    plain = StepFields(
        name=step.name,
        properties=dict(action.properties),
        action_type=action.action_type,
        location=Location(action.location),
        pool_choice=PoolChoice.VARIABLE if by_variable else PoolChoice.SPECIFIC,
        worker_pool=known.pools.get(action.worker_pool.casefold()),
        worker_pool_variable=action.worker_pool_variable or "",
        notes=action.notes,
        is_disabled=action.is_disabled,
        is_required=action.is_required,
        condition=step.condition,
        expression=step.expression,
        start=step.start,
        applies=Applies(
            environments=_ids(action.environments, known),
            excluded_environments=_ids(action.excluded_environments, known),
            channels=tuple(sorted(known.channels.get(name.casefold(), name) for name in action.channels)),
            tenant_tags=tuple(
                sorted(known.tenant_tags.get(tag.casefold(), tag) for tag in action.tenant_tags)
            ),
        ),
        target_tags=step.target_tags,
        window=step.window,
    )
    if before is None:
        return plain
    if not action.location.has_targets:
        plain = replace(plain, target_tags=before.target_tags, window=before.window)
    if by_variable:
        return replace(plain, worker_pool=before.worker_pool)
    return replace(plain, worker_pool_variable=before.worker_pool_variable)


def _ids(names: Sequence[str], known: Known) -> tuple[str, ...]:
    return tuple(sorted(known.environments.get(name.casefold(), name) for name in names))
