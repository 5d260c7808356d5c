"""A step copied to another process: of a runbook, or of the deployments of a project."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render

from common.htmx import redirect
from processes import owners
from processes.destinations import Destination, destinations
from processes.models import Process, Step
from processes.services import processes
from processes.services.processes import StaleProcess
from projects.process_editor.session import Session

TEMPLATE = "processes/copy_step.html"


def show(session: Session, step: Step, *, error: str = "") -> HttpResponse:
    found = {
        **session.owner.context,
        "tab": "process",
        "owner": session.owner,
        "step": step,
        "step_url": session.step_url(step),
        "destinations": _others(session),
        "error": error,
    }
    return render(session.request, TEMPLATE, found, status=422 if error else 200)


def copy(session: Session, step: Step) -> HttpResponse:
    chosen = session.request.POST.get("to", "")
    to = next((one for one in _others(session) if one.key == chosen), None)
    if to is None:
        return show(session, step, error="Choose the process that gets the copy.")
    process = processes.get_or_create(owner_kind=to.kind, owner_id=to.owner_id, space=session.space)
    try:
        made = processes.copy_step(step=step, to=process, user=session.user)
    except StaleProcess:
        return show(session, step, error="Somebody saved that process at the same moment. Try again.")
    messages.success(session.request, f"{step.name} was copied to {to.group}, as {made.name}.")
    return redirect(session.request, _url(process, made))


def _others(session: Session) -> list[Destination]:
    """All but the process that the step is in: there it is copied without a question."""
    own = (session.process.owner_kind, session.process.owner_id)
    found = destinations(session.user, session.space)
    return [one for one in found if (one.kind, one.owner_id) != own]


def _url(process: Process, step: Step) -> str:
    key = (process.owner_kind, process.owner_id)
    return f"{owners.resolve([key])[key].url}steps/{step.slug}/"
