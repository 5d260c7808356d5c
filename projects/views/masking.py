"""The masking rehearsal of a project's variables."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common.htmx import invalid
from projects.variables_editor import rehearsal
from projects.variables_editor.owner import project_owner
from projects.variables_editor.session import Session

TEMPLATE = "variables/masking.html"


@require_http_methods(["GET", "HEAD", "POST"])
def variable_masking(request: PageRequest, slug: str) -> HttpResponse:
    """For those who could as well print the secrets by a script of theirs: the answer tells whether a text
    is one."""
    session = Session(request, project_owner(request, slug))
    require(request.user, Permission.EDIT_PROJECT, session.owner.subject)
    require(request.user, Permission.RUN_DRAFT, session.owner.subject)
    if request.method != "POST":
        return render(request, TEMPLATE, session.context(form=rehearsal.blank(session)))
    form = rehearsal.RehearsalForm(request.POST, session=session)
    if not form.is_valid():
        return invalid(request, TEMPLATE, session.context(form=form))
    return render(request, TEMPLATE, session.context(form=form, found=rehearsal.answer(session, form)))
