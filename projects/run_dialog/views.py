"""The dialog's three answers: the dialog or page, the plan as one chooses, and the start."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from accounts.requests import PageRequest
from common.htmx import is_fragment, redirect
from environments.models import Environment
from projects.places import NoPlace, places_for
from projects.run_dialog.dialog import RunDialog
from projects.run_dialog.form import RunForm
from projects.run_dialog.preview import Preview, arrange
from projects.services import runs
from tasks.models import ServerTask

PAGE = "projects/run_dialog/page.html"
MODAL = "projects/run_dialog/modal.html"
FORM = "projects/run_dialog/_form.html"
PLAN = "projects/run_dialog/_plan_answer.html"

NOTHING_CHOSEN = "Choose an environment to see what would run there, and on which workers."


@dataclass(frozen=True)
class _Chosen:
    form: RunForm
    environments: list[tuple[Environment, bool]]
    preview: Preview


def answer(request: PageRequest, dialog: RunDialog) -> HttpResponse:
    """GET: the page, or for HTMX the dialog, with what the address already chooses. POST: the start."""
    if request.method == "POST":
        return _start(request, dialog)
    chosen = _choose(request, dialog, request.GET)
    template = MODAL if is_fragment(request) else PAGE
    return _render(request, template, dialog, chosen, in_modal=is_fragment(request))


def answer_plan(request: PageRequest, dialog: RunDialog) -> HttpResponse:
    """The plan and the footer for what is chosen now."""
    chosen = _choose(request, dialog, request.GET)
    return _render(request, PLAN, dialog, chosen, in_modal="in_modal" in request.GET)


def _choose(request: PageRequest, dialog: RunDialog, data: QueryDict) -> _Chosen:
    form = RunForm(dialog=dialog, user=request.user, data=data)
    options = form.options("environments")
    environments = [environment for environment, _ in options]
    preview = _preview(form, dialog, environments) if form.is_valid() else _unchosen(form)
    return _Chosen(form, options, preview)


def _unchosen(form: RunForm) -> Preview:
    messages = [str(error) for errors in form.errors.values() for error in errors]
    is_untouched = not form.chosen.getlist("environments")
    return Preview(message=NOTHING_CHOSEN if is_untouched else " ".join(messages))


def _preview(form: RunForm, dialog: RunDialog, environments: list[Environment]) -> Preview:
    runnable = dialog.runnable(form.cleaned_data["source"])
    try:
        places = places_for(
            dialog.project,
            environments=list(form.cleaned_data["environments"]),
            tenants=list(form.cleaned_data["tenants"]),
        )
    except NoPlace as error:
        return Preview(message=str(error))
    plans = runs.plan(runnable, places)
    return arrange(plans, dialog=dialog, runnable=runnable, environments=environments, now=timezone.now())


def _start(request: PageRequest, dialog: RunDialog) -> HttpResponse:
    form = RunForm(dialog=dialog, user=request.user, data=request.POST)
    if not form.is_valid():
        return _refuse(request, dialog, "")
    try:
        tasks = dialog.start(
            form.cleaned_data["source"],
            list(form.cleaned_data["environments"]),
            list(form.cleaned_data["tenants"]),
            timezone.now(),
        )
    except NoPlace as error:
        return _refuse(request, dialog, str(error))
    except runs.RunRefused:
        return _refuse(request, dialog, "Nothing was started. See the plan for what stands against it.")
    return redirect(request, _url_of(tasks))


def _refuse(request: PageRequest, dialog: RunDialog, message: str) -> HttpResponse:
    chosen = _choose(request, dialog, request.POST)
    errors = [str(error) for errors in chosen.form.errors.values() for error in errors]
    template = FORM if is_fragment(request) else PAGE
    return _render(
        request,
        template,
        dialog,
        chosen,
        in_modal="in_modal" in request.POST,
        refusal=message or " ".join(errors),
        status=422,
    )


def _url_of(tasks: list[ServerTask]) -> str:
    if len(tasks) == 1:
        return reverse("task_detail", args=[tasks[0].pk])
    return f"{reverse('task_list')}?{urlencode({'ids': ','.join(str(task.pk) for task in tasks)})}"


def _render(
    request: PageRequest,
    template: str,
    dialog: RunDialog,
    chosen: _Chosen,
    *,
    in_modal: bool,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "dialog": dialog,
        "project": dialog.project,
        "form": chosen.form,
        "environments": chosen.environments,
        "tenants": chosen.form.options("tenants"),
        "preview": chosen.preview,
        "in_modal": in_modal,
        "refusal": refusal,
    }
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response
