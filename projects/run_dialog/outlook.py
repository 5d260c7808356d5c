"""What would become of runs that are started now: by the rules that will be asked about them then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.labels import listed
from domain.queue import QueuedRun, Wait, WaitKind
from domain.system_variables import Ref
from projects.services.runs import PlacePlan, Runnable
from tasks.selectors import lines
from tasks.selectors.queue import FIRST_NEW, why_new_ones_would_wait
from tasks.services import turns
from tasks.services.options import Overlap, RunOptions, Wishes, options_for


@dataclass(frozen=True)
class Outlook:
    """A label for a pill with its icon, and the whole story. `task_id` is the task that it is about."""

    label: str
    icon: str
    sentence: str
    task_id: int | None = None


def outlooks(
    plans: Sequence[PlacePlan], runnable: Runnable, *, wishes: Wishes, now: datetime
) -> list[Outlook | None]:
    """For each plan, None where nothing keeps it from starting at once but the room in its pool."""
    turn = [_turn(one, runnable, wishes, FIRST_NEW + place) for place, one in enumerate(plans)]
    waits = why_new_ones_would_wait([run for run, _ in turn], now=now)
    return [
        _overlapping(run, options, runnable, now=now) or _waiting(waits.get(run.id)) for run, options in turn
    ]


def _turn(one: PlacePlan, runnable: Runnable, wishes: Wishes, id: int) -> tuple[QueuedRun, RunOptions]:
    """As `tasks.services.tasks.create` makes it."""
    project, place = runnable.project, one.place
    options = options_for(runnable.settings, environment=place.environment, wishes=wishes)
    values = turns.values_of(
        one.plan,
        space=project.space,
        project=Ref(f"Projects-{project.pk}", project.name),
        runbook_id=runnable.runbook_id,
        environment=place.environment,
        tenant=place.tenant,
        created_by="",
    )
    default = runnable.concurrency_key(place)
    run = QueuedRun(
        id=id,
        key=turns.key_of(one.plan, values, space=project.space, default=default),
        limit=options.max_concurrent,
        locks=lines.wishes(turns.locks_of(options.locks, values)),
        environment=place.environment.pk,
        pools=frozenset(int(id) for id in one.plan.pool_ids),
        space=project.space.pk,
        rank=1 if options.is_prioritised else 0,
    )
    return run, options


def _overlapping(run: QueuedRun, options: RunOptions, runnable: Runnable, *, now: datetime) -> Outlook | None:
    """What the process says of runs that are there already, where it is not that they queue."""
    if options.overlap == Overlap.QUEUE:
        return None
    before = turns.before(run.key, now=now, without=())
    if options.overlap == Overlap.SKIP:
        reason = turns.reason_to_skip(options, runnable.kind, before)
        return Outlook("Is not started", "circle-slash", reason) if reason else None
    ids = list(before.values_list("pk", flat=True))
    if not ids:
        return None
    named = f"{'Task' if len(ids) == 1 else 'Tasks'} {listed([str(id) for id in ids])}"
    sentence = f"{named} {'is' if len(ids) == 1 else 'are'} cancelled, and this one takes the place."
    return Outlook(f"Replaces {named[:1].lower()}{named[1:]}", "circle-slash", sentence, ids[0])


_LABELS = {
    WaitKind.PAUSED: ("Paused", "pause"),
    WaitKind.TURN: ("Waits for its turn", "clock"),
    WaitKind.LOCK: ("Waits for a lock", "lock"),
    WaitKind.FULL: ("Waits for room", "hourglass"),
}


def _waiting(wait: Wait | None) -> Outlook | None:
    if wait is None or wait.kind not in _LABELS:
        return None
    label, icon = _LABELS[wait.kind]
    holders = wait.holders
    if any(holder >= FIRST_NEW for holder in holders):
        return Outlook(label, icon, "Behind another one of these runs: they take turns.")
    if wait.kind is WaitKind.TURN and len(holders) == 1:
        label = f"Waits for task {holders[0]}"
    return Outlook(label, icon, wait.sentence, holders[0] if holders else None)
