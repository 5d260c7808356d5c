"""Triggers of a runbook: the list, the form with its next times, the switch, and deleting one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common.deletion import Deletion, delete_page
from common.htmx import invalid, page, redirect
from domain.schedules import BadSchedule
from projects.forms import NAME_TAKEN
from projects.places import NoPlace
from projects.run_dialog import questions
from projects.run_dialog.questions import QuestionField
from projects.services.projects import NameTaken
from projects.views.lookups import project_of
from runbooks import trigger_rows
from runbooks.models import Runbook, ScheduledTrigger
from runbooks.selectors import visible_runbooks
from runbooks.services import firing, triggers
from runbooks.services.triggers import TriggerFields
from runbooks.trigger_forms import ScheduleForm, TriggerForm, timezones
from runbooks.trigger_questions import trigger_questions
from runbooks.views.lookups import runbook_of
from runbooks.views.runbooks import page_context

LIST, FORM = "runbooks/trigger_list.html", "runbooks/trigger_form.html"
#: What an empty page offers to begin with.
EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "nightly": ("Every weekday at 02:00", {"name": "Nightly", "kind": "Days"}),
    "hourly": ("Every hour", {"name": "Hourly", "kind": "Every"}),
}


@require_safe
def runbook_triggers(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    found = runbook_of(request, slug, runbook)
    context = page_context(found, "triggers") | {
        "rows": trigger_rows.of_runbook(found),
        "may_edit": _may_edit(request, found),
        "examples": {key: words for key, (words, _) in EXAMPLES.items()},
    }
    return page(request, LIST, context, partial="rows")


@require_safe
def project_triggers(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    context = {
        "project": project,
        "tab": "triggers",
        "rows": trigger_rows.of_project(project, request.user),
        "runbooks": visible_runbooks(request.user, project.space).filter(project=project),
        "may_edit": _may_edit(request, project),
    }
    return page(request, "runbooks/project_triggers.html", context, partial="rows")


@require_http_methods(["GET", "POST"])
def trigger_create(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    found = _editable(request, slug, runbook)
    _, initial = EXAMPLES.get(request.GET.get("example", ""), ("", {}))
    form = _form(request, found, initial=initial)
    if not _is_saving(request):
        return _page(request, found, form)
    if form.is_valid():
        act = partial(triggers.create, runbook=found)
        saved = _save(request, form, act, asked=trigger_questions(found, request.POST))
        if saved is not None:
            return _saved(request, saved)
    return _page(request, found, form, is_refused=True)


@require_http_methods(["GET", "POST"])
def trigger_edit(request: PageRequest, slug: str, runbook: str, trigger: int) -> HttpResponse:
    found = _editable(request, slug, runbook)
    row = _trigger_of(found, trigger)
    form = _form(request, found, trigger=row)
    if not _is_saving(request):
        return _page(request, found, form, trigger=row)
    asked = trigger_questions(found, request.POST, row)
    if form.is_valid() and _save(request, form, partial(_edit, row), asked=asked) is not None:
        return _saved(request, row)
    row.refresh_from_db()
    return _page(request, found, form, trigger=row, is_refused=True)


@require_safe
def trigger_preview(request: PageRequest, slug: str, runbook: str) -> HttpResponse:
    """The next times of what the form holds just now."""
    runbook_of(request, slug, runbook)
    return render(request, f"{FORM}#preview", {"preview": _preview(ScheduleForm(request.GET))})


@require_POST
def trigger_enable(request: PageRequest, slug: str, runbook: str, trigger: int) -> HttpResponse:
    found = _editable(request, slug, runbook)
    row = _trigger_of(found, trigger)
    try:
        triggers.enable(row, user=request.user, now=timezone.now())
    except BadSchedule as problem:
        messages.error(request, f"{row} stays disabled. {problem}")
    return redirect(request, _list_url(found))


@require_POST
def trigger_disable(request: PageRequest, slug: str, runbook: str, trigger: int) -> HttpResponse:
    found = _editable(request, slug, runbook)
    triggers.disable(_trigger_of(found, trigger), user=request.user)
    return redirect(request, _list_url(found))


@require_http_methods(["GET", "POST"])
def trigger_delete(request: PageRequest, slug: str, runbook: str, trigger: int) -> HttpResponse:
    found = _editable(request, slug, runbook)
    row = _trigger_of(found, trigger)
    listing = _list_url(found)
    deletion = Deletion(
        subject=row,
        noun="trigger",
        consequence=f"It does not start {found.name} any more. Runs that it has started go on.",
        act=partial(triggers.delete, row, user=request.user),
        back=reverse("trigger_edit", args=[slug, runbook, trigger]),
        done=listing,
        section=(f"{found.name}, triggers", listing),
        typed=False,
    )
    return delete_page(request, deletion)


def _editable(request: PageRequest, slug: str, runbook: str) -> Runbook:
    """What a trigger starts is started in the name of whoever saves it, so both rights are needed."""
    found = runbook_of(request, slug, runbook)
    require(request.user, Permission.EDIT_PROJECT, found)
    require(request.user, Permission.RUN, found)
    return found


def _may_edit(request: PageRequest, subject: object) -> bool:
    user = request.user
    return can(user, Permission.EDIT_PROJECT, subject) and can(user, Permission.RUN, subject)


def _trigger_of(runbook: Runbook, pk: int) -> ScheduledTrigger:
    rows = ScheduledTrigger.objects.select_related("runbook__project__space", "run_as")
    found: ScheduledTrigger = get_object_or_404(rows, runbook=runbook, pk=pk)
    return found


def _list_url(runbook: Runbook) -> str:
    return reverse("runbook_triggers", args=[runbook.project.slug, runbook.slug])


def _is_saving(request: PageRequest) -> bool:
    """The button that only shows the next times sends the same form."""
    return request.method == "POST" and "preview" not in request.POST


def _form(
    request: PageRequest,
    runbook: Runbook,
    *,
    trigger: ScheduledTrigger | None = None,
    initial: dict[str, Any] | None = None,
) -> TriggerForm:
    return TriggerForm(
        request.POST or None,
        project=runbook.project,
        user=request.user,
        trigger=trigger,
        initial=initial,
    )


def _edit(trigger: ScheduledTrigger, **asked: Any) -> ScheduledTrigger:
    triggers.edit(trigger, **asked)
    return trigger


def _save(
    request: PageRequest,
    form: TriggerForm,
    act: Callable[..., ScheduledTrigger],
    *,
    asked: Sequence[QuestionField],
) -> ScheduledTrigger | None:
    """None where the form now says what is wrong."""
    data = form.cleaned_data
    assert form.schedule is not None  # noqa: S101  # of a valid form
    fields = TriggerFields(
        name=data["name"],
        schedule=form.schedule,
        environments=list(data["environments"]),
        tenants=list(data["tenants"]),
        is_enabled=data["is_enabled"],
        answers=questions.answers(asked),
    )
    try:
        saved = act(fields=fields, user=request.user, now=timezone.now())
    except NameTaken:
        form.add_error("name", NAME_TAKEN)
    except NoPlace as problem:
        form.add_error("tenants" if data["tenants"] else "environments", str(problem))
    except BadSchedule as problem:
        form.add_error(problem.field, str(problem))
    else:
        return saved
    return None


def _saved(request: PageRequest, trigger: ScheduledTrigger) -> HttpResponse:
    messages.success(request, f"Saved trigger {trigger}.")
    problems = list(firing.objections(trigger))
    if problems:
        messages.warning(request, f"{trigger} would not start everything now. {' '.join(problems)}")
    return redirect(request, _list_url(trigger.runbook))


def _preview(form: ScheduleForm) -> trigger_rows.Preview:
    """Of a form with errors: the first of them that concerns the schedule."""
    form.is_valid()
    if form.schedule is not None:
        return trigger_rows.preview(form.schedule, now=timezone.now())
    errors = [str(error) for name in ScheduleForm.base_fields for error in form.errors.get(name, [])]
    return trigger_rows.Preview(problem=errors[0] if errors else "")


def _shown_preview(form: TriggerForm) -> trigger_rows.Preview:
    if form.is_bound:
        return _preview(form)
    values = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return _preview(ScheduleForm({**values, "timezone": values["timezone"]}))


def _page(
    request: PageRequest,
    runbook: Runbook,
    form: TriggerForm,
    *,
    trigger: ScheduledTrigger | None = None,
    is_refused: bool = False,
) -> HttpResponse:
    preview = _shown_preview(form)
    if not is_refused and form.is_bound:
        # Only looked at: what is still missing is not an error yet.
        form.errors.clear()
    context = page_context(runbook, "triggers") | {
        "form": form,
        "trigger": trigger,
        "preview": preview,
        "timezones": timezones(),
        "questions": trigger_questions(runbook, request.POST, trigger),
    }
    return invalid(request, FORM, context) if is_refused else render(request, FORM, context)
