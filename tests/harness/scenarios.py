"""Projects and runbooks for journeys and benchmarks, made through the services."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from accounts.models import Role, User
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX
from domain.scopes import Kind, Scope
from domain.variables import VariableType
from environments.models import Environment
from environments.services import environments
from pools.models import WorkerPool
from pools.services import pools
from processes.models import PoolChoice
from processes.services import processes
from processes.services.steps import StepFields
from projects.models import Project
from projects.services import projects
from runbooks.models import Runbook
from runbooks.services import runbooks, runs, snapshots
from spaces.models import Space
from tasks.models import ServerTask
from variables.services import variable_sets
from variables.services.rows import Row

POOL_VARIABLE = "Project.WorkerPool"


def administrator() -> User:
    user = User.objects.filter(username="admin").first()
    return user or User.objects.create_superuser("admin", password=None, role=Role.ADMINISTRATOR)


def environment(space: Space, name: str) -> Environment:
    found = Environment.objects.in_space(space).filter(name=name).first()
    return found or environments.create(space=space, name=name, description="", hue=1, user=administrator())


def pool(space: Space, name: str) -> WorkerPool:
    found = WorkerPool.objects.in_space(space).filter(name=name).first()
    return found or pools.create(space=space, name=name, description="", user=administrator())


def project(space: Space, name: str, *, routes: dict[Environment, WorkerPool]) -> Project:
    """A project whose pool variable sends each environment to its pool."""
    user = administrator()
    made = projects.create(space=space, name=name, user=user)
    variable_set = variable_sets.get_or_create(owner_kind="project", owner_id=made.pk, space=space)
    rows = [
        Row(
            name=POOL_VARIABLE,
            value=str(target.pk),
            type=VariableType.WORKER_POOL,
            scope=Scope.of({Kind.ENVIRONMENT: {str(place.pk)}}),
        )
        for place, target in routes.items()
    ]
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows, user=user)
    return made


def runbook(
    project: Project,
    name: str,
    scripts: Sequence[str],
    *,
    syntax: str = "Bash",
    pools: Sequence[WorkerPool] = (),
) -> Runbook:
    """A published runbook with one step per script, each on the pool of the variable, or on these in turn."""
    steps = [
        StepFields(
            name=f"Step {number}",
            properties={SCRIPT_BODY: script, SCRIPT_SYNTAX: syntax},
            pool_choice=PoolChoice.SPECIFIC if pools else PoolChoice.VARIABLE,
            worker_pool=pools[number % len(pools)] if pools else None,
            worker_pool_variable="" if pools else POOL_VARIABLE,
        )
        for number, script in enumerate(scripts, start=1)
    ]
    return runbook_of(project, name, steps)


def runbook_of(project: Project, name: str, steps: Sequence[StepFields]) -> Runbook:
    """A published runbook with these steps."""
    user = administrator()
    made = runbooks.create(project=project, name=name, user=user)
    process = processes.get_or_create(owner_kind="runbook", owner_id=made.pk, space=project.space)
    for fields in steps:
        processes.add_step(process=process, version=process.version, fields=fields, user=user)
        process.refresh_from_db()
    snapshots.publish(runbook=made, user=user)
    made.refresh_from_db()
    return made


def run(made: Runbook, place: Environment) -> ServerTask:
    """Starts the published snapshot in one environment."""
    return runs.run(
        runbook=made,
        snapshot=made.published,
        environments=[place],
        user=administrator(),
        now=timezone.now(),
    )[0]
