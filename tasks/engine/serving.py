"""Steps that the server itself does: begun, watched and ended like those of workers, by rows alone.

A step that starts a task does so in the transaction that says that it has begun, so that there is one such
task for each try, whenever the server dies. What leaves the database, such as an e-mail, is begun in one
transaction and done after it: where the server dies in between, its outcome is unknown and is said to be.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone

from common.prepared import Param, Rows
from domain import runs
from domain.runs import RunStatus, StepStatus
from protocol.log import Level
from tasks import performers
from tasks.engine import node, placement, script
from tasks.engine.advance import LockedRun, advance, apply, lock
from tasks.engine.notes import note
from tasks.models import Attempt, AttemptState, Child, Execution, Node, ServerTask, TaskState
from tasks.performers import Ended, Outside, Started
from tasks.selectors.nodes import LEASE
from tasks.services import children, outputs

logger = logging.getLogger("octoworkers.engine")

NOBODY_KNOWS = (
    "The server stopped while it was doing this step, so nobody knows whether it was done. "
    "It is not done again by itself."
)
#: Steps that one node does outside of the database at once.
AT_ONCE = 16
#: Seconds between tries to write down how one of them ended.
PAUSES = (0, 1, 5, 15)

_room = threading.BoundedSemaphore(AT_ONCE)
_at_work: set[uuid.UUID] = set()

_waiting = Rows(
    lambda: (
        Execution.objects.filter(
            state=StepStatus.WAITING.value, pool_id__isnull=True, target__isnull=True, rules__server=True
        )
        .order_by("pk")
        .values_list("pk", "task_id", "number")
    )
)
_serving = Rows(
    lambda: (
        # The time lets SQLite find its place in the index of just those.
        Attempt.objects.filter(state=AttemptState.SERVING, assigned_at__lte=Param("now"))
        .order_by("assigned_at")
        .values_list(
            "pk",
            "assigned_at",
            "cancel_requested",
            "timed_out",
            "served_by",
            "execution__task_id",
            "child__task_id",
            "child__task__state",
        )
    )
)


class _Overtaken(Exception):
    """Another node was faster, or the run was cancelled: nothing of this try stays."""


@dataclass(frozen=True)
class _Serving:
    id: uuid.UUID
    since: datetime
    cancel_requested: bool
    timed_out: bool
    served_by: str
    task_id: int
    child_id: int | None
    child_state: str | None


def serve(*, now: datetime) -> None:
    """Begins what waits for the server, and ends what it waited for. Not inside of a transaction."""
    for execution_id, task_id, number in _waiting():
        _begin(execution_id, task_id, number, now=now)
    for row in _serving(now=now):
        _watch(_Serving(*row), now=now)


def _begin(execution_id: int, task_id: int, number: int, *, now: datetime) -> None:
    attempt_id = uuid.uuid4()
    try:
        with transaction.atomic():
            outcome = _begun(attempt_id, execution_id, task_id, number, now=now)
    except _Overtaken:
        _at_work.discard(attempt_id)
        return
    except BaseException:
        _at_work.discard(attempt_id)
        raise
    if isinstance(outcome, Outside):
        start_outside(lambda: _do(attempt_id, outcome))


def _begun(
    attempt_id: uuid.UUID, execution_id: int, task_id: int, number: int, *, now: datetime
) -> Ended | Started | Outside:
    task = ServerTask.objects.select_related("space", "environment", "tenant", "created_by").get(pk=task_id)
    # Before the run is held: it may hold projects and other runs, which others hold before this one.
    outcome = _performed(task, number, attempt_id, now=now)
    locked = lock(task_id)
    if locked.run.status is not RunStatus.EXECUTING or (
        locked.run.step(number).status is not StepStatus.WAITING
    ):
        raise _Overtaken
    _take(locked, attempt_id, execution_id, number, now=now)
    match outcome:
        case Started(child, is_awaited, reported):
            Child.objects.create(attempt_id=attempt_id, task=child, is_awaited=is_awaited)
            note(task_id, f"Started task {child.pk}, {child.name}.", number=number, now=now)
            if is_awaited:
                outputs.store_for(execution_id, machine="", reported=reported)
            else:
                finish(attempt_id, Ended(StepStatus.SUCCESS, outputs=reported), now=now)
        case Ended():
            finish(attempt_id, outcome, now=now)
        case Outside():
            _at_work.add(attempt_id)
    return outcome


def _performed(
    task: ServerTask, number: int, attempt_id: uuid.UUID, *, now: datetime
) -> Ended | Started | Outside:
    try:
        # A savepoint: what was half done goes, and the step can still be said to have failed.
        with transaction.atomic():
            order = script.order(task, number, attempt_id)
            performer = performers.find(order.step.action_type)
            if performer is None:
                raise performers.Refused(f"This server cannot do steps of the type {order.step.action_type}.")
            return performer(order, now)
    except (performers.Refused, script.CannotStart) as refusal:
        return Ended(StepStatus.FAILED, str(refusal))
    except DatabaseError:
        raise
    except Exception:
        logger.exception("Step %s of task %s failed on the server.", number, task.pk)
        return Ended(StepStatus.FAILED, "The server failed at this step; its own log says why.")


def _take(locked: LockedRun, attempt_id: uuid.UUID, execution_id: int, number: int, *, now: datetime) -> None:
    limit = locked.run.step(number).rules.time_limit
    apply(locked, runs.Placed(number), now=now)
    rows = Execution.objects.filter(pk=execution_id)
    rows.update(
        epoch=F("epoch") + 1,
        started_at=now,
        waiting_since=None,
        waiting_for="",
        wake_at=now + timedelta(minutes=limit) if limit else None,
    )
    Attempt.objects.create(
        pk=attempt_id,
        execution_id=execution_id,
        epoch=rows.values_list("epoch", flat=True).get(),
        state=AttemptState.SERVING,
        served_by=node.current().name,
        assigned_at=now,
        started_at=now,
    )


def finish(attempt_id: uuid.UUID, ended: Ended, *, now: datetime) -> None:
    """Ends a try and its step, once: a second call finds it ended."""
    with transaction.atomic(savepoint=False):
        rows = Attempt.objects.filter(pk=attempt_id).values_list("execution_id", "execution__task_id")
        execution_id, task_id = rows.get()
        locked = lock(task_id)
        number = next(number for number, id in locked.ids.items() if id == execution_id)
        final = AttemptState.UNKNOWN if ended.status is StepStatus.UNKNOWN else AttemptState.FINISHED
        about = {"finished_at": now, "message": ended.message, "outcome": _OUTCOMES.get(ended.status, "")}
        if not rows.filter(state=AttemptState.SERVING).update(state=final, **about):
            return
        for text, level in ended.notes:
            note(task_id, text, number=number, level=level, now=now)
        if ended.has_warnings:
            Execution.objects.filter(pk=execution_id).update(has_warnings=True)
            ServerTask.objects.filter(pk=task_id).update(has_warnings=True)
        outputs.store_for(execution_id, machine="", reported=ended.outputs)
        placement.place_in(
            apply(locked, runs.StepEnded(number, ended.status, ended.message), now=now), now=now
        )


_OUTCOMES = {StepStatus.SUCCESS: "done", StepStatus.FAILED: "failed", StepStatus.CANCELED: "canceled"}


def _watch(serving: _Serving, *, now: datetime) -> None:
    if serving.child_id is None:
        if _is_orphan(serving, now=now):
            finish(serving.id, Ended(StepStatus.UNKNOWN, NOBODY_KNOWS), now=now)
    elif TaskState(serving.child_state or "") in children.FINAL:
        child = ServerTask.objects.defer("plan").get(pk=serving.child_id)
        finish(serving.id, _as(child, serving), now=now)
    elif serving.cancel_requested and serving.child_state != TaskState.CANCELLING:
        why = "its time was up" if serving.timed_out else "it was cancelled"
        by = f"task {serving.task_id}"
        note(serving.child_id, f"Cancelled with {by}: {why}.", level=Level.WARNING, now=now)
        advance(serving.child_id, runs.CancelRequested(by=by), now=now)


def _as(child: ServerTask, serving: _Serving) -> Ended:
    """How a step ended, by the task for which it waited."""
    reported = children.outputs_of(child)
    if child.state == TaskState.SUCCESS:
        done = f"Task {child.pk}, {child.name}, succeeded."
        return Ended(StepStatus.SUCCESS, notes=[(done, Level.INFO)], outputs=reported)
    if serving.timed_out:
        message = f"Its time was up, and task {child.pk} was cancelled."
        return Ended(StepStatus.FAILED, message, outputs=reported)
    if serving.cancel_requested:
        return Ended(StepStatus.CANCELED, "Cancelled.", outputs=reported)
    words = {TaskState.CANCELED: "was cancelled", TaskState.TIMED_OUT: "ran out of time"}
    became = words.get(TaskState(child.state), "failed")
    why = f" {child.error_message}" if child.error_message else ""
    return Ended(StepStatus.FAILED, f"Task {child.pk}, {child.name}, {became}.{why}", outputs=reported)


def _is_orphan(serving: _Serving, *, now: datetime) -> bool:
    """Whether the process that did it is gone."""
    if serving.served_by == node.current().name:
        return serving.id not in _at_work
    lives = Node.objects.filter(
        name=serving.served_by,
        stopped_at=None,
        last_seen_at__gte=now - LEASE,
        started_at__lte=serving.since,
    )
    return not lives.exists()


def _in_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="engine-outside", daemon=True).start()


#: Tests put a call in its place.
start_outside: Callable[[Callable[[], None]], None] = _in_a_thread


def _do(attempt_id: uuid.UUID, outside: Outside) -> None:
    try:
        with _room:
            _write(attempt_id, _done(outside))
    finally:
        _at_work.discard(attempt_id)
        if threading.current_thread() is not threading.main_thread():
            connection.close()


def _done(outside: Outside) -> Ended:
    try:
        return outside.do()
    except Exception:
        logger.exception("A step that the server does failed in an unforeseen way.")
        return Ended(StepStatus.UNKNOWN, "The server failed over it; how far it came, nobody knows.")


def _write(attempt_id: uuid.UUID, ended: Ended) -> None:
    for pause in PAUSES:
        time.sleep(pause)
        try:
            finish(attempt_id, ended, now=timezone.now())
        except DatabaseError:
            logger.exception("The end of a step could not be written down, and is tried again.")
        else:
            return
