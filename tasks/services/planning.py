"""The one plan of a run: preview, run and API all come here, and `domain.planning` decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from domain import planning
from domain.labels import Names
from domain.planning import PoolInfo, RunPlan
from domain.processes import ProcessDef
from domain.scopes import Context, Kind
from domain.variables import Candidate
from environments.models import Environment
from pools.models import WorkerPool
from spaces.models import Space
from tenants.models import Tenant
from variables.services import variable_sets
from workers.selectors.capacity import pool_capacity


class Planner:
    """Plans one frozen process with its variables in several environments and for several tenants,
    loading what they share once."""

    def __init__(
        self,
        *,
        space: Space,
        process: Mapping[str, Any],
        variables: Mapping[str, Any],
        process_ref: str,
        process_label: str,
        labels: Callable[[], Names] = dict,
    ) -> None:
        """`process` and `variables` as their `freeze` gives them; `process_ref` is "deployment" or
        "runbook:<id>". `labels` names other processes and their steps; it is asked only where a value is
        scoped to one."""
        self._process = ProcessDef.from_json(dict(process))
        self._candidates = variable_sets.candidates(variables)
        self._ref = process_ref
        pools = list(WorkerPool.objects.in_space(space))
        self._pools = {str(pool.pk): PoolInfo(str(pool.pk), pool.name, pool.is_default) for pool in pools}
        self._capacity = {str(id): capacity for id, capacity in pool_capacity(pools).items()}
        self._names = _names(space, self._process, self._candidates)
        self._names[Kind.PROCESS, process_ref] = process_label
        if _processes_named(self._candidates) - self._names.keys():
            self._names = {**labels(), **self._names}

    def plan(self, *, environment: Environment, tenant: Tenant | None) -> RunPlan:
        names: Names = self._names
        if tenant is not None:
            names = {**self._names, (Kind.TENANT, str(tenant.pk)): tenant.name}
        return planning.plan(
            process=self._process,
            candidates=self._candidates,
            context=context(environment=environment, tenant=tenant, process_ref=self._ref),
            pools=self._pools,
            capacity=self._capacity,
            names=names,
        )


def build(
    *,
    space: Space,
    process: Mapping[str, Any],
    variables: Mapping[str, Any],
    environment: Environment,
    tenant: Tenant | None,
    process_ref: str,
    process_label: str = "",
) -> RunPlan:
    """The plan of one run; see `Planner` for several."""
    planner = Planner(
        space=space,
        process=process,
        variables=variables,
        process_ref=process_ref,
        process_label=process_label,
    )
    return planner.plan(environment=environment, tenant=tenant)


def context(*, environment: Environment, tenant: Tenant | None, process_ref: str) -> Context:
    """Where a run happens, as the rules of scopes see it."""
    tags = tenant.tags.select_related("tag_set") if tenant else ()
    return Context(
        environment=str(environment.pk),
        tenant=str(tenant.pk) if tenant else None,
        tenant_tags=frozenset(tag.canonical_name for tag in tags),
        process=process_ref,
    )


def _processes_named(candidates: Sequence[Candidate]) -> set[tuple[Kind, str]]:
    """The processes and the steps that scopes name."""
    kinds = (Kind.PROCESS, Kind.ACTION)
    return {(kind, id) for one in candidates for kind in kinds for id in one.scope.get(kind, ())}


def _names(space: Space, process: ProcessDef, candidates: Sequence[Candidate]) -> dict[tuple[Kind, str], str]:
    """Labels of the ids that scopes and steps name."""
    names = {
        (Kind.ENVIRONMENT, str(id)): name
        for id, name in Environment.objects.in_space(space).values_list("pk", "name")
    }
    tenant_ids = {id for one in candidates for id in one.scope.get(Kind.TENANT, ())}
    tenants = Tenant.objects.in_space(space).filter(pk__in=tenant_ids)
    names |= {(Kind.TENANT, str(id)): name for id, name in tenants.values_list("pk", "name")}
    names |= {(Kind.ACTION, action.id): action.name for _, action in process.actions()}
    return names
