"""Steps that start a task of a project or, above, of a runbook: who starts it, where, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import User
from accounts.permissions import Permission, can
from domain import versions
from domain.answers import Question
from domain.ids import IdKind, encode
from domain.runs import StepStatus
from domain.step_types import starting
from domain.step_types.starting import BadAnswers, When
from domain.variables import name_key
from environments.models import Environment
from projects.models import Deployment, Project, Release
from projects.places import NoPlace, Place, places_for
from projects.services import deployments
from projects.services.runs import Runnable, RunRefused, asked
from protocol.frames import OutputValue
from protocol.log import Level
from tasks.models import ServerTask, TaskState
from tasks.performers import Ended, Order, Refused, Started
from tasks.services import children
from tasks.services.options import Wishes
from tasks.services.tasks import BadStart
from tasks.step_checks import Checked, Finding
from tenants.models import Tenant

Start = Callable[[User, Environment, Sequence[Tenant], Wishes], list[ServerTask]]


def start(order: Order, do: Start, *, permission_on: object, outputs: Sequence[OutputValue] = ()) -> Started:
    """Starts one task in the place that the step names, in the name of whoever started its run. Raises
    `Refused`."""
    user = order.task.created_by
    if user is None:
        raise Refused("Whoever started this run has been deleted, so nobody may start another one for it.")
    if not can(user, Permission.RUN, permission_on):
        raise Refused(f"{user}, who started this run, does not have the right to {Permission.RUN.value}.")
    environment = _environment(order, user)
    wanted = order.task.tenant if not starting.is_without_tenant(order.properties) else None
    try:
        answers = {name: order.fill(text) for name, text in starting.answers(order.properties).items()}
        found = do(user, environment, [wanted] if wanted else [], Wishes(answers=answers))
    except (BadAnswers, NoPlace, BadStart) as problem:
        raise Refused(f"Not started. {problem}") from problem
    except RunRefused as problem:
        raise Refused(f"Not started: {problem}") from problem
    [task] = found
    is_awaited = starting.waits(order.properties)
    children.check(order.task, task, is_awaited=is_awaited)
    id = OutputValue("TaskId", encode(IdKind.TASK, task.pk))
    return Started(task, is_awaited, outputs=[id, *outputs])


def _environment(order: Order, user: User) -> Environment:
    id = starting.environment_of(order.properties)
    if id is None:
        return order.task.environment
    found = Environment.objects.visible_to(user).in_space(order.task.space).filter(pk=id).first()
    if found is None:
        raise Refused("The environment that the step names has been deleted.")
    return found


def deploy(order: Order, now: datetime) -> Started | Ended:
    """Deploys a release, unless its condition says that there is nothing to do. Raises `Refused`."""
    project = _project(order.properties, Project.objects.in_space(order.task.space))
    if project is None:
        raise Refused("The project that the step deploys has been deleted.")
    version = order.fill(order.properties.get(starting.VERSION, "")).strip()
    release = release_of(project, version)
    if release is None:
        words = f"no release {version[:100]}" if version else "no release"
        raise Refused(f"{project.name} has {words}.")
    if reason := _nothing_to_do(order, release):
        return Ended(
            StepStatus.SUCCESS,
            notes=[(reason, Level.INFO)],
            outputs=[OutputValue("Release", release.version)],
        )

    def do(
        user: User, environment: Environment, tenants: Sequence[Tenant], wishes: Wishes
    ) -> list[ServerTask]:
        return deployments.deploy(
            release=release, environments=[environment], tenants=tenants, user=user, now=now, wishes=wishes
        )

    return start(order, do, permission_on=project, outputs=[OutputValue("Release", release.version)])


def release_of(project: Project, version: str) -> Release | None:
    """The release of this version, or for an empty one the newest."""
    rows = Release.objects.filter(project=project).select_related("project__space", "project__lifecycle")
    return (rows.filter(version__iexact=version) if version else rows).order_by("-pk").first()


def _nothing_to_do(order: Order, release: Release) -> str:
    condition = When(order.properties.get(starting.CONDITION) or When.ALWAYS)
    if condition is When.ALWAYS:
        return ""
    id = starting.environment_of(order.properties)
    current = (
        Deployment.objects.filter(
            release__project=release.project_id,
            environment=id if id is not None else order.task.environment_id,
            tenant=None if starting.is_without_tenant(order.properties) else order.task.tenant_id,
            task__state=TaskState.SUCCESS,
        )
        .select_related("release")
        .order_by("-pk")
        .first()
    )
    if current is None:
        return ""
    name, there = release.project.name, current.release.version
    if current.release_id == release.pk:
        return f"{name} {there} is deployed there already."
    if condition is When.IF_NEWER and not _is_newer(release, current.release):
        return f"{name} {there} is deployed there, and {release.version} is not newer."
    return ""


def _is_newer(release: Release, than: Release) -> bool:
    try:
        return versions.sort_key(release.version) > versions.sort_key(than.version)
    except versions.BadVersion:
        return release.pk > than.pk


def _project(properties: Mapping[str, str], rows: QuerySet[Project]) -> Project | None:
    id = starting.project_of(properties)
    return rows.select_related("space").filter(pk=id).first() if id else None


# --- What can be told before the run --------------------------------------------------------------


def check_deploy(checked: Checked) -> Iterator[Finding]:
    project = _project(checked.properties, Project.objects.in_space(checked.space))
    if project is None:
        yield Finding("deploys a project that has been deleted.")
        return
    yield from may_run(checked, project, project.name)
    version = checked.properties.get(starting.VERSION, "").strip()
    if "#{" in version:
        return
    release = release_of(project, version)
    if release is None:
        yield Finding(f"deploys {project.name}, which has no release{f' {version[:100]}' * bool(version)}.")
    else:
        yield from in_place(checked, project, deployments.runnable(release))


def may_run(checked: Checked, obj: object, name: str) -> Iterator[Finding]:
    if checked.user is not None and not can(checked.user, Permission.RUN, obj):
        yield Finding(f"starts {name}, and {checked.user} does not have the right to {Permission.RUN.value}.")


def in_place(checked: Checked, project: Project, runnable: Runnable) -> Iterator[Finding]:
    """Whether it can run where the step says, and is told what it asks."""
    try:
        places = _places(checked, project)
    except NoPlace as problem:
        yield Finding(f"cannot start {runnable.name}: {problem}")
        return
    given = {name_key(name) for name in starting.answers(checked.properties)}
    questions = asked(runnable, places)
    if missing := [one.label for one in questions if _is_missing(one, given)]:
        yield Finding(f"starts {runnable.name}, which asks for a value of {', '.join(missing)}.")
    known = {name_key(one.name) for one in questions}
    if unknown := [name for name in starting.answers(checked.properties) if name_key(name) not in known]:
        yield Finding(f"gives {runnable.name} a value of {', '.join(unknown)}, which it does not ask for.")


def _places(checked: Checked, project: Project) -> list[Place]:
    id = starting.environment_of(checked.properties)
    environment = checked.environment
    if id is not None:
        found = Environment.objects.in_space(checked.space).filter(pk=id).first()
        if found is None:
            raise NoPlace("The environment that it names has been deleted.")
        environment = found
    tenant = None if starting.is_without_tenant(checked.properties) else checked.tenant
    return places_for(project, environments=[environment], tenants=[tenant] if tenant else [])


def _is_missing(question: Question, given: Iterable[str]) -> bool:
    is_needed = question.prompt.required and not question.has_default
    return is_needed and name_key(question.name) not in given
