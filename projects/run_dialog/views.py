"""The dialog's three answers: the dialog or page, the plan as one chooses, and the start."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from accounts.requests import PageRequest
from common.htmx import is_fragment, redirect
from domain.plan_differences import Difference, Shown
from domain.processes import ActionDef, ProcessDef
from domain.variables import VariableType
from environments.models import Environment
from pools.models import WorkerPool
from projects.places import NoPlace, Place, places_for
from projects.run_dialog import questions
from projects.run_dialog.dialog import Choice, RunDialog
from projects.run_dialog.form import RunForm
from projects.run_dialog.options import OptionsForm
from projects.run_dialog.preview import Preview, arrange
from projects.run_dialog.questions import QuestionField
from projects.services import runs, shown_plans
from projects.services.runs import PlacePlan, Runnable
from tasks.models import ServerTask
from tasks.services.options import Wishes

PAGE = "projects/run_dialog/page.html"
MODAL = "projects/run_dialog/modal.html"
FORM = "projects/run_dialog/_form.html"
PLAN = "projects/run_dialog/_plan_answer.html"

MOST_DIFFERENCES = 12
NOTHING_CHOSEN = "Choose an environment to see what would run there, and on which workers."


@dataclass(frozen=True)
class _Chosen:
    form: RunForm
    options: OptionsForm
    environments: list[tuple[Environment, bool]]
    preview: Preview
    steps: list[tuple[ActionDef, bool]]
    questions: Sequence[QuestionField] = ()


@dataclass(frozen=True)
class _Refusal:
    """Why nothing was started: in a sentence, or because the plan is another one by now."""

    message: str = ""
    differences: Sequence[Difference] = ()
    status: int = 422

    @property
    def shown_differences(self) -> Sequence[Difference]:
        return self.differences[:MOST_DIFFERENCES]

    @property
    def more(self) -> int:
        return max(len(self.differences) - MOST_DIFFERENCES, 0)


def answer(request: PageRequest, dialog: RunDialog) -> HttpResponse:
    """GET: the page, or for HTMX the dialog, with what the address already chooses. POST: the start, or
    for a browser without script the plan of what is chosen."""
    if request.method == "POST" and "show" in request.POST:
        return _render(request, PAGE, dialog, _choose(request, dialog, request.POST), in_modal=False)
    if request.method == "POST":
        return _start(request, dialog)
    chosen = _choose(request, dialog, request.GET)
    template = MODAL if is_fragment(request) else PAGE
    return _render(request, template, dialog, chosen, in_modal=is_fragment(request))


def answer_plan(request: PageRequest, dialog: RunDialog) -> HttpResponse:
    """The plan and the footer for what is chosen now."""
    data = request.POST if request.method == "POST" else request.GET
    return _render(request, PLAN, dialog, _choose(request, dialog, data), in_modal="in_modal" in data)


def _choose(request: PageRequest, dialog: RunDialog, data: QueryDict, *, is_start: bool = False) -> _Chosen:
    now = timezone.now()
    form = RunForm(dialog=dialog, user=request.user, data=data)
    options = OptionsForm(data, now=now, is_start=is_start)
    options.is_valid()
    offered = form.options("environments")
    runnable = _runnable(form, dialog)
    found = _questions(form, dialog, runnable, data)
    if form.is_valid() and runnable:
        environments = [environment for environment, _ in offered]
        wishes = replace(options.wishes_so_far, answers=questions.answers(found))
        preview, plans = _preview(form, dialog, runnable, environments, wishes=wishes, now=now)
        questions.mark(found, plans, is_start=is_start)
    else:
        preview = _unchosen(form)
    return _Chosen(form, options, offered, preview, _steps(runnable, options.left_out), found)


def _questions(
    form: RunForm, dialog: RunDialog, runnable: Runnable | None, data: QueryDict
) -> list[QuestionField]:
    """What the chosen places ask; nothing as long as none is chosen."""
    if runnable is None or not form.is_valid():
        return []
    try:
        asked = runs.asked(runnable, _places(form, dialog))
    except NoPlace:
        return []
    has_pools = any(one.type is VariableType.WORKER_POOL for one in asked)
    pools = WorkerPool.objects.in_space(dialog.project.space) if has_pools else WorkerPool.objects.none()
    return questions.fields(
        asked, data, pools={str(pk): name for pk, name in pools.values_list("pk", "name")}
    )


def _places(form: RunForm, dialog: RunDialog) -> list[Place]:
    """Raises NoPlace."""
    return places_for(
        dialog.project,
        environments=list(form.cleaned_data["environments"]),
        tenants=list(form.cleaned_data["tenants"]),
    )


def _runnable(form: RunForm, dialog: RunDialog) -> Runnable | None:
    """Of the chosen source, also where something else is not chosen yet."""
    source = form.chosen.get("source")
    return dialog.runnable(source) if source in {one.value for one in dialog.sources} else None


def _steps(runnable: Runnable | None, left_out: Collection[str]) -> list[tuple[ActionDef, bool]]:
    """The steps that could be left out or may not be, and whether they are."""
    process = ProcessDef.from_json(dict(runnable.process)) if runnable else ProcessDef()
    return [(one, one.id in left_out) for _, one in process.actions() if not one.is_disabled]


def _unchosen(form: RunForm) -> Preview:
    messages = [str(error) for errors in form.errors.values() for error in errors]
    is_untouched = not form.chosen.getlist("environments")
    return Preview(message=NOTHING_CHOSEN if is_untouched else " ".join(messages))


def _preview(
    form: RunForm,
    dialog: RunDialog,
    runnable: Runnable,
    environments: list[Environment],
    *,
    wishes: Wishes,
    now: datetime,
) -> tuple[Preview, Sequence[PlacePlan]]:
    try:
        places = _places(form, dialog)
    except NoPlace as error:
        return Preview(message=str(error)), ()
    plans = runs.plan(runnable, places, left_out=wishes.left_out, answers=wishes.answers, user=form.user)
    shown = arrange(
        plans, dialog=dialog, runnable=runnable, environments=environments, wishes=wishes, now=now
    )
    return shown, plans


def _start(request: PageRequest, dialog: RunDialog) -> HttpResponse:
    now = timezone.now()
    form = RunForm(dialog=dialog, user=request.user, data=_with_known_source(dialog, request.POST))
    options = OptionsForm(request.POST, now=now, is_start=True)
    if not (form.is_valid() & options.is_valid()):
        return _refuse(request, dialog, _Refusal())
    found = _questions(form, dialog, _runnable(form, dialog), request.POST)
    try:
        choice = Choice(
            source=form.cleaned_data["source"],
            environments=list(form.cleaned_data["environments"]),
            tenants=list(form.cleaned_data["tenants"]),
            wishes=replace(options.wishes(), answers=questions.answers(found)),
            seen=_seen(request.POST),
            now=now,
        )
        tasks = dialog.start(choice)
    except NoPlace as error:
        return _refuse(request, dialog, _Refusal(str(error)))
    except shown_plans.PlanChanged as changed:
        return _refuse(request, dialog, _Refusal(differences=changed.differences, status=409))
    except runs.RunRefused:
        message = "Nothing was started. See the plan for what stands against it."
        return _refuse(request, dialog, _Refusal(message))
    return redirect(request, _url_of(tasks))


def _seen(data: QueryDict) -> Shown | None:
    """The plan that the page showed. Raises PlanChanged where it cannot be told."""
    text = data.get("shown", "")
    return shown_plans.load(text) if text else None


def _with_known_source(dialog: RunDialog, data: QueryDict) -> QueryDict:
    """What was looked at may not be on offer any more, such as a snapshot after which another one was
    published: then the one that took its place is compared with it."""
    known = {source.value for source in dialog.sources}
    if not data.get("shown") or not known or data.get("source") in known:
        return data
    chosen = data.copy()
    chosen["source"] = dialog.sources[0].value
    return chosen


def _refuse(request: PageRequest, dialog: RunDialog, refusal: _Refusal) -> HttpResponse:
    data = _with_known_source(dialog, request.POST) if refusal.differences else request.POST
    chosen = _choose(request, dialog, data, is_start=True)
    errors = [str(error) for errors in chosen.form.errors.values() for error in errors]
    if not refusal.message and not refusal.differences:
        refusal = _Refusal(" ".join(errors) or "Nothing was started. See the field that is marked.")
    template = FORM if is_fragment(request) else PAGE
    in_modal = "in_modal" in request.POST
    return _render(request, template, dialog, chosen, in_modal=in_modal, refusal=refusal)


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
    refusal: _Refusal | None = None,
) -> HttpResponse:
    context = {
        "dialog": dialog,
        "project": dialog.project,
        "form": chosen.form,
        "options": chosen.options,
        "environments": chosen.environments,
        "tenants": chosen.form.options("tenants"),
        "preview": chosen.preview,
        "steps": chosen.steps,
        "questions": chosen.questions,
        "in_modal": in_modal,
        "refusal": refusal,
    }
    response = render(request, template, context, status=refusal.status if refusal else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response
