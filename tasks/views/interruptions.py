"""Answering the questions of a run, in place on its page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common import htmx
from domain.runs import Answer
from tasks.models import Interruption
from tasks.selectors.interruptions import verb
from tasks.services import interruptions as services
from tasks.views.detail import show, task_of


def _interruption(request: PageRequest, pk: int, question: int) -> Interruption:
    task = task_of(request, pk)
    require(request.user, Permission.RUN, task)
    found: Interruption = get_object_or_404(
        task.interruptions.select_related("execution", "task"), pk=question
    )
    return found


@require_POST
def interruption_answer(request: PageRequest, pk: int, question: int) -> HttpResponse:
    """409 with the page as it is now where somebody else was faster."""
    asked = _interruption(request, pk, question)
    try:
        answer = Answer(request.POST.get("answer", ""))
        services.answer(
            asked,
            answer=answer,
            notes=request.POST.get("notes", ""),
            user=request.user,
            now=timezone.now(),
        )
    except services.AlreadyAnswered as late:
        return _too_late(request, pk, late)
    except ValueError:
        messages.error(request, "Nothing was answered. Press one of the buttons below the question.")
    return htmx.redirect(request, reverse("task_detail", args=[pk]))


@require_POST
def interruption_take(request: PageRequest, pk: int, question: int) -> HttpResponse:
    """Tells the others that somebody sees to it."""
    asked = _interruption(request, pk, question)
    try:
        services.take(asked, user=request.user)
    except services.AlreadyAnswered as late:
        return _too_late(request, pk, late)
    return htmx.redirect(request, reverse("task_detail", args=[pk]))


def _too_late(request: PageRequest, pk: int, late: services.AlreadyAnswered) -> HttpResponse:
    more: dict[str, Any] = {
        "late": late.interruption,
        "live_url": reverse("task_detail", args=[pk]),
        "late_verb": verb(late.interruption),
        "late_notes": request.POST.get("notes", "").strip(),
    }
    return show(request, task_of(request, pk), more, status=409)
