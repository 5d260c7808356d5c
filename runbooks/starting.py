"""Run a runbook, as a step that the server does; and that no process starts itself in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from accounts.models import User
from domain.codec import Malformed
from domain.processes import DEPLOY_RELEASE_ACTION, RUNBOOK_ACTION, ProcessDef
from domain.scopes import DEPLOYMENT_PROCESS, runbook_process
from domain.step_types import starting
from domain.step_types.starting import Origin, circle
from environments.models import Environment
from processes.models import Action, OwnerKind, Process
from processes.saving import SaveRefused
from projects.models import Project
from projects.starting import in_place, may_run, release_of, start
from protocol.frames import OutputValue
from runbooks.models import Runbook, RunbookSnapshot
from runbooks.services import runs
from tasks.models import ServerTask
from tasks.performers import Order, Refused, Started
from tasks.services.options import Wishes
from tasks.step_checks import Checked, Finding
from tenants.models import Tenant

_KINDS = {OwnerKind.RUNBOOK: RUNBOOK_ACTION, OwnerKind.PROJECT: DEPLOY_RELEASE_ACTION}


def run(order: Order, now: datetime) -> Started:
    """Raises `Refused`."""
    runbook = _runbook(order.properties, order.task.space_id)
    if runbook is None:
        raise Refused("The runbook that the step runs has been deleted.")
    snapshot = _snapshot(runbook, order.properties)
    if snapshot is None:
        raise Refused(_no_snapshot(runbook, order.properties))

    def do(
        user: User, environment: Environment, tenants: Sequence[Tenant], wishes: Wishes
    ) -> list[ServerTask]:
        return runs.run(
            runbook=runbook,
            snapshot=snapshot,
            environments=[environment],
            tenants=tenants,
            user=user,
            now=now,
            wishes=wishes,
        )

    return start(order, do, permission_on=runbook, outputs=[OutputValue("Snapshot", str(snapshot.number))])


def check(checked: Checked) -> Iterator[Finding]:
    runbook = _runbook(checked.properties, checked.space.pk)
    if runbook is None:
        yield Finding("runs a runbook that has been deleted.")
        return
    yield from may_run(checked, runbook, runbook.name)
    snapshot = _snapshot(runbook, checked.properties)
    if snapshot is None:
        yield Finding(f"cannot start. {_no_snapshot(runbook, checked.properties)}")
        return
    yield from in_place(checked, runbook.project, runs.runnable(runbook, snapshot))


def check_circle(checked: Checked) -> Iterator[Finding]:
    """Whether what the step starts, as it would run now, starts the process of the step in the end."""
    own = _origin_of(checked)
    of = {RUNBOOK_ACTION: starting.runbook_of, DEPLOY_RELEASE_ACTION: starting.project_of}
    id = of[checked.step.action_type](checked.properties)
    if own is None or id is None:
        return
    first: Origin = (checked.step.action_type, id)
    found = circle(own, lambda one: [first] if one == own else _started_by_published(one, checked.properties))
    if found:
        yield Finding(f"would start its own process again: {_chain(found)}.")


def refuse_circle(process: Process) -> None:
    """Raises `SaveRefused` where drafts start each other in a circle in which this one is."""
    own: Origin = (_KINDS[OwnerKind(process.owner_kind)], process.owner_id)
    found = circle(own, _drafts(process))
    if found:
        raise SaveRefused(
            f"Not saved: these would start each other for ever: {_chain(found)}. "
            "Take the step away from one of them, or disable it."
        )


def _drafts(process: Process) -> Callable[[Origin], Sequence[Origin]]:
    """What each draft of the space starts, read at once where the process starts anything at all."""
    kinds = {kind: owner for owner, kind in _KINDS.items()}
    known: dict[Origin, list[Origin]] = {}

    def load() -> None:
        rows = Action.objects.filter(
            step__process__space=process.space_id, action_type__in=_KINDS.values(), is_disabled=False
        ).select_related("step__process")
        for action in rows:
            owner = action.step.process
            own = (_KINDS[OwnerKind(owner.owner_kind)], owner.owner_id)
            of = starting.started(action.action_type, action.properties)
            if of is not None and of[0] in kinds:
                known.setdefault(own, []).append(of)

    load()
    return lambda one: known.get(one, [])


def _started_by_published(one: Origin, properties: Mapping[str, str]) -> list[Origin]:
    try:
        return [
            found
            for _, action in ProcessDef.from_json(dict(_frozen(one, properties))).actions()
            if (found := starting.starts(action)) is not None
        ]
    except Malformed:
        return []


def _frozen(one: Origin, properties: Mapping[str, str]) -> Mapping[str, object]:
    """The process that would run: of a runbook the snapshot that is named or published, of a project that of
    the newest release."""
    empty = ProcessDef().to_json()
    kind, id = one
    if kind == RUNBOOK_ACTION:
        runbook = Runbook.objects.select_related("published").filter(pk=id).first()
        is_first = starting.runbook_of(properties) == id
        snapshot = (_snapshot(runbook, properties) if is_first else runbook.published) if runbook else None
        return snapshot.process if snapshot else empty
    project = Project.objects.filter(pk=id).first()
    release = release_of(project, "") if project else None
    return release.process if release else empty


def _origin_of(checked: Checked) -> Origin | None:
    if checked.process_ref == DEPLOYMENT_PROCESS:
        return (DEPLOY_RELEASE_ACTION, checked.project_id) if checked.project_id else None
    return next(
        (
            (RUNBOOK_ACTION, id)
            for id in [int(checked.process_ref.rpartition(":")[2] or 0)]
            if checked.process_ref == runbook_process(id)
        ),
        None,
    )


def _chain(origins: Sequence[Origin]) -> str:
    """Each once, and the first one again at the end: Back up → Clean up → Back up."""
    runbooks = {id for kind, id in origins if kind == RUNBOOK_ACTION}
    projects = {id for kind, id in origins if kind == DEPLOY_RELEASE_ACTION}
    names: dict[Origin, str] = {}
    for pk, name in Runbook.objects.filter(pk__in=runbooks).values_list("pk", "name"):
        names[RUNBOOK_ACTION, pk] = name
    for pk, name in Project.objects.filter(pk__in=projects).values_list("pk", "name"):
        names[DEPLOY_RELEASE_ACTION, pk] = f"deployment of {name}"
    return " → ".join(names.get(one, "something deleted") for one in origins)


def _runbook(properties: Mapping[str, str], space_id: int) -> Runbook | None:
    id = starting.runbook_of(properties)
    rows = Runbook.objects.select_related("project__space", "published")
    return rows.filter(pk=id, project__space=space_id).first() if id else None


def _snapshot(runbook: Runbook, properties: Mapping[str, str]) -> RunbookSnapshot | None:
    number = starting.snapshot_of(properties)
    if number is None:
        return runbook.published
    return runbook.snapshots.filter(number=number).first()


def _no_snapshot(runbook: Runbook, properties: Mapping[str, str]) -> str:
    number = starting.snapshot_of(properties)
    if number is None:
        return f"{runbook.name} has no published snapshot."
    return f"{runbook.name} has no snapshot {number}."
