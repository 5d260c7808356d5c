"""What a project or a library set asks tenants for: the list, and a page for each template."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common.htmx import invalid, redirect
from domain.prompts import Control
from projects.variables_editor.owner import OwnerOf
from projects.variables_editor.session import Session
from variables.models import VariableTemplate
from variables.services import templates
from variables.services.templates import TemplateRefused
from variables.template_forms import CONTROLS, TemplateForm

LIST, FORM = "projects/templates.html", "projects/template_form.html"


@require_safe
def template_list(request: PageRequest, slug: str, owner_of: OwnerOf) -> HttpResponse:
    session = Session(request, owner_of(request, slug))
    rows = session.variable_set.templates.annotate(given=Count("values__tenant", distinct=True))
    return render(
        request,
        LIST,
        session.context(
            rows=[(row, _CONTROL[row.control], _default(row, session)) for row in rows],
            is_common=session.owner.project is None,
        ),
    )


_CONTROL = {control.value: words.partition(":")[0] for control, words in CONTROLS}


def _default(row: VariableTemplate, session: Session) -> str:
    if row.control == Control.SENSITIVE and row.default:
        return "hidden"
    if row.control == Control.WORKER_POOL:
        return session.pool_names.get(row.default, "")
    return row.default


@require_http_methods(["GET", "HEAD", "POST"])
def template_create(request: PageRequest, slug: str, owner_of: OwnerOf) -> HttpResponse:
    return _form_page(Session(request, owner_of(request, slug)), None)


@require_http_methods(["GET", "HEAD", "POST"])
def template_edit(request: PageRequest, slug: str, template: int, owner_of: OwnerOf) -> HttpResponse:
    session = Session(request, owner_of(request, slug))
    return _form_page(session, get_object_or_404(session.variable_set.templates, pk=template))


def _form_page(session: Session, template: VariableTemplate | None) -> HttpResponse:
    request = session.request
    require(request.user, Permission.EDIT_PROJECT, session.owner.subject)
    data: Any = request.POST if request.method == "POST" else None
    form = TemplateForm(data, pools=session.pool_names, template=template)
    if form.is_valid() and _save(session, form, template):
        messages.success(request, f"Saved the template {form.cleaned_data['name']}.")
        return redirect(request, reverse(session.owner.pages.templates, args=[session.owner.slug]))
    context = session.context(form=form, template=template)
    return invalid(request, FORM, context) if form.is_bound else render(request, FORM, context)


def _save(session: Session, form: TemplateForm, template: VariableTemplate | None) -> bool:
    try:
        templates.save(
            session.variable_set,
            template=template,
            name=form.cleaned_data["name"],
            ask=form.ask(),
            default=form.default(),
            user=session.request.user,
        )
    except TemplateRefused as refused:
        form.refuse(refused)
        return False
    return True


@require_POST
def template_delete(request: PageRequest, slug: str, template: int, owner_of: OwnerOf) -> HttpResponse:
    session = Session(request, owner_of(request, slug))
    require(request.user, Permission.EDIT_PROJECT, session.owner.subject)
    row = get_object_or_404(session.variable_set.templates, pk=template)
    templates.delete(row, user=request.user)
    messages.success(request, f"Deleted the template {row.name}.")
    return redirect(request, reverse(session.owner.pages.templates, args=[slug]))
