"""Saving the filters of the task list under a name, and removing them again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.requests import PageRequest
from common import htmx
from tasks.forms import SavedViewForm
from tasks.selectors import views as selectors
from tasks.services import views as services


@require_POST
def view_save(request: PageRequest) -> HttpResponse:
    form = SavedViewForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Not saved: {next(iter(form.errors.values()))[0]}")
        return htmx.redirect(request, reverse("task_list"))
    query = form.normal_query(space=request.space, user=request.user)
    try:
        view = services.save(
            space=request.space, owner=request.user, name=form.cleaned_data["name"], query=query
        )
        messages.success(request, f"Saved as {view.name}.")
    except services.TooMany as refusal:
        messages.error(request, f"Not saved: {refusal}")
    return htmx.redirect(request, f"{reverse('task_list')}?{query}")


@require_POST
def view_remove(request: PageRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(selectors.own(request.space, request.user), pk=pk)
    services.remove(view)
    messages.success(request, f"Removed the view {view.name}.")
    return htmx.redirect(request, f"{reverse('task_list')}?{view.query}")
