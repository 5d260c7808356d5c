"""A run beside earlier runs of the same: how long it usually takes, what changed since it last went well,
and whether it failed like this before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from domain.codec import Malformed
from domain.plan_differences import Shown, describe, differences
from domain.plans import RunPlan
from domain.variables import Candidate, VariableType
from tasks.models import UNFINISHED, Attempt, AttemptState, Execution, ServerTask, StepState, TaskState
from tasks.selectors.fingerprints import fingerprint, of_sealed

#: Runs that a usual duration is taken from.
USUAL_RUNS = 20
#: Failed runs that are looked through for the same failure.
LOOK_BACK = 100
#: Of those, how many are named.
NAMED = 5


def like(task: ServerTask) -> QuerySet[ServerTask]:
    """Runs of the same thing in the same place, newest first, without their plans."""
    return (
        ServerTask.objects.filter(
            subject_kind=task.subject_kind,
            subject_id=task.subject_id,
            environment=task.environment_id,
            tenant=task.tenant_id,
            space=task.space_id,
        )
        .defer("plan")
        .order_by("-id")
    )


def usual_duration(task: ServerTask) -> timedelta | None:
    """The middle one of the last successful runs before this one."""
    rows = like(task).filter(state=TaskState.SUCCESS, pk__lt=task.pk, started_at__isnull=False)
    times = rows.values_list("started_at", "completed_at")[:USUAL_RUNS]
    spans = [end - start for start, end in times if start and end]
    return _middle(spans) if spans else None


def _middle(spans: list[timedelta]) -> timedelta:
    return sorted(spans)[len(spans) // 2]


def usual_steps(task: ServerTask) -> dict[str, timedelta]:
    """The same of each step, by its name."""
    tasks = like(task).filter(state=TaskState.SUCCESS, pk__lt=task.pk)
    ids = list(tasks.values_list("pk", flat=True)[:USUAL_RUNS])
    rows = Execution.objects.filter(task__in=ids, state=StepState.SUCCESS, completed_at__isnull=False)
    spans: dict[str, list[timedelta]] = {}
    for name, start, end in rows.order_by().values_list("name", "started_at", "completed_at"):
        if start and end:
            spans.setdefault(name, []).append(end - start)
    return {name: _middle(some) for name, some in spans.items()}


@dataclass(frozen=True)
class Changes:
    """What is different from the last run that went well, in sentences; none where nothing is."""

    since: ServerTask
    sentences: list[str]


def changes(task: ServerTask) -> Changes | None:
    """None where no run before this one went well."""
    since = like(task).filter(state=TaskState.SUCCESS, pk__lt=task.pk).defer(None).first()
    if since is None:
        return None
    return Changes(since, [*_plan_changes(since, task), *_worker_changes(since, task)])


def _plan_changes(before: ServerTask, after: ServerTask) -> Iterator[str]:
    try:
        plans = [RunPlan.from_json(task.plan) for task in (before, after)]
    except Malformed:
        yield "One of the two plans was made by another version of the server and cannot be compared."
        return
    old, new = (Shown("", "", (describe("", "", _opened(plan), fingerprint=fingerprint),)) for plan in plans)
    yield from (one.sentence for one in differences(old, new))


def _opened(plan: RunPlan) -> RunPlan:
    """Sealed twice, one secret looks like two: it is compared by its fingerprint."""
    return replace(plan, candidates=tuple(map(_open, plan.candidates)))


def _open(candidate: Candidate) -> Candidate:
    if candidate.type is not VariableType.SENSITIVE:
        return candidate
    return replace(candidate, value=of_sealed(candidate.value) or candidate.value)


@dataclass(frozen=True)
class _Ran:
    """Where a step ran: `has` are versions by the name of what the worker had."""

    label: str
    worker: str
    agent: str
    has: Mapping[str, str]


def _worker_changes(before: ServerTask, after: ServerTask) -> Iterator[str]:
    old, new = _ran(before), _ran(after)
    said: set[str] = set()
    for name, ran in new.items():
        if name in old:
            for sentence in _differences(old[name], ran):
                if sentence not in said:
                    yield sentence
                said.add(sentence)


def _differences(old: _Ran, new: _Ran) -> Iterator[str]:
    if old.worker != new.worker:
        yield f"Step {new.label} ran on {new.worker or 'no worker'} (was {old.worker or 'none'})."
        return
    if old.agent and new.agent and old.agent != new.agent:
        yield f"The agent of {new.worker} is version {new.agent} now (was {old.agent})."
    for what in sorted(old.has.keys() | new.has.keys()) if old.has and new.has else ():
        was, is_now = old.has.get(what, "not there"), new.has.get(what, "not there")
        if was != is_now:
            yield f"{what} on {new.worker} is {is_now} now (was {was})."


def _ran(task: ServerTask) -> dict[str, _Ran]:
    """By the step's name, of the last attempt of each."""
    rows = Attempt.objects.filter(execution__task=task).exclude(state=AttemptState.WITHDRAWN)
    found = {}
    for one in rows.select_related("execution").order_by("execution__number", "epoch"):
        step = one.execution
        label = f"{step.number} {step.name}"
        found[step.name] = _Ran(label, step.machine_name, one.agent_version, _versions(one.worker_has or {}))
    return found


def _versions(capabilities: Mapping[str, Any]) -> dict[str, str]:
    """Shells and tools by name."""
    found: dict[str, str] = {}
    for group in ("shells", "tools"):
        entries = capabilities.get(group)
        for name, value in entries.items() if isinstance(entries, dict) else ():
            if value:
                found[str(name)] = value if isinstance(value, str) else "there"
    return found


@dataclass(frozen=True)
class Similar:
    """Earlier runs that failed at the same step with the same words; the newest few of `count`."""

    tasks: list[ServerTask]
    count: int


_NUMBERS = re.compile(r"\d+|0x[0-9a-f]+|[0-9a-f]{8,}")


def similar_failures(task: ServerTask, failure: Execution) -> Similar:
    """In any environment. Numbers in the words do not count."""
    failed = ServerTask.objects.filter(
        subject_kind=task.subject_kind, subject_id=task.subject_id, space=task.space_id, pk__lt=task.pk
    )
    ended = failed.exclude(state__in=(*UNFINISHED, TaskState.SUCCESS)).order_by("-id")
    ids = list(ended.values_list("pk", flat=True)[:LOOK_BACK])
    steps = Execution.objects.filter(task__in=ids, state=StepState.FAILED, name=failure.name)
    wanted = _words(failure.message)
    same = [
        one
        for one, message in steps.order_by("-task").values_list("task", "message")
        if _words(message) == wanted
    ]
    named = ServerTask.objects.filter(pk__in=same[:NAMED]).select_related("environment", "tenant")
    return Similar(list(named.defer("plan").order_by("-id")), len(same))


def _words(message: str) -> str:
    return _NUMBERS.sub("#", message.casefold())
