"""How variables use pools, environments, tenants and tags, for `common.usage`."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import QuerySet

from common.usage import Use
from environments.models import Environment
from pools.models import WorkerPool
from tenants.models import Tag, Tenant
from variables import owners
from variables.models import Account, Certificate, ScopeKind, Type, Variable


def of_pool(pool: models.Model) -> list[Use]:
    """Variables with the pool as a value."""
    return _uses(Variable.objects.filter(type=Type.WORKER_POOL, value=str(pool.pk)))


def of_credential(subject: models.Model) -> list[Use]:
    """Variables that hold the account or the certificate."""
    if isinstance(subject, Account):
        return _uses(Variable.objects.filter(type=subject.spec.type, value=str(subject.pk)))
    return _uses(Variable.objects.filter(type=Type.CERTIFICATE, value=str(subject.pk)))


def of_environment(environment: models.Model) -> list[Use]:
    return _uses(_scoped(ScopeKind.ENVIRONMENT, environment.pk))


def of_tenant(tenant: models.Model) -> list[Use]:
    return _uses(_scoped(ScopeKind.TENANT, tenant.pk))


def of_tag(tag: models.Model) -> list[Use]:
    if not isinstance(tag, Tag):
        return []
    scoped = _scoped(ScopeKind.TENANT_TAG, tag.canonical_name)
    return _uses(scoped.filter(variable_set__space=tag.tag_set.space_id))


def of_action(action: models.Model) -> list[Use]:
    """Values scoped to a step. Processes are a sibling of this app: a higher app registers this."""
    return _uses(_scoped(ScopeKind.ACTION, action.pk))


def of_machine(machine: models.Model) -> list[Use]:
    """Values scoped to a deployment target. Machines are a sibling: a higher app registers this."""
    return _uses(_scoped(ScopeKind.MACHINE, machine.pk))


def of_channel(channel: models.Model) -> list[Use]:
    """Values scoped to a channel. Channels are above this app: a higher one registers this."""
    return _uses(_scoped(ScopeKind.CHANNEL, channel.pk))


PROVIDERS = (
    (WorkerPool, of_pool),
    (Account, of_credential),
    (Certificate, of_credential),
    (Environment, of_environment),
    (Tenant, of_tenant),
    (Tag, of_tag),
)


def _scoped(kind: ScopeKind, value: object) -> QuerySet[Variable]:
    return Variable.objects.filter(scope_values__kind=kind, scope_values__value=str(value))


def _uses(variables: QuerySet[Variable]) -> list[Use]:
    found = _names_and_owners(variables)
    known = owners.resolve([owner for _, owner in found])
    return [
        Use(kind="Variable", label=f"{name} in {known[owner].label}", url=known[owner].url)
        for name, owner in found
        if owner in known
    ]


def _names_and_owners(variables: QuerySet[Variable]) -> list[tuple[str, tuple[str, int]]]:
    """Each name of each owner once, however many of its values are meant."""
    rows: Iterable[tuple[str, str, int]] = variables.order_by("name").values_list(
        "name", "variable_set__owner_kind", "variable_set__owner_id"
    )
    return list(dict.fromkeys((name, (kind, pk)) for name, kind, pk in rows))
