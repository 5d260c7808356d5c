"""What pages and services read: what a value can be scoped to, and under which names."""

from __future__ import annotations

from domain.labels import Names
from domain.scopes import Kind, Scope
from environments.models import Environment
from tenants.models import Tag, Tenant
from variables import scope_sources
from variables.models import OwnerKind, Variable, VariableSet
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
        *scope_sources.registered(Kind.PROCESS, variable_set),
        *scope_sources.registered(Kind.ACTION, variable_set),
    ]


def scope_names(options: list[ScopeOption]) -> Names:
    """Names for `domain.labels`; a tenant tag keeps its canonical name, which says its set."""
    return {(one.kind, one.id): one.label for one in options if one.kind is not Kind.TENANT_TAG}


def process_names(*, owner_kind: OwnerKind, owner_id: int) -> Names:
    """Names of the processes, and their steps, that values of this owner can be scoped to."""
    variable_set = VariableSet.objects.filter(owner_kind=owner_kind, owner_id=owner_id).first()
    if variable_set is None:
        return {}
    kinds = (Kind.PROCESS, Kind.ACTION)
    return scope_names([one for kind in kinds for one in scope_sources.registered(kind, variable_set)])


def scope_of(variable: Variable) -> Scope:
    """The scope of a stored value; prefetch `scope_values` for many."""
    ids: dict[Kind, list[str]] = {}
    for one in variable.scope_values.all():
        ids.setdefault(Kind(one.kind), []).append(one.value)
    return Scope.of(ids)


def pool_variable_names(variable_set: VariableSet) -> list[str]:
    """Names that have a worker pool among their values, each once, sorted."""
    names = variable_set.variables.filter(type="WorkerPool").values_list("name", flat=True)
    return sorted(set(names), key=str.casefold)
