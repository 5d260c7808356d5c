"""Who saved the process when, what that changed, and the way back."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render

from common.htmx import redirect
from common.usage import InUse
from domain.labels import listed
from domain.processes import ProcessDef
from processes import differences
from processes.models import ProcessRevision
from processes.services import processes
from projects.process_editor.session import Session


def show(session: Session) -> HttpResponse:
    """The revisions that are kept, newest first; `?version=` shows what one of them changed."""
    rows = list(session.process.revisions.order_by("-version").defer("content"))
    found = {
        **session.owner.context,
        "tab": "process",
        "owner": session.owner,
        "process": session.process,
        "can_edit": session.can_edit,
        "revisions": rows,
    }
    version = _number(session.request.GET.get("version", ""))
    if version:
        found |= _comparison(session, version)
    return render(session.request, "processes/history.html", found)


def _comparison(session: Session, version: int) -> dict[str, object]:
    shown = _revision(session, version)
    before = session.process.revisions.filter(version=version - 1).first()
    changes = None
    if before is not None:
        changes = differences.compare(
            ProcessDef.from_json(before.content), ProcessDef.from_json(shown.content)
        )
    return {"shown": shown, "changes": changes}


def restore(session: Session) -> HttpResponse:
    """Puts the steps of a revision back, as a new version. Raises StaleProcess."""
    revision = _revision(session, _number(session.request.POST.get("revision", "")))
    process = session.process
    try:
        processes.restore(process=process, version=session.version, revision=revision, user=session.user)
    except InUse as problem:
        uses = listed([use.label for use in problem.uses])
        messages.error(
            session.request, f"Nothing was restored: values are scoped to a step that would go ({uses})."
        )
        return redirect(session.request, f"{session.owner.url}history/")
    messages.success(session.request, f"The steps are as in version {revision.version}.")
    return redirect(session.request, session.owner.url)


def undo(session: Session) -> dict[str, object]:
    """What the page offers to take back: it was reached by deleting a step, and nothing happened since."""
    before = _number(session.request.GET.get("deleted", ""))
    if not before or not session.can_edit or before != session.process.version - 1:
        return {}
    kept = dict(session.process.revisions.filter(version__gte=before).values_list("version", "message"))
    if before not in kept:
        return {}
    return {"undo_version": before, "undo_what": f"{kept[session.process.version]}."}


def _revision(session: Session, version: int) -> ProcessRevision:
    found = session.process.revisions.filter(version=version).first()
    if found is None:
        raise Http404("This version of the process is not kept.")
    return found


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
