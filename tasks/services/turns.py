"""What a new run counts as in the queue, and what becomes of those that are before it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db.models import Q, QuerySet

from domain.plans import RunPlan
from domain.system_variables import Ref, RunFacts
from domain.turns import concurrency_tag, filled, fitted, run_values
from environments.models import Environment
from spaces.models import Space
from tasks.models import UNFINISHED, Kind, LockMode, NamedLock, ServerTask, TaskState
from tasks.services.options import LockRequest, Overlap, RunOptions
from tenants.models import Tenant

_KEY_LENGTH: int = ServerTask._meta.get_field("concurrency_key").max_length or 0
_LOCK_LENGTH: int = NamedLock._meta.get_field("name").max_length or 0


def values_of(
    plan: RunPlan,
    *,
    space: Space,
    project: Ref | None,
    runbook_id: int | None,
    environment: Environment,
    tenant: Tenant | None,
    created_by: str,
) -> dict[str, str]:
    """The values by which tags and names of locks may differ from run to run."""
    facts = RunFacts(
        space=Ref(f"Spaces-{space.pk}", space.name),
        project=project,
        environment=Ref(f"Environments-{environment.pk}", environment.name),
        tenant=Ref(f"Tenants-{tenant.pk}", tenant.name) if tenant else None,
        tenant_tags=plan.context.tenant_tags,
        runbook=Ref(f"Runbooks-{runbook_id}", plan.labels.process) if runbook_id else None,
        created_by=created_by,
        server_uri=settings.PUBLIC_URL,
    )
    return run_values(plan, facts)


def key_of(plan: RunPlan, values: Mapping[str, str], *, space: Space, default: str) -> str:
    """The concurrency tag, which counts in the whole space, or else `default`."""
    tag = concurrency_tag(plan, values)
    return fitted(f"tag:{space.pk}:{tag}", most=_KEY_LENGTH) if tag else default


def locks_of(requests: Collection[LockRequest], values: Mapping[str, str]) -> list[dict[str, str]]:
    """As a task stores them: each name once, in lower case and in order; exclusive goes before shared."""
    modes: dict[str, LockMode] = {}
    for one in requests:
        name = fitted(filled(one.name, values).lower(), most=_LOCK_LENGTH)
        if name and modes.get(name) != LockMode.EXCLUSIVE:
            modes[name] = one.mode
    return [{"name": name, "mode": modes[name].value} for name in sorted(modes)]


def lock_key_of(space: Space, locks: Collection[Mapping[str, str]]) -> str:
    """Tells tasks with different locks apart without reading them; empty for none."""
    text = "|".join(f"{lock['name']}:{lock['mode']}" for lock in locks)
    return sha256(f"{space.pk}|{text}".encode()).hexdigest()[:32] if text else ""


def before(key: str, *, now: datetime, without: Collection[int]) -> QuerySet[ServerTask]:
    """The unfinished runs of a key, the running ones first. Those that are scheduled for later are no
    business of a run that starts now."""
    is_due = Q(start_at__isnull=True) | Q(start_at__lte=now)
    found = ServerTask.objects.filter(is_due, concurrency_key=key, state__in=UNFINISHED)
    return found.exclude(pk__in=without).defer("plan").order_by("started_at", "id")


def reason_to_skip(options: RunOptions, kind: Kind, ahead: QuerySet[ServerTask]) -> str:
    """Why a run is not to be started at all; empty where it is. One that is to start later waits for its
    turn then."""
    if options.overlap != Overlap.SKIP or not options.max_concurrent or options.start_at:
        return ""
    found = sorted(ahead[: options.max_concurrent], key=lambda task: task.state == TaskState.QUEUED)
    if len(found) < options.max_concurrent:
        return ""
    did = "was waiting" if found[0].state == TaskState.QUEUED else "was running"
    who = "this project skips a deployment" if kind == Kind.DEPLOY else "this runbook skips a run"
    return f"Not started: task {found[0].pk} {did}, and {who} that would have to wait."
