"""The library of step templates."""

from __future__ import annotations

import json
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from domain.labels import counted
from domain.step_templates import SYNTAX, BadTemplate
from processes import owners, selectors
from processes.action_types import by_key
from processes.forms import ImportForm
from processes.models import ActionTemplate, ActionTemplateVersion
from processes.saving import SaveRefused
from processes.services import templates
from processes.services.processes import StaleProcess

LIST, DETAIL, IMPORT = (
    "processes/template_list.html",
    "processes/template_detail.html",
    "processes/template_import.html",
)
_SCRIPT = "Octopus.Action.Script.ScriptBody"


@require_GET
def template_list(request: PageRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    rows = selectors.newest(request.user, request.space)
    if text:
        rows = rows.filter(template__name__icontains=text)
    found = [
        (row.template, made, by_key(made.action_type)) for row in rows for made in [templates.content(row)]
    ]
    context = {"rows": found, "q": text, "may_edit": can(request.user, Permission.EDIT_PROJECT)}
    return htmx.page(request, LIST, context, partial="rows")


@require_GET
def template_detail(request: PageRequest, pk: int) -> HttpResponse:
    template = _template(request, pk)
    version = _version(template, request.GET.get("version", ""))
    made = templates.content(version)
    uses = templates.uses_of(template)
    known = owners.resolve(
        [(one.action.step.process.owner_kind, one.action.step.process.owner_id) for one in uses]
    )
    rows = []
    for one in uses:
        process = one.action.step.process
        owner = known.get((process.owner_kind, process.owner_id))
        if owner is not None:
            rows.append((one, owner, f"{owner.url}steps/{one.action.step.slug}/"))
    others = {name: value for name, value in made.properties.items() if name not in (_SCRIPT, SYNTAX)}
    context = {
        "template": template,
        "version": version,
        "content": made,
        "kind": by_key(made.action_type),
        "script": made.properties.get(_SCRIPT, ""),
        "syntax": made.properties.get(SYNTAX, ""),
        "others": sorted(others.items()),
        "versions": template.versions.defer("content"),
        "uses": rows,
        "outdated": sum(one.version != template.version for one in uses),
        "may_edit": can(request.user, Permission.EDIT_PROJECT),
    }
    return render(request, DETAIL, context)


@require_GET
def template_export(request: PageRequest, pk: int) -> HttpResponse:
    """As people share it: a file."""
    template = _template(request, pk)
    made = templates.content(_version(template, request.GET.get("version", "")))
    text = json.dumps(made.to_json(), indent=2, ensure_ascii=False)
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    name = "".join(one if one.isalnum() and one.isascii() else "-" for one in template.name.lower())
    response["Content-Disposition"] = f'attachment; filename="{name[:80]}.json"'
    return response


@require_http_methods(["GET", "POST"])
def template_import(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_PROJECT)
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, IMPORT, {"form": form}, status=422 if form.is_bound else 200)
    found: list[templates.Imported] = []
    for name, text in form.texts():
        try:
            found += templates.import_all(space=request.space, text=text, user=request.user)
        except BadTemplate as problem:
            found.append(templates.Imported(name, problem=str(problem)))
    good = sum(one.template is not None for one in found)
    return render(request, IMPORT, {"form": ImportForm(), "report": found, "good": good})


@require_POST
def template_update(request: PageRequest, pk: int) -> HttpResponse:
    """Brings steps to the newest version: the one that is named, or all."""
    require(request.user, Permission.EDIT_PROJECT)
    template = _template(request, pk)
    wanted = request.POST.get("action", "")
    uses = [one for one in templates.uses_of(template) if wanted in ("all", str(one.action.pk))]
    back = reverse("template_detail", args=[pk])
    try:
        changed = templates.update_steps(template, [one.action.step for one in uses], user=request.user)
    except (StaleProcess, SaveRefused) as problem:
        messages.error(request, f"No step was changed. {problem}")
        return htmx.redirect(request, back)
    messages.success(request, f"Brought {counted(changed, 'step')} to version {template.version}.")
    return htmx.redirect(request, back)


@require_http_methods(["GET", "POST"])
def template_delete(request: PageRequest, pk: int) -> HttpResponse:
    require(request.user, Permission.EDIT_PROJECT)
    template = _template(request, pk)
    deletion = Deletion(
        subject=template,
        noun="step template",
        consequence="All its versions are deleted.",
        act=partial(templates.delete, template, user=request.user),
        back=reverse("template_detail", args=[pk]),
        done=reverse("template_list"),
        section=("Step templates", reverse("template_list")),
        typed=False,
    )
    return delete_page(request, deletion)


def _template(request: PageRequest, pk: int) -> ActionTemplate:
    found: ActionTemplate = get_object_or_404(selectors.templates(request.user, request.space), pk=pk)
    return found


def _version(template: ActionTemplate, text: str) -> ActionTemplateVersion:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else template.version
    found: ActionTemplateVersion | None = template.versions.filter(version=number).first()
    if found is None:
        raise Http404("This template has no such version.")
    return found
