"""Projects against environments: which release is where, and how that went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from environments.models import Environment
from octoworkers.selectors.progress import Progress
from projects.models import Deployment, Project, Release
from projects.selectors import ranked
from spaces.models import Space
from tasks.models import ACTIVE, Kind, ServerTask

PROJECTS = 8
#: So many of the newest deployments are looked at to find the projects in which something happens.
RECENT = 100
_OF_TASK = ("task__state", "task__has_warnings", "task__awaits_answer", "task__completed_at")


@dataclass(frozen=True)
class Cell:
    """The newest release of a project in an environment: a deployment per tenant (or one without),
    most urgent first. Where nothing was deployed, `release` is what could be."""

    environment: Environment
    release: Release | None
    deployments: Sequence[Deployment] = ()
    progress: Progress | None = None

    @property
    def first(self) -> Deployment | None:
        return self.deployments[0] if self.deployments else None


@dataclass(frozen=True)
class Row:
    project: Project
    cells: list[Cell] = field(default_factory=list)


@dataclass(frozen=True)
class Matrix:
    """`total` counts the projects that match, of which `rows` shows the first ones; `is_used` tells
    whether any project has a release."""

    environments: Sequence[Environment] = ()
    rows: list[Row] = field(default_factory=list)
    total: int = 0
    is_used: bool = False

    @property
    def running(self) -> set[int]:
        """The ids of the deployment tasks that go on."""
        firsts = (cell.first for row in self.rows for cell in row.cells)
        return {first.task_id for first in firsts if first and first.task.state in ACTIVE}

    def with_progress(self, progress: Mapping[int, Progress]) -> Matrix:
        """The same, with how far they are, by task id."""
        rows = [Row(row.project, [_at(cell, progress) for cell in row.cells]) for row in self.rows]
        return replace(self, rows=rows)


def _at(cell: Cell, progress: Mapping[int, Progress]) -> Cell:
    return replace(cell, progress=progress.get(cell.first.task_id)) if cell.first else cell


def matrix(space: Space, user: Any, *, words: str = "") -> Matrix:
    """The projects in which something happened last, or those whose names contain `words`."""
    released = _released(space, user)
    found = released.filter(name__icontains=words) if words else released
    total = found.count()
    projects = list(found.order_by("name")[:PROJECTS]) if words else _busiest(found, space, user)
    environments = list(Environment.objects.visible_to(user).in_space(space))
    newest = newest_deployments(projects)
    latest = _latest_releases(projects)
    rows = [Row(one, _cells(one, environments, newest, latest.get(one.pk))) for one in projects]
    return Matrix(environments, rows, total, bool(total) or released.exists())


def _released(space: Space, user: Any) -> QuerySet[Project]:
    """Projects that have something to deploy."""
    visible = Project.objects.visible_to(user).in_space(space)
    return visible.filter(Exists(Release.objects.filter(project=OuterRef("pk"))))


def _busiest(projects: QuerySet[Project], space: Space, user: Any) -> list[Project]:
    """Those deployed last, filled up by name."""
    deploys = ServerTask.objects.visible_to(user).in_space(space).filter(kind=Kind.DEPLOY)
    recent = deploys.order_by("-pk").values_list("project_id", flat=True)[:RECENT]
    order = list(dict.fromkeys(pk for pk in recent if pk is not None))[:PROJECTS]
    active = sorted(projects.filter(pk__in=order), key=lambda project: order.index(project.pk))
    if len(active) == PROJECTS:
        return active
    rest = projects.exclude(pk__in=[project.pk for project in active]).order_by("name")
    return [*active, *rest[: PROJECTS - len(active)]]


def newest_deployments(projects: Sequence[Project]) -> dict[tuple[int, int], list[Deployment]]:
    """By project and environment id: those of the release that was deployed there last."""
    deployments = Deployment.objects.filter(release__project__in=projects).order_by()
    newest = deployments.values("release__project_id", "environment_id").annotate(newest=Max("pk"))
    found: dict[tuple[int, int], list[Deployment]] = defaultdict(list)
    for deployment in _full(newest.values("newest")):
        found[deployment.release.project_id, deployment.environment_id].append(deployment)
    return _with_tenants(found)


def _with_tenants(
    found: dict[tuple[int, int], list[Deployment]],
) -> dict[tuple[int, int], list[Deployment]]:
    """For each tenant the newest one of the same release: one tenant's success hides no other's failure."""
    tenanted = {place: rows[0] for place, rows in found.items() if rows[0].tenant_id}
    if not tenanted:
        return found
    same = Q()
    for one in tenanted.values():
        same |= Q(release=one.release_id, environment=one.environment_id, tenant__isnull=False)
    grouped = Deployment.objects.filter(same).order_by().values("release_id", "environment_id", "tenant_id")
    newest = grouped.annotate(newest=Max("pk")).values("newest")
    by_place: dict[tuple[int, int], list[Deployment]] = defaultdict(list)
    for deployment in _full(newest):
        by_place[deployment.release.project_id, deployment.environment_id].append(deployment)
    return found | {place: ranked(rows) for place, rows in by_place.items()}


def _full(newest: QuerySet[Any, Any]) -> QuerySet[Deployment]:
    """With what a cell shows, and without the plans and what releases froze, which are large."""
    return (
        Deployment.objects.filter(pk__in=newest)
        .select_related("release", "task", "tenant")
        .only("environment_id", "release__version", "release__project_id", "tenant__name", *_OF_TASK)
    )


def _latest_releases(projects: Sequence[Project]) -> dict[int, Release]:
    newest = Release.objects.filter(project__in=projects).order_by().values("project_id")
    ids = newest.annotate(newest=Max("pk")).values("newest")
    releases = Release.objects.filter(pk__in=ids).only("pk", "version", "project_id")
    return {release.project_id: release for release in releases}


def _cells(
    project: Project,
    environments: Sequence[Environment],
    newest: dict[tuple[int, int], list[Deployment]],
    latest: Release | None,
) -> list[Cell]:
    return [
        Cell(one, rows[0].release if rows else latest, rows)
        for one in environments
        for rows in [newest.get((project.pk, one.pk), [])]
    ]
