"""What one request of the editor works with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from accounts.permissions import Permission, can
from domain import process_warnings
from domain.labels import Names
from domain.process_warnings import PoolFacts, StepWarning, Surroundings
from domain.processes import ActionDef, Location, child_location, number_label
from domain.scopes import Context, Kind
from domain.system_variables import known_names
from environments.models import Environment
from packages import selectors as package_selectors
from pools.models import WorkerPool
from processes import channels, offers
from processes import selectors as templates
from processes.action_types import ActionForm, ActionType, all_types, by_key, by_slug
from processes.action_types.parent import PARENT
from processes.action_types.targets import Family
from processes.action_types.when import Places
from processes.channels import ChannelOption
from processes.models import Condition, Process, StartTrigger, Step
from processes.models import Location as StoredLocation
from processes.outline import Way
from processes.services import processes
from processes.services.steps import StepFields, action_of, fields_of
from projects.process_editor.owner import ProcessOwner
from projects.selectors import variables_of
from projects.services import project_variables
from tenants import selectors as tenant_selectors
from variables import selectors as variable_selectors
from variables.models import Variable
from variables.services import variable_sets
from workers.selectors.capacity import pool_loads
from workers.selectors.targets import tags_in as target_tags_in

#: Packages that are offered while somebody types; any other may be typed in full.
MOST_PACKAGES = 500


@dataclass(frozen=True)
class StepItem:
    """A step in the list on the left. `group` stands above the first of those that run beside each other.
    `label` is its number, "2" or "2.1". `can` names where it may be moved, and enable or disable."""

    step: Step
    number: int
    label: str
    url: str
    icon: str
    place: str
    place_icon: str
    is_disabled: bool
    tags: Sequence[str] = ()
    group: str = ""
    is_grouped: bool = False
    warnings: Sequence[StepWarning] = ()
    children: Sequence[StepItem] = ()
    can: Sequence[str] = ()


class Session:
    """One request of the editor: whose process it is, and what its forms are made of."""

    def __init__(self, request: HttpRequest, owner: ProcessOwner) -> None:
        self.request = request
        self.user: Any = request.user
        self.owner = owner
        self.space = owner.project.space
        self.process: Process = processes.get_or_create(
            owner_kind=owner.kind, owner_id=owner.pk, space=self.space
        )
        self.can_edit = can(self.user, Permission.EDIT_PROJECT, owner.project)

    def kind_of(self, fields: StepFields) -> ActionType | None:
        """The type by which a step is edited; None for one that this server does not know."""
        return templates.type_of_step(fields, self.space)

    def kinds(self) -> list[ActionType]:
        """What a step can be, those made from the space's templates last."""
        return [*all_types(), *templates.template_types(self.user, self.space)]

    def kind(self, slug: str) -> ActionType | None:
        return by_slug(slug) or templates.by_template_slug(self.user, self.space, slug)

    @property
    def version(self) -> int:
        """The version that the form was loaded with."""
        sent = self.request.POST.get("version", "")
        return int(sent) if sent.isascii() and sent.isdigit() else 0

    def steps(self) -> list[Step]:
        return list(self.process.steps.prefetch_related("actions__worker_pool"))

    def step(self, slug: str) -> Step:
        found = self.process.steps.select_related("parent").filter(slug=slug).first()
        if found is None:
            raise Http404("This process has no such step.")
        return found

    def items(self, steps: list[Step]) -> list[StepItem]:
        """The steps with their children."""
        tops = [step for step in steps if step.parent_id is None]
        children: dict[int, list[Step]] = {}
        for step in steps:
            if step.parent_id is not None:
                children.setdefault(step.parent_id, []).append(step)
        groups, warnings = _groups(tops), self._warnings(steps)
        return [
            replace(
                self._item(number, step, warnings),
                group=groups.get(number, ""),
                is_grouped=number in groups,
                children=self._children(number, step, children.get(step.pk, ()), warnings),
                can=_acts(step, place=number, of=len(tops)),
            )
            for number, step in enumerate(tops, start=1)
        ]

    def _children(
        self,
        number: int,
        parent: Step,
        children: Sequence[Step],
        warnings: Mapping[str, Sequence[StepWarning]],
    ) -> list[StepItem]:
        return [
            replace(
                self._item(number, one, warnings, child=child, parent=parent),
                can=_acts(one, place=child, of=len(children)),
            )
            for child, one in enumerate(children, start=1)
        ]

    def _item(
        self,
        number: int,
        step: Step,
        warnings: Mapping[str, Sequence[StepWarning]],
        *,
        child: int = 0,
        parent: Step | None = None,
    ) -> StepItem:
        item = StepItem(
            step=step,
            number=number,
            label=number_label(number, child),
            url=self.step_url(step),
            icon=PARENT.icon,
            place=_parent_place(step),
            place_icon=PARENT.icon,
            is_disabled=False,
            tags=_tags(step, ""),
            warnings=warnings.get(str(step.pk), ()),
        )
        return item if step.is_parent else self._with_action(item, parent)

    def _with_action(self, item: StepItem, parent: Step | None) -> StepItem:
        step = item.step
        action = action_of(step)
        definition = processes.action_def(action, self._place_names)
        kind = by_key(action.action_type)
        tags = parent.target_tags if parent else step.target_tags
        if parent:
            definition = replace(definition, location=child_location(definition.location, tags))
        return replace(
            item,
            icon=kind.icon if kind else "circle-question-mark",
            place=kind.place if kind and kind.place else _place(definition, tags),
            place_icon=kind.icon if kind and kind.place else _place_icon(definition),
            is_disabled=action.is_disabled,
            tags=_tags(step, definition.applies_text),
        )

    def _warnings(self, steps: list[Step]) -> dict[str, list[StepWarning]]:
        """By the id of the step, for all steps at once."""
        found: dict[str, list[StepWarning]] = {}
        process = processes.definition(steps, self._place_names)
        for warning in process_warnings.warnings(process, self._surroundings):
            found.setdefault(warning.step_id, []).append(warning)
        return found

    @cached_property
    def _surroundings(self) -> Surroundings:
        loads = pool_loads(self.pools)
        return Surroundings(
            environments=self.places.environments,
            pools={str(pool.pk): PoolFacts(pool.name, loads[pool.pk].workers > 0) for pool in self.pools},
            default_pool=next((str(pool.pk) for pool in self.pools if pool.is_default), None),
            candidates=variable_sets.candidates(self.frozen_variables),
            process_ref=self.owner.process_ref,
        )

    @cached_property
    def frozen_variables(self) -> dict[str, Any]:
        """As a run would find them now."""
        return project_variables.freeze(self.owner.project)

    @cached_property
    def _place_names(self) -> Names:
        environments = {(Kind.ENVIRONMENT, id): name for id, name in self.places.environments}
        return environments | {(Kind.CHANNEL, id): name for id, name in self.places.channels}

    def step_url(self, step: Step) -> str:
        return f"{self.owner.url}steps/{step.slug}/"

    def new_url(self, action_type: ActionType, *, into: Step | None = None) -> str:
        return f"{self.owner.url}new/{action_type.slug}/{f'?into={into.slug}' if into else ''}"

    @cached_property
    def into(self) -> Step | None:
        """The step that a new one becomes a child of; raises Http404 where the address names none."""
        slug = self.request.GET.get("into", "")
        found = self.step(slug) if slug else None
        return found.parent if found and found.parent else found

    def family_of(self, step: Step) -> Family:
        """What a step tells its children, or would tell them."""
        has_targets = step.is_parent or action_of(step).location != Location.WORKER.value
        return Family(
            name=step.name,
            url=self.step_url(step),
            target_tags=step.target_tags if has_targets else (),
            window=step.window if has_targets else 0,
        )

    @cached_property
    def variables(self) -> list[Variable]:
        """The project's own and those of the library sets that it includes; what they are called alone."""
        return list(variables_of(self.owner.project).only("name", "type"))

    @cached_property
    def pools(self) -> QuerySet[WorkerPool]:
        return WorkerPool.objects.visible_to(self.user).in_space(self.space)

    @cached_property
    def pool_variables(self) -> list[str]:
        return variable_selectors.pool_variable_names(self.variables)

    @cached_property
    def channels(self) -> list[ChannelOption]:
        return channels.of(self.process)

    @cached_property
    def places(self) -> Places:
        environments = Environment.objects.visible_to(self.user).in_space(self.space)
        tags = tenant_selectors.tags(self.space)
        return Places(
            [(str(one.pk), one.name) for one in environments],
            [one.canonical_name for one in tags],
            target_tags_in(self.space),
            offered=lambda kind: offers.offered(kind, self.user, self.space),
            channels=[(one.id, one.name) for one in self.channels],
        )

    def package_ids(self) -> list[str]:
        """Of the packages that a step may refer to."""
        found = package_selectors.packages(self.user, self.space).order_by("id_key")
        return list(found.values_list("package_id", flat=True)[:MOST_PACKAGES])

    def completions(self) -> list[str]:
        """The names that a script may refer to."""
        own = {one.name for one in self.variables}
        context = Context(environment="", tenant="", process=self.owner.process_ref)
        return sorted(own, key=str.casefold) + sorted(known_names(context))

    def form(
        self,
        action_type: ActionType,
        fields: StepFields,
        *,
        data: Mapping[str, Any] | None = None,
        parent: Step | None = None,
    ) -> ActionForm:
        """`parent` is the step that this one is, or becomes, a child of."""
        family = self.family_of(parent) if parent else None
        if family:
            location = child_location(Location(fields.location.value), family.target_tags)
            fields = replace(fields, location=StoredLocation(location.value))
        initial = action_type.form.initial_of(fields, pool_variables=self.pool_variables)
        form = action_type.form(
            data,
            initial=initial,
            action_type=action_type,
            pools=self.pools,
            pool_variables=self.pool_variables,
            places=self.places,
        )
        form.family = family
        if not self.can_edit:
            for field in form.fields.values():
                field.disabled = True
        return form

    def objections(self, fields: StepFields) -> Iterator[tuple[str, str]]:
        """What the form of the step's type says against such a step: the field's label and the message."""
        kind = self.kind_of(fields)
        if kind is None:
            return
        blank = self.form(kind, fields)
        form = self.form(kind, fields, data={name: blank[name].value() for name in blank.fields})
        for name, errors in form.errors.items():
            label = form.fields[name].label if name in form.fields else ""
            for error in errors:
                yield str(label or name.removeprefix("__all__")), str(error)


def _groups(steps: Sequence[Step]) -> dict[int, str]:
    """By number, for steps that run beside others: what stands above the first of them, "" for the rest."""
    found: dict[int, str] = {}
    at = 1
    for number in range(1, len(steps) + 1):
        is_last = number == len(steps) or steps[number].start_trigger == StartTrigger.AFTER_PREVIOUS
        if is_last and number > at:
            words = "and" if number == at + 1 else "to"
            found |= dict.fromkeys(range(at, number + 1), "")
            found[at] = f"Steps {at} {words} {number} run in parallel"
        if is_last:
            at = number + 1
    return found


def _acts(step: Step, *, place: int, of: int) -> list[str]:
    """What the menu can do with a step at its place among so many."""
    is_child = step.parent_id is not None
    found = {
        Way.UP: place > 1,
        Way.DOWN: place < of,
        Way.IN: place > 1 and not is_child and not step.is_parent,
        Way.OUT: is_child,
    }
    acts = [way.value for way, can in found.items() if can]
    if not step.is_parent:
        acts.append("enable" if action_of(step).is_disabled else "disable")
    return acts


def _tags(step: Step, applies: str) -> list[str]:
    """What the list says of when it runs, where that is not as usual."""
    condition = {
        Condition.FAILURE: "After a failure",
        Condition.ALWAYS: "Always",
        Condition.VARIABLE: "If true",
    }
    found = [
        condition.get(Condition(step.condition), ""),
        applies[:1].upper() + applies[1:],
    ]
    return [tag for tag in found if tag]


def _parent_place(step: Step) -> str:
    if not step.target_tags:
        return "One after the other"
    window = f" · {step.window} at a time" if step.window else ""
    return f"Each target · {', '.join(step.target_tags)}{window}"


def _place(action: ActionDef, target_tags: Sequence[str]) -> str:
    if action.is_on_server:
        return "Server"
    tags = ", ".join(target_tags) or "no tags"
    pool = "pool from variable" if action.worker_pool_variable is not None else action.worker_pool_name
    match action.location:
        case Location.TARGET:
            return f"Targets · {tags}"
        case Location.ON_BEHALF:
            return f"Worker for each of {tags} · {pool or 'default pool'}"
    return f"Worker · {pool or 'default pool'}"


def _place_icon(action: ActionDef) -> str:
    if action.is_on_server:
        return "server"
    return "crosshair" if action.location is Location.TARGET else "boxes"


def type_of(session: Session, step: Step) -> ActionType:
    if step.is_parent:
        return PARENT
    found = session.kind_of(fields_of(step))
    if found is None:
        raise Http404("This server has no editor for steps of this type.")
    return found
