"""Why something waits: sentences with links to the tasks that they name, and what is paused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.template.context import RequestContext
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.permissions import Permission, can
from domain.queue import RunRef, Words
from environments.models import Environment
from pools.models import WorkerPool
from tasks.models import Pause
from tasks.selectors import pauses
from tasks.selectors.queue import in_line

register = template.Library()


@register.simple_tag
def linked(words: Words) -> SafeString:
    """The words of a wait; each task that they name is a link."""
    return format_html_join("", "{}", ((_part(part),) for part in words))


def _part(part: str | RunRef) -> str:
    if isinstance(part, RunRef):
        return format_html('<a class="ref" href="{}">{}</a>', reverse("task_detail", args=[part.id]), part)
    return part


@register.filter
def with_task_links(sentence: str) -> SafeString:
    """A sentence that was kept as text: each "task 12" in it is a link."""
    parts = _TASK.split(sentence)
    return linked(tuple(RunRef(int(one), "task") if n % 2 else one for n, one in enumerate(parts)))


_TASK = re.compile(r"\btask (\d{1,18})\b")


register.filter("in_line", lambda wait: in_line(wait) if wait else "")


@register.filter
def of(found: Mapping[int, Any], pk: int) -> Any:
    """What is known of the task or the environment with this id."""
    return found.get(pk) if found else None


@register.simple_tag
def paused_environments(environments: Iterable[Environment]) -> dict[int, Pause]:
    """By id, those of the environments that are paused."""
    return pauses.by_environment([one.pk for one in environments])


@register.inclusion_tag("tasks/_paused.html", takes_context=True)
def pause_banner(context: RequestContext, scope: pauses.Scope = None) -> dict[str, Any]:
    """The pause of a pool or an environment, or without one of everything; nothing where none stands."""
    pause = pauses.standing(scope)
    if pause is None:
        return {"pause": None}
    pool, environment = pause.pool, pause.environment
    return {
        "request": context["request"],
        "csrf_token": context.get("csrf_token"),
        "pause": pause,
        "label": pauses.label(pool.name if pool else None, environment.name if environment else None),
        "may_resume": may_pause(context, scope),
        "edit_url": _address("pause", scope),
        "resume_url": _address("resume", scope),
    }


@register.simple_tag(takes_context=True)
def may_pause(context: RequestContext, scope: pauses.Scope = None) -> bool:
    """Whether the signed-in user may stop this, and let it go on."""
    needed = Permission.EDIT_SERVER
    if scope is not None:
        needed = Permission.EDIT_POOL if isinstance(scope, WorkerPool) else Permission.EDIT_ENVIRONMENT
    return can(context["request"].user, needed, scope)


def _address(act: str, scope: pauses.Scope) -> str:
    if scope is None:
        return reverse(f"{act}_everything")
    kind = "pool" if isinstance(scope, WorkerPool) else "environment"
    return reverse(f"{kind}_{act}", args=[scope.slug])
