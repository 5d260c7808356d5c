"""The whole process as text: to copy, to change and paste back, and to see what that would change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render

from common.htmx import redirect
from common.usage import InUse
from domain import process_text
from domain.labels import listed
from domain.process_text import Fault, Form, TextRefused
from domain.processes import ProcessDef, StepDef
from processes import differences
from processes import text as texts
from processes.models import Process
from processes.saving import SaveRefused
from processes.services import processes
from processes.services.processes import StaleProcess, UnknownSteps
from processes.services.steps import StepRow
from projects.process_editor.conflicts import child_def, step_def
from projects.process_editor.session import Session

TEMPLATE = "processes/text.html"


@dataclass(frozen=True)
class Review:
    """What is wrong with a text, or what it would change; `notice` says what else there is to know."""

    faults: tuple[Fault, ...] = ()
    changes: tuple[differences.StepChange, ...] | None = None
    notice: str = ""


def show(session: Session) -> HttpResponse:
    """The process as it is stored, in the form that the address asks for."""
    form = _form(session.request.GET.get("form", ""))
    text = process_text.dump(texts.to_text(session.process), form)
    return _page(session, text=text, form=form, review=Review())


def submit(session: Session) -> HttpResponse:
    """Says what the text would change, or stores it when `apply` is pressed."""
    post = session.request.POST
    text, form = post.get("text", "").replace("\r\n", "\n"), _form(post.get("form", ""))
    try:
        rows = _rows(session, text)
    except TextRefused as refused:
        return _page(session, text=text, form=form, review=Review(faults=refused.faults), status=422)
    if "apply" not in post:
        return _page(session, text=text, form=form, review=Review(changes=_changes(session.process, rows)))
    return _apply(session, rows, text=text, form=form)


def _apply(session: Session, rows: list[StepRow], *, text: str, form: Form) -> HttpResponse:
    process = session.process
    try:
        processes.replace_steps(process=process, version=session.version, rows=rows, user=session.user)
    except InUse as problem:
        uses = listed([use.label for use in problem.uses])
        fault = Fault(f"A step would be deleted to which values are scoped: {uses}.")
        return _page(session, text=text, form=form, review=Review(faults=(fault,)), status=422)
    except SaveRefused as refusal:
        review = Review(faults=(Fault(str(refusal)),))
        return _page(session, text=text, form=form, review=review, status=422)
    except (StaleProcess, UnknownSteps):
        process.refresh_from_db()
        by = process.updated_by or "Somebody else"
        notice = f"{by} saved this process meanwhile. This is what your text changes about it as it is now."
        review = Review(changes=_changes(process, _rows(session, text)), notice=notice)
        return _page(session, text=text, form=form, review=review, status=409)
    messages.success(session.request, "The process is what the text says.")
    return redirect(session.request, session.owner.url)


def _rows(session: Session, text: str) -> list[StepRow]:
    known = texts.known(session.process, user=session.user)
    parsed = process_text.parse(text)
    return texts.rows_of(parsed, session.process, known=known, check=session.objections)


def _changes(process: Process, rows: list[StepRow]) -> tuple[differences.StepChange, ...]:
    after = ProcessDef(tuple(_step(row, number) for number, row in enumerate(rows, start=1)))
    return differences.compare(ProcessDef.from_json(processes.freeze(process)), after)


def _step(row: StepRow, number: int) -> StepDef:
    children = [
        child_def(one.fields, id=str(one.id or f"new {number}.{at}")) for at, one in enumerate(row.children)
    ]
    return step_def(row.fields, id=str(row.id or f"new {number}"), number=number, children=children)


def _form(name: str) -> Form:
    return Form(name) if name in tuple(Form) else Form.YAML


def _page(session: Session, *, text: str, form: Form, review: Review, status: int = 200) -> HttpResponse:
    found: dict[str, Any] = {
        **session.owner.context,
        "tab": "process",
        "owner": session.owner,
        "process": session.process,
        "can_edit": session.can_edit,
        "text": text,
        "form": form.value,
        "review": review,
    }
    return render(session.request, TEMPLATE, found, status=status)
