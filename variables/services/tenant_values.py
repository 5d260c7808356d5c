"""The values that tenants give: the only writer, and what runs find of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from accounts.services import events
from domain.tenant_values import Template, TenantValues, objection, values_for
from domain.variables import VariableType
from environments.models import Environment
from tenants.models import Tenant
from variables import references
from variables.models import LibraryVariableSet, OwnerKind, TenantValue, VariableTemplate
from variables.services import templates
from variables.services.templates import as_template, at_rest, refuse_strange_pool


@dataclass(frozen=True)
class Given:
    """What a tenant is to have for a template, in the clear; "" takes the value away. `environment` is None
    for a template of a library set and an environment for one of a project."""

    template: VariableTemplate
    environment: Environment | None
    value: str


@dataclass(frozen=True)
class ValueProblem:
    """What is wrong with the value at this index."""

    index: int
    message: str


class ValuesRefused(ValueError):
    """Values that cannot be kept; nothing was saved."""

    def __init__(self, problems: Sequence[ValueProblem]) -> None:
        super().__init__(" ".join(one.message for one in problems))
        self.problems = tuple(problems)


@transaction.atomic
def give(tenant: Tenant, values: Sequence[Given], *, user: User | None = None) -> None:
    """Set these values of the tenant; those that are not named stay. Raises ValuesRefused or NotAllowed."""
    _check(tenant, values, user)
    names = [one.template.name for one in values if _store(tenant, one, user)]
    if names:
        events.record(
            user=user,
            category="Modified",
            subject=tenant,
            message=f"Changed the variables of tenant {tenant.name}: {', '.join(sorted(set(names)))}.",
            space=tenant.space,
            details={"changed": sorted(set(names))},
        )


def _check(tenant: Tenant, values: Sequence[Given], user: User | None) -> None:
    problems = []
    for index, one in enumerate(values):
        is_common = one.template.variable_set.owner_kind == OwnerKind.LIBRARY
        if (one.environment is None) is not is_common:
            where = "one value for each tenant" if is_common else "a value for each environment"
            problems.append(ValueProblem(index, f"{one.template.name} has {where}."))
        elif reason := _objection(one, user):
            problems.append(ValueProblem(index, f"{one.template.name}: {reason}"))
        if one.template.variable_set.space_id != tenant.space_id:
            problems.append(ValueProblem(index, f"{one.template.name} is of another space."))
    if problems:
        raise ValuesRefused(problems)


def _objection(one: Given, user: User | None) -> str | None:
    template = as_template(one.template)
    pools = refuse_strange_pool(one.template.variable_set, template, one.value, user)
    return objection(template, one.value, pools=pools)


def _store(tenant: Tenant, one: Given, user: User | None) -> bool:
    """Whether anything changed. A secret that is typed anew counts as changed."""
    place: dict[str, Any] = {"tenant": tenant, "template": one.template, "environment": one.environment}
    if not one.value:
        return bool(TenantValue.objects.filter(**place).delete()[0])
    value = at_rest(as_template(one.template).type, one.value, one.template)
    if TenantValue.objects.filter(**place, value=value).exists():
        return False
    by = user.username if user else ""
    TenantValue.objects.update_or_create(**place, defaults={"value": value, "updated_by": by})
    return True


class Reader:
    """What runs of a project find for tenants: all templates once, and the values of the tenants in one look.

    `project_id` and `libraries` say whose templates count; they and the values are as they are now, whatever
    a release or a snapshot was made with.
    """

    def __init__(
        self, *, project_id: int, libraries: Collection[LibraryVariableSet], tenants: Iterable[Tenant]
    ) -> None:
        self.templates = templates_of(project_id, libraries)
        self._given: defaultdict[tuple[int, int | None], dict[str, str]] = defaultdict(dict)
        wanted = {tenant.pk for tenant in tenants}
        if not self.templates or not wanted:
            self._labels: dict[str, str] = {}
            return
        rows = TenantValue.objects.filter(
            tenant__in=wanted, template__in=[int(one.id) for one in self.templates]
        )
        for tenant, template, environment, value in rows.values_list(
            "tenant_id", "template_id", "environment_id", "value"
        ):
            self._given[tenant, environment][str(template)] = value
        self._labels = self._pools()

    def __call__(self, environment: Environment, tenant: Tenant) -> TenantValues:
        given = {**self._given[tenant.pk, None], **self._given[tenant.pk, environment.pk]}
        return values_for(
            self.templates,
            given,
            tenant=str(tenant.pk),
            environment=str(environment.pk),
            labels=self._labels,
        )

    def _pools(self) -> dict[str, str]:
        asking = {one.id for one in self.templates if one.type is VariableType.WORKER_POOL}
        if not asking:
            return {}
        given = [value for found in self._given.values() for id, value in found.items() if id in asking]
        defaults = [one.default for one in self.templates if one.id in asking]
        pairs = [(VariableType.WORKER_POOL.value, value) for value in (*given, *defaults)]
        return {id: name for (_, id), name in references.labels(pairs).items()}


def templates_of(project_id: int, libraries: Collection[LibraryVariableSet]) -> list[Template]:
    """Those of the project, then those of each library set that it includes."""
    names = {one.pk: one.name for one in libraries}
    rows = VariableTemplate.objects.filter(
        Q(variable_set__owner_kind=OwnerKind.PROJECT, variable_set__owner_id=project_id)
        | Q(variable_set__owner_kind=OwnerKind.LIBRARY, variable_set__owner_id__in=names)
    ).select_related("variable_set")
    found = [
        (row.variable_set.owner_kind != OwnerKind.PROJECT, row.variable_set.owner_id, row) for row in rows
    ]
    found.sort(key=lambda one: one[:2])
    return [
        templates.as_template(row, library=names[owner] if common else "") for common, owner, row in found
    ]
