"""The one plan of a run: preview, run and API all come here, and `domain.planning` decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from accounts.models import User
from domain import planning
from domain.answers import Answers, answered
from domain.labels import Names
from domain.plan_packages import ChosenPackage
from domain.planning import PoolInfo, RunPlan
from domain.processes import ProcessDef
from domain.scopes import Context, Kind
from domain.targets import TargetInfo
from domain.tenant_values import NONE, TenantValues
from domain.variables import Candidate
from environments.models import Environment
from packages.services import choosing
from pools.models import WorkerPool
from spaces.models import Space
from tasks import step_checks
from tenants.models import Tenant
from variables.scope_sources import REGISTERED
from variables.services import credentials, prompts, variable_sets
from workers.selectors.capacity import candidates_for, pool_capacity, tools_in
from workers.selectors.targets import target_infos

TenantValuesOf = Callable[[Environment, Tenant], TenantValues]


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
        answers: Mapping[str, str] | None = None,
        earlier: Answers | None = None,
        packages: Sequence[ChosenPackage] | None = None,
        refuse_pasted: bool = False,
        tenant_values: TenantValuesOf | None = None,
        channel: tuple[str, str] | None = None,
        user: User | None = None,
        project_id: int | None = None,
    ) -> None:
        """`process` and `variables` as their `freeze` gives them; `process_ref` is "deployment" or
        "runbook:<id>". `labels` names other processes and their steps; it is asked only where a value is
        scoped to one. `answers` to prompts are by the name or the id of the variable, in the clear; `earlier`
        ones of a run that is repeated stand where there is no new one. `packages` are the versions that were
        chosen; None takes the newest. `refuse_pasted`: answers may not get into the text of a script.
        `channel` is the id and the name of the one that a deployment is in. `user` would start it; None where
        that is open. `tenant_values` are looked up when a run is planned, as no snapshot keeps them."""
        self._space, self._user, self._project_id = space, user, project_id
        self._refuse_pasted = refuse_pasted
        self._tenant_values = tenant_values
        self._process = ProcessDef.from_json(dict(process))
        self._packages = choosing.choices(space, self._process, packages)
        pools = list(WorkerPool.objects.in_space(space))
        self._rows = {str(pool.pk): pool for pool in pools}
        self._tools: dict[str, list[frozenset[str]]] = {}
        self._pools = {str(pool.pk): PoolInfo(str(pool.pk), pool.name, pool.is_default) for pool in pools}
        self._targets: dict[int, list[TargetInfo]] = {}
        asking = variable_sets.candidates(variables)
        self._answers = prompts.answers(asking, answers or {}, earlier=earlier or {})
        names = {id: pool.name for id, pool in self._pools.items()}
        self._candidates = credentials.with_parts(answered(asking, self._answers, labels=names))
        self._ref = process_ref
        self._capacity = {str(id): capacity for id, capacity in pool_capacity(pools).items()}
        self._names = _names(space, self._process, self._candidates)
        self._names[Kind.PROCESS, process_ref] = process_label
        self._channel = channel[0] if channel else None
        if channel:
            self._names[Kind.CHANNEL, channel[0]] = channel[1]
        if _named(self._candidates, self._process) - self._names.keys():
            self._names = {**labels(), **self._names}

    def plan(
        self, *, environment: Environment, tenant: Tenant | None, left_out: Collection[str] = ()
    ) -> RunPlan:
        """`left_out` are the ids of actions that are not wanted this time."""
        names: Names = self._names
        if tenant is not None:
            names = {**self._names, (Kind.TENANT, str(tenant.pk)): tenant.name}
        of_tenant = self._tenant_values(environment, tenant) if tenant and self._tenant_values else NONE
        plan = planning.plan(
            process=self._process,
            candidates=[*self._candidates, *of_tenant.candidates],
            context=context(
                environment=environment, tenant=tenant, process_ref=self._ref, channel=self._channel
            ),
            pools=self._pools,
            capacity=self._capacity,
            names=names,
            left_out=left_out,
            targets=self._targets_of(environment),
            answers=self._answers,
            refuse_pasted=self._refuse_pasted,
            packages=self._packages,
            missing=of_tenant.missing,
            tools_of=self._tools_of,
        )
        found = step_checks.problems(
            plan,
            space=self._space,
            environment=environment,
            tenant=tenant,
            user=self._user,
            process_ref=self._ref,
            project_id=self._project_id,
        )
        return replace(plan, problems=(*plan.problems, *found))

    def _tools_of(self, pool_id: str) -> list[frozenset[str]]:
        if pool_id not in self._tools:
            found = candidates_for(self._rows[pool_id])
            self._tools[pool_id] = [tools_in(machine.capabilities) for machine in found]
        return self._tools[pool_id]

    def _targets_of(self, environment: Environment) -> list[TargetInfo]:
        """Once for each environment, and only where a step has targets."""
        if not any(action.location.has_targets for _, action in self._process.actions()):
            return []
        if environment.pk not in self._targets:
            self._targets[environment.pk] = target_infos(environment)
        return self._targets[environment.pk]


def build(
    *,
    space: Space,
    process: Mapping[str, Any],
    variables: Mapping[str, Any],
    environment: Environment,
    tenant: Tenant | None,
    process_ref: str,
    process_label: str = "",
    packages: Sequence[ChosenPackage] | None = None,
) -> RunPlan:
    """The plan of one run; see `Planner` for several."""
    planner = Planner(
        space=space,
        process=process,
        variables=variables,
        process_ref=process_ref,
        process_label=process_label,
        packages=packages,
    )
    return planner.plan(environment=environment, tenant=tenant)


def context(
    *, environment: Environment, tenant: Tenant | None, process_ref: str, channel: str | None = None
) -> Context:
    """Where a run happens, as the rules of scopes see it."""
    tags = tenant.tags.select_related("tag_set") if tenant else ()
    return Context(
        environment=str(environment.pk),
        tenant=str(tenant.pk) if tenant else None,
        tenant_tags=frozenset(tag.canonical_name for tag in tags),
        process=process_ref,
        channel=channel,
    )


def _named(candidates: Sequence[Candidate], process: ProcessDef) -> set[tuple[Kind, str]]:
    """The processes, steps, channels and targets that scopes name, and the channels that steps name."""
    scopes = {(kind, id) for one in candidates for kind in REGISTERED for id in one.scope.get(kind, ())}
    return scopes | {(Kind.CHANNEL, id) for _, action in process.actions() for id in action.applies.channels}


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
