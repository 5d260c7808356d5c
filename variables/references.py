"""What values of a type can stand for: pools, accounts and certificates of a space, by id and name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import QuerySet

from domain.accounts import ACCOUNT_KINDS, kind_of
from domain.variables import CREDENTIALS, Candidate, VariableType
from pools.models import WorkerPool
from spaces.models import Space
from variables.models import Account, Certificate

Choices = Mapping[VariableType, Mapping[str, str]]
"""Name by id, for each type of `domain.variables.REFERENCES`."""


def choices(space: Space, *, pools: Mapping[str, str] | None = None) -> Choices:
    """Everything in the space that values can stand for. `pools` where they are known already."""
    found: dict[VariableType, dict[str, str]] = {kind.type: {} for kind in ACCOUNT_KINDS.values()}
    for pk, name, kind in Account.objects.in_space(space).values_list("pk", "name", "kind"):
        found[ACCOUNT_KINDS[kind].type][str(pk)] = name
    return {
        **found,
        VariableType.WORKER_POOL: _names(WorkerPool.objects.in_space(space)) if pools is None else pools,
        VariableType.CERTIFICATE: _names(Certificate.objects.in_space(space)),
    }


def labels(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The names of what (type, id) stand for; what is gone is left out. One query for each table named."""
    ids: dict[str, set[int]] = {}
    for kind, value in pairs:
        if value.isascii() and value.isdigit():
            ids.setdefault(kind, set()).add(int(value))
    return {
        (kind, id): name
        for kind, some in ids.items()
        for id, name in _names(_rows(kind).filter(pk__in=some)).items()
    }


def find(candidates: Iterable[Candidate]) -> dict[tuple[VariableType, str], Account | Certificate]:
    """The accounts and certificates that candidates stand for, by type and id."""
    wanted = [one for one in candidates if one.type in CREDENTIALS]
    ids = {int(one.value) for one in wanted if one.value.isascii() and one.value.isdigit()}
    types = {one.type for one in wanted}
    found: dict[tuple[VariableType, str], Account | Certificate] = {}
    if types - {VariableType.CERTIFICATE}:
        found |= {(row.spec.type, str(row.pk)): row for row in Account.objects.filter(pk__in=ids)}
    if VariableType.CERTIFICATE in types:
        rows = Certificate.objects.filter(pk__in=ids)
        found |= {(VariableType.CERTIFICATE, str(row.pk)): row for row in rows}
    return found


def _rows(type: str) -> QuerySet[WorkerPool] | QuerySet[Account] | QuerySet[Certificate]:
    if type == VariableType.WORKER_POOL:
        return WorkerPool.objects.all()
    if type == VariableType.CERTIFICATE:
        return Certificate.objects.all()
    kind = kind_of(VariableType(type))
    return Account.objects.filter(kind=kind.wire if kind else "")


def _names(rows: QuerySet[WorkerPool] | QuerySet[Account] | QuerySet[Certificate]) -> dict[str, str]:
    return {str(pk): name for pk, name in rows.values_list("pk", "name")}
