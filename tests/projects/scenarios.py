"""Projects with a process and variables, built through the services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from accounts.models import User
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX
from domain.scopes import Kind, Scope
from domain.variables import VariableType
from environments.models import Environment
from pools.models import WorkerPool
from processes.models import OwnerKind, PoolChoice, Process
from processes.services import processes
from processes.services.steps import StepFields
from projects.models import Project
from projects.services import projects, tenant_links
from runbooks.models import Runbook
from runbooks.services import runbooks
from spaces.models import Space
from tenants.models import Tenant
from tests.factories import EnvironmentFactory, MachineFactory, WorkerPoolFactory
from variables.models import OwnerKind as VariablesOwner
from variables.services import variable_sets
from variables.services.rows import Row

POOL_VARIABLE = "Project.WorkerPool"


def project(space: Space, user: User | None = None, name: str = "Orders database", **fields: str) -> Project:
    return projects.create(space=space, name=name, user=user, **fields)


def runbook(project: Project, user: User | None = None, name: str = "Back up") -> Runbook:
    return runbooks.create(project=project, name=name, user=user)


def process_of(owner: Project | Runbook) -> Process:
    kind = OwnerKind.PROJECT if isinstance(owner, Project) else OwnerKind.RUNBOOK
    space = owner.space if isinstance(owner, Project) else owner.project.space
    return processes.get_or_create(owner_kind=kind, owner_id=owner.pk, space=space)


def add_step(
    owner: Project | Runbook,
    name: str = "Check free space",
    *,
    pool: WorkerPool | None = None,
    script: str = "echo hello",
) -> None:
    """A Bash step on the pool, or without one on the pool of the variable."""
    process = process_of(owner)
    fields = StepFields(
        name=name,
        properties={SCRIPT_BODY: script, SCRIPT_SYNTAX: "Bash"},
        pool_choice=PoolChoice.SPECIFIC if pool else PoolChoice.VARIABLE,
        worker_pool=pool,
        worker_pool_variable="" if pool else POOL_VARIABLE,
    )
    processes.add_step(process=process, version=process.version, fields=fields)


def route(project: Project, routes: Mapping[Environment, WorkerPool], *, others: Sequence[Row] = ()) -> None:
    """Makes the pool variable pick the pool of each environment."""
    variable_set = variable_sets.get_or_create(
        owner_kind=VariablesOwner.PROJECT, owner_id=project.pk, space=project.space
    )
    rows = [
        Row(
            name=POOL_VARIABLE,
            type=VariableType.WORKER_POOL,
            value=str(pool.pk),
            scope=Scope.of({Kind.ENVIRONMENT: [environment.pk]}),
        )
        for environment, pool in routes.items()
    ]
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=[*rows, *others])


def staffed_pool(space: Space, name: str, *, workers: int = 1, **worker: object) -> WorkerPool:
    pool = WorkerPoolFactory(space=space, name=name)
    for _ in range(workers):
        MachineFactory(space=space, pools=[pool], **worker)
    return pool


def environments(space: Space, *names: str) -> list[Environment]:
    return [
        EnvironmentFactory(space=space, name=name, sort_order=place, hue=place + 1)
        for place, name in enumerate(names)
    ]


def connect(project: Project, links: Mapping[Tenant, Sequence[Environment]]) -> None:
    tenant_links.replace(project, links=links, user=None)
