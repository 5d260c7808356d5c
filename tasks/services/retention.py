"""Takes away what runs of long ago wrote, so that nothing grows without bound: their logs and artifacts. The
runs themselves stay, and their pages say what was removed and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from common import objects
from tasks.models import LIVE, UNFINISHED, Artifact, ArtifactState, Attempt, ServerTask, TaskState
from tasks.services import artifacts, log_archives

#: Between two looks; each goes through everything that is kept.
LOOK_EVERY = timedelta(minutes=10)
#: Tasks in one look: what is more waits for the next one.
_AT_ONCE = 500

_next_look: datetime | None = None


@dataclass(frozen=True)
class Policy:
    """What is kept: so many days, and of each runbook (or project's deployments) the last so many runs in
    each environment and for each tenant; 0 means no limit. The last success of each stays in any case."""

    days: int
    runs: int


def policy() -> Policy:
    """That of the settings."""
    return Policy(days=settings.KEEP_LOGS_DAYS, runs=settings.KEEP_LOGS_RUNS)


def apply(*, now: datetime) -> None:
    """Once in a while, however often it is called."""
    global _next_look
    if _next_look is not None and now < _next_look:
        return
    _next_look = now + LOOK_EVERY
    enforce(policy(), now=now)
    objects.sweep_partial(older_than=artifacts.GIVEN_UP_AFTER)


def enforce(rule: Policy, *, now: datetime) -> int:
    """How many runs lost what they wrote. Doing it again removes nothing more."""
    found = list(_surplus(rule, now=now)[:_AT_ONCE]) if rule.days or rule.runs else []
    for task in found:
        _remove_content(task, _reason(task, rule), now=now)
    return len(found)


def _surplus(rule: Policy, *, now: datetime) -> QuerySet[ServerTask]:
    like = [F("subject_kind"), F("subject_id"), F("environment_id"), F("tenant_id")]
    newest_first = F("id").desc()
    logs = _logs().filter(execution__task=OuterRef("pk"))
    files = Artifact.objects.filter(task=OuterRef("pk"), state=ArtifactState.STORED)
    kept = ServerTask.objects.exclude(state__in=UNFINISHED).filter(Exists(logs) | Exists(files))
    ranked = kept.annotate(
        place=Window(RowNumber(), partition_by=like, order_by=newest_first),
        place_of_state=Window(RowNumber(), partition_by=[*like, F("state")], order_by=newest_first),
    )
    too_much = Q(pk__in=[])
    if rule.runs:
        too_much |= Q(place__gt=rule.runs)
    if rule.days:
        too_much |= Q(completed_at__lt=now - timedelta(days=rule.days))
    last_success = Q(state=TaskState.SUCCESS, place_of_state=1)
    return ranked.filter(too_much & ~last_success).order_by("id")


def _logs() -> QuerySet[Attempt]:
    """Attempts whose logs are there, in rows or archived."""
    ended = Attempt.objects.exclude(state__in=LIVE).filter(log_lines__gt=0)
    return ended.filter(Q(archive__isnull=True) | ~Q(archive__name=""))


def _reason(task: ServerTask, rule: Policy) -> str:
    place: int = task.place  # type: ignore[attr-defined]  # annotated by _surplus
    if rule.runs and place > rule.runs:
        return f"the last {rule.runs} runs in an environment are kept."
    return f"logs are kept for {rule.days} days."


def _remove_content(task: ServerTask, reason: str, *, now: datetime) -> None:
    for artifact in Artifact.objects.filter(task=task, state=ArtifactState.STORED):
        artifacts.remove(artifact, reason=f"Removed on {now:%Y-%m-%d}: {reason}")
    for attempt in _logs().filter(execution__task=task).select_related("execution__task"):
        log_archives.remove_log(attempt, reason=reason, now=now)
