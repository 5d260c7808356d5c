"""Lays a routing matrix over what a project is run in: the page and the API both come here."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.models import User
from domain.labels import Names
from domain.plans import PoolInfo
from domain.routing import Ground, Matrix, TenantFacts, matrix
from domain.scopes import DEPLOYMENT_PROCESS, Context, runbook_process
from domain.variables import Candidate, same_name
from environments.models import Environment
from pools.models import WorkerPool
from processes.models import Action, OwnerKind
from projects.models import Project, TenantedMode
from projects.services import project_variables
from tenants.models import Tag, Tenant
from variables.services import variable_sets
from workers.selectors.capacity import pool_capacity


def of_project(
    project: Project,
    *,
    variable: str,
    candidates: Sequence[Candidate],
    base: Context,
    names: Names,
    viewer: User,
) -> Matrix:
    """`candidates` are the project's own values, saved or not, to which those of its library sets are added;
    `base` says the process and the step."""
    ground = ground_of(project, names=names, viewer=viewer)
    found = [*candidates, *shared(project), *of_tenants(project, variable, ground)]
    return matrix(variable, found, base=base, ground=ground)


def shared(project: Project) -> list[Candidate]:
    """The values of the library sets that the project includes."""
    return variable_sets.of_library(list(project.library_sets.all()))


def of_tenants(project: Project, variable: str, ground: Ground) -> list[Candidate]:
    """What the tenants themselves give for the variable, wherever they get the project."""
    asked = project_variables.of_tenants(project, ()).templates
    if not any(same_name(one.name, variable) for one in asked):
        return []
    tenants = Tenant.objects.in_bulk([int(one.id) for one in ground.tenants])
    environments = Environment.objects.in_bulk([int(one) for one in ground.environments])
    values = project_variables.of_tenants(project, tenants.values())
    found = [
        candidate
        for one in ground.tenants
        for environment in sorted(one.environments)
        if int(environment) in environments
        for candidate in values(environments[int(environment)], tenants[int(one.id)]).candidates
        if same_name(candidate.name, variable)
    ]
    # A template of a library set gives the same value in every environment.
    return list({(one.id, one.scope): one for one in found}.values())


def base_of_action(action: Action) -> Context:
    """Where a step runs; read with its process."""
    process = action.step.process
    ref = DEPLOYMENT_PROCESS if process.owner_kind == OwnerKind.PROJECT else runbook_process(process.owner_id)
    return Context(process=ref, action=str(action.pk))


def base_of_step(action_id: int | str) -> Context | None:
    """A step of a process, wherever it runs; None where there is no such step."""
    found = Action.objects.filter(pk=action_id).values_list(
        "step__process__owner_kind", "step__process__owner_id"
    )
    for kind, owner in found:
        process = DEPLOYMENT_PROCESS if kind == OwnerKind.PROJECT else runbook_process(owner)
        return Context(process=process, action=str(action_id))
    return None


def ground_of(project: Project, *, names: Names, viewer: User) -> Ground:
    space = project.space
    environments = Environment.objects.visible_to(viewer).in_space(space)
    pools = list(WorkerPool.objects.visible_to(viewer).in_space(space))
    return Ground(
        environments=[str(pk) for pk in environments.values_list("pk", flat=True)],
        tag_sets=_tag_sets(project),
        tenants=_tenants(project, viewer),
        pools={str(pool.pk): PoolInfo(str(pool.pk), pool.name, pool.is_default) for pool in pools},
        capacity={str(pk): capacity for pk, capacity in pool_capacity(pools).items()},
        names=names,
        has_untenanted=project.tenanted_mode != TenantedMode.TENANTED,
    )


def _tag_sets(project: Project) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag in Tag.objects.filter(tag_set__space=project.space).select_related("tag_set"):
        found.setdefault(tag.tag_set.name, []).append(tag.canonical_name)
    return found


def _tenants(project: Project, viewer: User) -> list[TenantFacts]:
    seen = Tenant.objects.visible_to(viewer).filter(is_disabled=False)
    links = project.tenant_links.filter(tenant__in=seen).select_related("tenant")
    return [
        TenantFacts(
            id=str(link.tenant_id),
            name=link.tenant.name,
            tags=frozenset(tag.canonical_name for tag in link.tenant.tags.all()),
            environments=frozenset(str(one.pk) for one in link.environments.all()),
        )
        for link in links.prefetch_related("environments", "tenant__tags__tag_set")
    ]
