"""What one request of the editor works with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, QueryDict

from accounts.permissions import Permission, can
from domain.scopes import Context
from domain.system_variables import known_names
from pools.models import WorkerPool
from processes.action_types import ActionForm, ActionType, by_key
from processes.models import Process, Step
from processes.services import processes
from processes.services.steps import StepFields, action_of
from projects.process_editor.owner import ProcessOwner
from variables import selectors as variable_selectors
from variables.models import OwnerKind as VariablesOwner
from variables.models import VariableSet
from variables.services import variable_sets


@dataclass(frozen=True)
class StepItem:
    """A step in the list on the left."""

    step: Step
    number: int
    url: str
    icon: str
    place: str
    is_disabled: bool


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

    @property
    def version(self) -> int:
        """The version that the form was loaded with."""
        sent = self.request.POST.get("version", "")
        return int(sent) if sent.isascii() and sent.isdigit() else 0

    def steps(self) -> list[Step]:
        return list(self.process.steps.prefetch_related("actions__worker_pool"))

    def step(self, slug: str) -> Step:
        found = self.process.steps.filter(slug=slug).first()
        if found is None:
            raise Http404("This process has no such step.")
        return found

    def items(self, steps: list[Step]) -> list[StepItem]:
        return [self._item(number, step) for number, step in enumerate(steps, start=1)]

    def _item(self, number: int, step: Step) -> StepItem:
        action = action_of(step)
        definition = processes.action_def(action)
        place = "pool from variable" if definition.worker_pool_variable is not None else ""
        kind = by_key(action.action_type)
        return StepItem(
            step=step,
            number=number,
            url=self.step_url(step),
            icon=kind.icon if kind else "circle-question-mark",
            place=f"Worker · {place or definition.worker_pool_name or 'default pool'}",
            is_disabled=action.is_disabled,
        )

    def step_url(self, step: Step) -> str:
        return f"{self.owner.url}steps/{step.slug}/"

    def new_url(self, action_type: ActionType) -> str:
        return f"{self.owner.url}new/{action_type.slug}/"

    @cached_property
    def variable_set(self) -> VariableSet:
        return variable_sets.get_or_create(
            owner_kind=VariablesOwner.PROJECT, owner_id=self.owner.project.pk, space=self.space
        )

    @cached_property
    def pools(self) -> QuerySet[WorkerPool]:
        return WorkerPool.objects.visible_to(self.user).in_space(self.space)

    @cached_property
    def pool_variables(self) -> list[str]:
        return variable_selectors.pool_variable_names(self.variable_set)

    def completions(self) -> list[str]:
        """The names that a script may refer to."""
        own = set(self.variable_set.variables.values_list("name", flat=True))
        context = Context(environment="", tenant="", process=self.owner.process_ref)
        return sorted(own, key=str.casefold) + sorted(known_names(context))

    def form(
        self, action_type: ActionType, fields: StepFields, *, data: QueryDict | None = None
    ) -> ActionForm:
        initial = action_type.form.initial_of(fields, pool_variables=self.pool_variables)
        form = action_type.form(
            data,
            initial=initial,
            action_type=action_type,
            pools=self.pools,
            pool_variables=self.pool_variables,
        )
        if not self.can_edit:
            for field in form.fields.values():
                field.disabled = True
        return form


def type_of(step: Step) -> ActionType:
    found = by_key(action_of(step).action_type)
    if found is None:
        raise Http404("This server has no editor for steps of this type.")
    return found
