"""What the command palette finds: pages, things to do, and everything with a name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.urls import reverse

from accounts.permissions import Permission, can
from environments.models import Environment
from octoworkers.selectors.navigation import places_for
from pools.models import WorkerPool
from projects.models import Project
from runbooks.models import Runbook
from spaces.models import Space, SpaceOwnedQuerySet
from tasks.models import ServerTask
from tasks.selectors import tasks as task_selectors
from tenants.models import Tenant
from variables.models import LibraryVariableSet
from workers.models import Machine

LIMIT = 20
#: Things to do with what is found, and its many runs, may not crowd out the things themselves.
FEW = 5
#: Tasks are searched by name among so many of the newest.
TASKS = 2000


class Rank(IntEnum):
    PREFIX = 0
    WORD = 1
    INSIDE = 2


@dataclass(frozen=True)
class Result:
    label: str
    kind: str
    url: str
    rank: Rank = Rank.PREFIX


#: Kind, what there is of it, and the page of one by its slug.
NAMED: tuple[tuple[str, Callable[[Any], SpaceOwnedQuerySet], str], ...] = (
    ("Project", Project.objects.visible_to, "project_detail"),
    ("Worker pool", WorkerPool.objects.visible_to, "pool_detail"),
    ("Worker", lambda user: Machine.objects.visible_to(user).workers(), "worker_detail"),
    ("Target", lambda user: Machine.objects.visible_to(user).targets(), "target_detail"),
    ("Environment", Environment.objects.visible_to, "environment_edit"),
    ("Tenant", Tenant.objects.visible_to, "tenant_detail"),
    ("Variable set", LibraryVariableSet.objects.visible_to, "library_set_detail"),
)

ADDITIONS: tuple[tuple[str, str, Permission], ...] = (
    ("Add worker", "worker_add", Permission.EDIT_WORKER),
    ("Add target", "target_add", Permission.EDIT_WORKER),
    ("New worker pool", "pool_create", Permission.EDIT_POOL),
    ("New project", "project_create", Permission.EDIT_PROJECT),
    ("Push package", "package_push", Permission.PUSH_PACKAGE),
)


def search(space: Space, user: Any, text: str) -> list[Result]:
    """The best first: names that start with the text, then with a word of it, then that contain it.
    Without text, where one can go."""
    # PostgreSQL refuses a text with a NUL in it.
    words = " ".join(text.replace("\0", "").split())[:100]
    if not words:
        return [*_pages(user, ""), *_additions(user, "")][:LIMIT]
    found = [
        *_numbered(space, user, words),
        *_pages(user, words),
        *_runbooks(space, user, words),
        *_named(space, user, words),
        *_actions(space, user, words),
        *_tasks(space, user, words),
    ]
    return sorted(found, key=lambda result: result.rank)[:LIMIT]


def rank(name: str, words: str) -> Rank | None:
    """How well a name fits; None where it does not have all the words."""
    name, words = name.casefold(), words.casefold()
    if not all(word in name for word in words.split()):
        return None
    if name.startswith(words):
        return Rank.PREFIX
    return Rank.WORD if f" {words}" in f" {name}" else Rank.INSIDE


def _ranked(label: str, kind: str, url: str, *, words: str, name: str = "") -> Iterator[Result]:
    fit = rank(name or label, words)
    if fit is not None:
        yield Result(label, kind, url, fit)


def _matching(
    rows: QuerySet[Any], words: str, *fields: str, then: str = "name", limit: int = LIMIT
) -> QuerySet[Any]:
    """Rows whose `fields` have all the words, the best first; the first field is the one that ranks."""
    for word in words.split():
        any_field = Q()
        for field in fields:
            any_field |= Q(**{f"{field}__icontains": word})
        rows = rows.filter(any_field)
    name = fields[0]
    fit = Case(
        When(**{f"{name}__istartswith": words}, then=Value(Rank.PREFIX.value)),
        When(**{f"{name}__icontains": f" {words}"}, then=Value(Rank.WORD.value)),
        default=Value(Rank.INSIDE.value),
        output_field=IntegerField(),
    )
    return rows.annotate(fit=fit).order_by("fit", then)[:limit]


def _pages(user: Any, words: str) -> Iterator[Result]:
    for _, place in places_for(user):
        yield from _ranked(place.label, "Page", reverse(place.url_name), words=words)


def _additions(user: Any, words: str) -> Iterator[Result]:
    for label, url_name, permission in ADDITIONS:
        if can(user, permission):
            yield from _ranked(label, "Action", reverse(url_name), words=words)


def _named(space: Space, user: Any, words: str) -> Iterator[Result]:
    for kind, visible, url_name in NAMED:
        rows = visible(user).in_space(space).only("name", "slug")
        for row in _matching(rows, words, "name"):
            yield Result(row.name, kind, reverse(url_name, args=[row.slug]), Rank(row.fit))


def _found_runbooks(space: Space, user: Any, words: str, *, limit: int = LIMIT) -> QuerySet[Any]:
    rows = Runbook.objects.visible_to(user).filter(project__space=space).select_related("project")
    light = rows.only("name", "slug", "project__name", "project__slug")
    return _matching(light, words, "name", "project__name", limit=limit)


def _runbooks(space: Space, user: Any, words: str) -> Iterator[Result]:
    for row in _found_runbooks(space, user, words):
        url = reverse("runbook_detail", args=[row.project.slug, row.slug])
        yield Result(f"{row.name} · {row.project.name}", "Runbook", url, Rank(row.fit))


def _actions(space: Space, user: Any, words: str) -> Iterator[Result]:
    yield from _additions(user, words)
    if can(user, Permission.RUN):
        yield from _runs(space, user, words)
    if can(user, Permission.CREATE_RELEASE):
        yield from _releases(space, user, words)


def _runs(space: Space, user: Any, words: str) -> Iterator[Result]:
    for row in _found_runbooks(space, user, _object_of(words, "run"), limit=FEW):
        url = reverse("runbook_run", args=[row.project.slug, row.slug])
        yield Result(f"Run {row.name} · {row.project.name}", "Action", url, Rank(row.fit))


def _releases(space: Space, user: Any, words: str) -> Iterator[Result]:
    projects = Project.objects.visible_to(user).in_space(space).only("name", "slug")
    for row in _matching(projects, _object_of(words, "create release"), "name", limit=FEW):
        url = reverse("release_create", args=[row.slug])
        yield Result(f"Create release of {row.name}", "Action", url, Rank(row.fit))


def _object_of(words: str, verb: str) -> str:
    """What a verb is typed for: "back up" of "run back up", nothing of "create rel", and all of the
    words where they do not start with the verb."""
    rest = words.casefold().split()
    for part in verb.split():
        if not rest:
            break
        if not part.startswith(rest[0]):
            return words
        rest = rest[1:]
    return " ".join(word for word in rest if word != "of")


def _numbered(space: Space, user: Any, words: str) -> Iterator[Result]:
    number = words.removeprefix("#")
    if not number.isdecimal() or len(number) > 18:
        return
    for task in task_selectors.rows(space, user).filter(pk=int(number)):
        yield _task(task, Rank.PREFIX)


def _tasks(space: Space, user: Any, words: str) -> Iterator[Result]:
    rows = task_selectors.rows(space, user)
    newest = rows.values_list("pk", flat=True)[TASKS : TASKS + 1]
    oldest = next(iter(newest), 0)
    for task in _matching(rows.filter(pk__gt=oldest), words, "name", then="-pk", limit=FEW):
        yield _task(task, Rank(task.fit))


def _task(task: ServerTask, fit: Rank) -> Result:
    url = reverse("task_detail", args=[task.pk])
    return Result(f"#{task.pk} {task.name}, {task.environment}", "Task", url, fit)
