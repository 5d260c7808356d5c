"""Reads that several pages of a project share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db.models import Max, Q, QuerySet
from django.urls import reverse

from common.usage import Use
from domain.plan_packages import needed
from domain.processes import ProcessDef
from environments.models import Environment
from processes.models import OwnerKind as ProcessOwner
from processes.services import processes
from projects.models import Deployment, Project, Release
from tasks.models import ServerTask
from tasks.models.task import UNFINISHED, TaskState
from variables.models import OwnerKind, Variable

RECENT_RELEASES = 8

#: What a cell of several tenants shows first: what goes on, then what needs somebody, then the rest.
_URGENCY = (
    TaskState.CANCELLING,
    TaskState.EXECUTING,
    TaskState.QUEUED,
    TaskState.FAILED,
    TaskState.TIMED_OUT,
    TaskState.CANCELED,
    TaskState.SUCCESS,
)


def variables_of(project: Project) -> QuerySet[Variable]:
    """The project's own and those of the library sets that it includes."""
    own = Q(variable_set__owner_kind=OwnerKind.PROJECT, variable_set__owner_id=project.pk)
    included = project.library_sets.values("pk")
    shared = Q(variable_set__owner_kind=OwnerKind.LIBRARY, variable_set__owner_id__in=included)
    return Variable.objects.filter(own | shared)


def tasks_of(project: Project) -> QuerySet[ServerTask]:
    """Newest first, without the plans, which are large."""
    return (
        ServerTask.objects.in_space(project.space)
        .filter(project_id=project.pk)
        .select_related("environment", "tenant")
        .defer("plan")
        .order_by("-id")
    )


def unfinished_tasks(project: Project) -> QuerySet[ServerTask]:
    return tasks_of(project).filter(state__in=UNFINISHED)


def uses_by_tasks(tasks: Iterable[ServerTask]) -> list[Use]:
    """Why something cannot be deleted: tasks of it that are queued or running."""
    return [
        Use(f"{task.get_state_display()} task", str(task), reverse("task_detail", args=[task.pk]))
        for task in tasks
    ]


def latest_task_by_project(projects: Iterable[Project]) -> dict[int, ServerTask]:
    """Project id to its newest task, in two queries whatever the number of projects."""
    return _latest_by("project_id", [project.pk for project in projects])


def latest_task_by_runbook(runbook_ids: Iterable[int]) -> dict[int, ServerTask]:
    """Runbook id to its newest task, in two queries whatever the number of runbooks."""
    return _latest_by("runbook_id", list(runbook_ids))


def _latest_by(field_name: str, ids: Sequence[int]) -> dict[int, ServerTask]:
    newest = (
        ServerTask.objects.filter(**{f"{field_name}__in": ids})
        .order_by()
        .values(field_name)
        .annotate(newest=Max("pk"))
        .values_list("newest", flat=True)
    )
    tasks = ServerTask.objects.filter(pk__in=list(newest)).select_related("environment").defer("plan")
    return {getattr(task, field_name): task for task in tasks}


@dataclass(frozen=True)
class Cell:
    """A release in an environment: its newest deployment there per tenant, most urgent first."""

    environment: Environment
    deployments: tuple[Deployment, ...] = ()

    @property
    def first(self) -> Deployment | None:
        return self.deployments[0] if self.deployments else None


@dataclass(frozen=True)
class Row:
    release: Release
    cells: list[Cell] = field(default_factory=list)


def progression(project: Project, environments: Sequence[Environment]) -> list[Row]:
    """The newest releases and those that are the newest in an environment, against the environments."""
    deployments = latest_deployments(project)
    current = {max(of_one, key=lambda one: one.pk).release_id for of_one in _by_place(deployments)}
    releases = _recent(project, also=current)
    cells: dict[tuple[int, int], list[Deployment]] = defaultdict(list)
    for deployment in deployments:
        cells[deployment.release_id, deployment.environment_id].append(deployment)
    return [
        Row(release, [_cell(one, cells[release.pk, one.pk]) for one in environments]) for release in releases
    ]


def cells_of(release: Release, environments: Sequence[Environment]) -> list[Cell]:
    """One release against the environments."""
    found = [one for one in latest_deployments(release.project) if one.release_id == release.pk]
    return [
        _cell(environment, [one for one in found if one.environment_id == environment.pk])
        for environment in environments
    ]


def latest_deployments(project: Project) -> list[Deployment]:
    """The newest deployment of each release in each environment for each tenant."""
    newest = (
        Deployment.objects.filter(release__project=project)
        .order_by()
        .values("release_id", "environment_id", "tenant_id")
        .annotate(newest=Max("pk"))
        .values_list("newest", flat=True)
    )
    rows = Deployment.objects.filter(pk__in=list(newest)).select_related("task", "tenant")
    return list(rows.defer("task__plan"))


def _by_place(deployments: Iterable[Deployment]) -> Iterable[list[Deployment]]:
    places: dict[tuple[int, int | None], list[Deployment]] = defaultdict(list)
    for deployment in deployments:
        places[deployment.environment_id, deployment.tenant_id].append(deployment)
    return places.values()


def _recent(project: Project, *, also: Iterable[int]) -> list[Release]:
    light = Release.objects.filter(project=project).defer("process", "variables")
    recent = {release.pk: release for release in light[:RECENT_RELEASES]}
    recent |= {release.pk: release for release in light.filter(pk__in=set(also) - set(recent))}
    return sorted(recent.values(), key=lambda release: -release.pk)


def ranked(deployments: Iterable[Deployment]) -> list[Deployment]:
    """Most urgent first, then newest first; their tasks should be loaded."""
    return sorted(deployments, key=lambda one: (_URGENCY.index(TaskState(one.task.state)), -one.pk))


def _cell(environment: Environment, deployments: list[Deployment]) -> Cell:
    return Cell(environment, tuple(ranked(deployments)))


def packages_of_steps(project: Project) -> list[tuple[str, str]]:
    """The packages of the deployment process as it is now: name of the step and of the reference."""
    process = processes.get_or_create(
        owner_kind=ProcessOwner.PROJECT, owner_id=project.pk, space=project.space
    )
    found = needed(ProcessDef.from_json(processes.freeze(process)))
    return [(action.name, reference.name) for _, action, reference in found]
