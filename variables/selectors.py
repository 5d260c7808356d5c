"""What pages and services read: what a value can be scoped to, and under which names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from domain.labels import Names
from domain.scopes import Kind, Scope
from environments.models import Environment
from spaces.models import Space
from tenants.models import Tag, Tenant
from variables import scope_sources
from variables.models import LibraryVariableSet, OwnerKind, Type, Variable, VariableSet
from variables.scope_sources import ScopeOption


def scope_options(variable_set: VariableSet) -> list[ScopeOption]:
    """Everything in the set's space that a value of the set can be scoped to, in the order of pages."""
    space = variable_set.space
    environments = Environment.objects.in_space(space)
    tenants = Tenant.objects.in_space(space)
    tags = Tag.objects.filter(tag_set__space=space).select_related("tag_set")
    return [
        *(ScopeOption(Kind.ENVIRONMENT, str(one.pk), one.name, hue=one.hue) for one in environments),
        *(ScopeOption(Kind.TENANT_TAG, one.canonical_name, one.name, one.tag_set.name) for one in tags),
        *(ScopeOption(Kind.TENANT, str(one.pk), one.name) for one in tenants),
        *(one for kind in scope_sources.REGISTERED for one in scope_sources.registered(kind, variable_set)),
    ]


def scope_names(options: list[ScopeOption]) -> Names:
    """Names for `domain.labels`; a tenant tag keeps its canonical name, which says its set."""
    return {(one.kind, one.id): one.label for one in options if one.kind is not Kind.TENANT_TAG}


def process_names(*, owner_kind: OwnerKind, owner_id: int) -> Names:
    """Names of what values of this owner can be scoped to and only it knows, such as its processes."""
    variable_set = VariableSet.objects.filter(owner_kind=owner_kind, owner_id=owner_id).first()
    if variable_set is None:
        return {}
    kinds = scope_sources.REGISTERED
    return scope_names([one for kind in kinds for one in scope_sources.registered(kind, variable_set)])


def scope_of(variable: Variable) -> Scope:
    """The scope of a stored value; prefetch `scope_values` for many."""
    ids: dict[Kind, list[str]] = {}
    for one in variable.scope_values.all():
        ids.setdefault(Kind(one.kind), []).append(one.value)
    return Scope.of(ids)


def library_sets(user: Any, space: Space) -> QuerySet[LibraryVariableSet]:
    """Those of the space, with how many variables are in each and how many projects include it."""
    rows = VariableSet.objects.filter(owner_kind=OwnerKind.LIBRARY, owner_id=OuterRef("pk"))
    counted = rows.values("pk").annotate(found=Count("variables__name", distinct=True)).values("found")
    visible: QuerySet[LibraryVariableSet] = LibraryVariableSet.objects.visible_to(user).in_space(space)
    return visible.order_by("name").annotate(
        variable_count=Coalesce(Subquery(counted), 0), project_count=Count("projects", distinct=True)
    )


def pool_variable_names(variables: Iterable[Variable]) -> list[str]:
    """Names that have a worker pool among their values, each once, sorted."""
    return sorted({one.name for one in variables if one.type == Type.WORKER_POOL}, key=str.casefold)
