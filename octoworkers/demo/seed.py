"""Makes the demo project. Everything goes through the services that the pages use."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from django.db import transaction

from accounts.models import User
from domain.scopes import UNSCOPED, Kind, Scope
from domain.variables import VariableType
from environments.models import Environment
from environments.services import environments
from octoworkers.demo import databases
from octoworkers.demo.processes import (
    DEV_POOL,
    MIGRATE,
    POOL_VARIABLE,
    PRODUCTION_POOL,
    RUNBOOKS,
    DemoRunbook,
    DemoStep,
)
from pools.models import WorkerPool
from pools.services import pools
from processes.models import OwnerKind as ProcessOwner
from processes.models import PoolChoice
from processes.services import processes
from processes.services.steps import StepFields
from projects.models import Project
from projects.services import projects, releases
from runbooks.services import runbooks, snapshots
from spaces.models import Space
from variables.models import OwnerKind as VariablesOwner
from variables.services import variable_sets
from variables.services.rows import Row

PROJECT = "Orders database"
HUES = {"Development": 1, "Test": 2, "Production": 3}


@transaction.atomic
def seed(*, space: Space, user: User | None, folder: Path) -> bool:
    """Makes the demo with its databases in `folder`; False where the project is there already."""
    if Project.objects.in_space(space).filter(name__iexact=PROJECT).exists():
        return False
    databases.create(folder)
    found = {name: _environment(space, name, user) for name in databases.SIZES}
    dev, production = (_pool(space, name, user) for name in (DEV_POOL, PRODUCTION_POOL))
    project = projects.create(
        space=space,
        name=PROJECT,
        description="Backups and schema migrations of the orders databases, one per environment.",
        user=user,
    )
    _save_variables(project, _rows(folder, found, dev=dev, production=production), user)
    _fill(project, owner_kind=ProcessOwner.PROJECT, owner_id=project.pk, steps=MIGRATE, user=user)
    for definition in RUNBOOKS:
        _runbook(project, definition, user)
    releases.create(
        project=project, version="1.0.0", notes="First four migrations of the orders schema.", user=user
    )
    return True


def _environment(space: Space, name: str, user: User | None) -> Environment:
    existing: Environment | None = Environment.objects.in_space(space).filter(name__iexact=name).first()
    return existing or environments.create(space=space, name=name, hue=HUES[name], user=user)


def _pool(space: Space, name: str, user: User | None) -> WorkerPool:
    existing: WorkerPool | None = WorkerPool.objects.in_space(space).filter(name__iexact=name).first()
    if existing:
        return existing
    description = f"Workers that reach the {'production' if name == PRODUCTION_POOL else 'other'} databases."
    return pools.create(space=space, name=name, description=description, user=user)


def _rows(
    folder: Path, found: dict[str, Environment], *, dev: WorkerPool, production: WorkerPool
) -> list[Row]:
    in_production = _only(found["Production"])
    return [
        Row(POOL_VARIABLE, str(dev.pk), VariableType.WORKER_POOL, _only(found["Development"], found["Test"])),
        Row(POOL_VARIABLE, str(production.pk), VariableType.WORKER_POOL, in_production),
        *(
            Row("Database.ConnectionString", _url(databases.path_of(name, folder)), scope=_only(one))
            for name, one in found.items()
        ),
        Row("Data.Folder", str(folder)),
        Row("Backup.Folder", "#{Data.Folder}/backups/#{Octopus.Environment.Name}"),
        Row("Backup.OffsiteFolder", "#{Data.Folder}/offsite"),
        Row("Backup.Keep", "5"),
        Row("Backup.Keep", "14", scope=in_production),
        Row("Backup.FreeMegabytes", "50"),
        Row("Backup.SigningKey", secrets.token_urlsafe(32), VariableType.SENSITIVE),
        Row("Printer.Lines", "200000"),
    ]


def _url(path: Path) -> str:
    return f"sqlite:///{quote(str(path))}"


def _only(*where: Environment) -> Scope:
    return Scope.of({Kind.ENVIRONMENT: [one.pk for one in where]}) if where else UNSCOPED


def _save_variables(project: Project, rows: list[Row], user: User | None) -> None:
    variable_set = variable_sets.get_or_create(
        owner_kind=VariablesOwner.PROJECT, owner_id=project.pk, space=project.space
    )
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows, user=user)


def _runbook(project: Project, definition: DemoRunbook, user: User | None) -> None:
    runbook = runbooks.create(
        project=project, name=definition.name, description=definition.description, user=user
    )
    _fill(project, owner_kind=ProcessOwner.RUNBOOK, owner_id=runbook.pk, steps=definition.steps, user=user)
    snapshots.publish(runbook=runbook, user=user)


def _fill(
    project: Project, *, owner_kind: str, owner_id: int, steps: Sequence[DemoStep], user: User | None
) -> None:
    process = processes.get_or_create(owner_kind=owner_kind, owner_id=owner_id, space=project.space)
    for step in steps:
        fields = _fields(project.space, step)
        processes.add_step(process=process, version=process.version, fields=fields, user=user)


def _fields(space: Space, step: DemoStep) -> StepFields:
    fixed = WorkerPool.objects.in_space(space).get(name=step.fixed_pool) if step.fixed_pool else None
    return StepFields(
        name=step.name,
        properties=step.properties,
        pool_choice=PoolChoice.SPECIFIC if fixed else PoolChoice.VARIABLE,
        worker_pool=fixed,
        worker_pool_variable="" if fixed else POOL_VARIABLE,
        notes=step.notes,
    )
