"""Tasks for pages: the list with its filters, what runs, what waits and for what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from spaces.models import Space
from tasks.models import ACTIVE, Execution, ServerTask, StepState, TaskState

PAGE_SIZE = 50
#: Counting stops here: a page that says "1,000+" is as good as one that says 98,211, and fast.
COUNT_UP_TO = 1000
#: Above the number of any task.
BEYOND = 2**63 - 1
NEWEST = 1000


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; empty means any. `states` are values of TaskState, `since` and `until`
    moments between which it was queued, the second not included."""

    states: Collection[str] = ()
    project_id: int | None = None
    runbook_id: int | None = None
    environment_id: int | None = None
    tenant_id: int | None = None
    pool_id: int | None = None
    worker_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    who: str = ""
    text: str = ""
    ids: Collection[int] = ()

    @property
    def any(self) -> bool:
        return self != Filters()


@dataclass(frozen=True)
class TaskPage:
    """Newest first. `older` and `newer` are task ids to go on from, None at the ends; `total` stops
    at COUNT_UP_TO, `more` says so."""

    tasks: list[ServerTask] = field(default_factory=list)
    older: int | None = None
    newer: int | None = None
    total: int = 0
    more: bool = False


def rows(space: Space, user: Any) -> QuerySet[ServerTask]:
    """Tasks for lists: with what a row shows, and without their plans."""
    found = ServerTask.objects.visible_to(user).in_space(space)
    return found.select_related("environment", "tenant", "created_by").defer("plan").order_by("-id")


def filtered(found: QuerySet[ServerTask], filters: Filters) -> QuerySet[ServerTask]:
    """By everything but the states, which `page` looks at."""
    exact = {
        "project_id": filters.project_id,
        "runbook_id": filters.runbook_id,
        "environment_id": filters.environment_id,
        "tenant_id": filters.tenant_id,
        "created_by_name": filters.who or None,
    }
    found = found.filter(**{name: value for name, value in exact.items() if value is not None})
    if filters.ids:
        found = found.filter(pk__in=filters.ids)
    if filters.pool_id is not None:
        found = found.filter(pk__in=Execution.objects.filter(pool_id=filters.pool_id).values("task_id"))
    if filters.worker_id is not None:
        found = found.filter(pk__in=Execution.objects.filter(machine=filters.worker_id).values("task_id"))
    return found.filter(_says(filters.text)) if filters.text else found


def _within(found: QuerySet[ServerTask], space: Space, filters: Filters) -> QuerySet[ServerTask]:
    """By when they were queued. Numbers rise with that moment, so that two of them bound the same rows,
    in the order in which the list is read."""
    for moment, bound in ((filters.since, "pk__gte"), (filters.until, "pk__lt")):
        if moment is not None:
            found = found.filter(**{bound: _first_since(space, moment)})
    return found


def _first_since(space: Space, moment: datetime) -> int:
    """The number of the first task that was queued then or later; one beyond all where there is none."""
    later = ServerTask.objects.filter(space=space, queued_at__gte=moment).order_by("queued_at", "id")
    return later.values_list("pk", flat=True).first() or BEYOND


def _says(text: str) -> Q:
    says = Q(name__icontains=text) | Q(project_name__icontains=text)
    number = text.removeprefix("#")
    return says | Q(pk=int(number)) if number.isdecimal() and len(number) < 19 else says


def page(
    space: Space,
    user: Any,
    filters: Filters,
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = PAGE_SIZE,
) -> TaskPage:
    """The page below task `before`, or above task `after`, or the newest one: it costs the same
    wherever it stands."""
    narrowed = _within(filtered(ServerTask.objects.visible_to(user).in_space(space), filters), space, filters)
    # State by state and ids first: each of these reads an index from its newest end and nothing else.
    parts = [narrowed.filter(state=state) for state in filters.states] or [narrowed]
    if after is not None:
        ids = _ids([part.filter(pk__gt=after) for part in parts], size + 1, newest=False)
        shown, has_newer, has_older = ids[:size], len(ids) > size, True
    else:
        below = parts if before is None else [part.filter(pk__lt=before) for part in parts]
        ids = _ids(below, size + 1, newest=True)
        shown, has_newer, has_older = ids[:size], before is not None, len(ids) > size
    is_all = before is None and after is None and not has_older
    count = len(shown) if is_all else _count(parts)
    return TaskPage(
        tasks=list(_with_current_step(rows(space, user).filter(pk__in=shown))),
        older=min(shown) if shown and has_older else None,
        newer=max(shown) if shown and has_newer else None,
        total=min(count, COUNT_UP_TO),
        more=count > COUNT_UP_TO,
    )


def _count(parts: Collection[QuerySet[ServerTask]]) -> int:
    return sum(part.order_by().values("pk")[: COUNT_UP_TO + 1].count() for part in parts)


def _ids(parts: Collection[QuerySet[ServerTask]], limit: int, *, newest: bool) -> list[int]:
    order = "-id" if newest else "id"
    ids = [pk for part in parts for pk in part.order_by(order).values_list("pk", flat=True)[:limit]]
    return sorted(ids, reverse=newest)[:limit]


def _with_current_step(found: QuerySet[ServerTask]) -> QuerySet[ServerTask]:
    """Adds `current_step`: the name of the step that runs or waits."""
    busy = Execution.objects.filter(task=OuterRef("pk"), state__in=[StepState.RUNNING, StepState.WAITING])
    return found.annotate(current_step=Subquery(busy.order_by("number").values("name")[:1]))


@dataclass(frozen=True)
class Offered:
    """What the list can be narrowed to: projects and runbooks by id, and people."""

    projects: dict[int, str]
    runbooks: dict[int, str]
    people: list[str]


def offered(space: Space, user: Any, filters: Filters) -> Offered:
    """Those of the newest thousand tasks, and what is chosen already; runbooks of the chosen project."""
    own = rows(space, user)
    found = set(
        own.values_list("project_id", "project_name", "runbook_id", "name", "created_by_name")[:NEWEST]
    )
    projects = {one[0]: one[1] for one in found if one[0]}
    runbooks = {one[2]: one[3] for one in found if one[2] and filters.project_id in (None, one[0])}
    for names, column, chosen in (
        (projects, "project", filters.project_id),
        (runbooks, "runbook", filters.runbook_id),
    ):
        if chosen and chosen not in names:
            names[chosen] = _name_of(own, column, chosen)
    people = {one[4] for one in found} | {filters.who} - {""}
    return Offered(
        projects=_by_name(projects), runbooks=_by_name(runbooks), people=sorted(people, key=str.casefold)
    )


def _by_name(names: dict[int, str]) -> dict[int, str]:
    return dict(sorted(names.items(), key=lambda item: item[1].casefold()))


def _name_of(own: QuerySet[ServerTask], column: str, chosen: int) -> str:
    name = "project_name" if column == "project" else "name"
    names = own.filter(**{f"{column}_id": chosen}).values_list(name, flat=True)
    return names.first() or f"{column.capitalize()} {chosen}"


def running(space: Space, user: Any) -> QuerySet[ServerTask]:
    return rows(space, user).filter(state__in=ACTIVE)


def queued(space: Space, user: Any) -> QuerySet[ServerTask]:
    """In the order in which they will be admitted."""
    return rows(space, user).filter(state=TaskState.QUEUED).order_by("-queue_rank", "id")


def recent(space: Space, user: Any, *, limit: int = 10, **narrowed: Any) -> list[ServerTask]:
    """The newest tasks; `narrowed` for example to project_id, runbook_id or environment."""
    return list(rows(space, user).filter(**narrowed)[:limit])


def active_count(space: Space, user: Any) -> int:
    return ServerTask.objects.visible_to(user).in_space(space).filter(state__in=ACTIVE).count()


def waiting_by_pool(pool_ids: Collection[int]) -> dict[int, list[Execution]]:
    """Steps that wait for a worker of these pools, first come first, each with its task."""
    found = Execution.objects.filter(state=StepState.WAITING, pool_id__in=pool_ids)
    found = found.select_related("task__environment", "task__tenant").defer("task__plan")
    queues: dict[int, list[Execution]] = {pool_id: [] for pool_id in pool_ids}
    for execution in found.order_by("waiting_since", "id"):
        queues[execution.pool_id or 0].append(execution)
    return queues
