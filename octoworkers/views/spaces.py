from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from common.usage import Use
from octoworkers.services import spaces
from spaces.forms import SpaceForm
from spaces.models import Space

LIST, FORM = "spaces/space_list.html", "spaces/space_form.html"


@require_GET
def space_list(request: PageRequest) -> HttpResponse:
    context = {
        "spaces": Space.objects.visible_to(request.user),
        "may_edit": can(request.user, Permission.EDIT_SPACE),
    }
    return render(request, LIST, context)


@require_http_methods(["GET", "POST"])
def space_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_SPACE)
    form = SpaceForm(request.POST or None)
    if not form.is_valid():
        return _form(request, form)
    space = spaces.create(user=request.user, **form.cleaned_data)
    messages.success(request, f"Created space {space}.")
    return htmx.redirect(request, reverse("space_list"))


@require_http_methods(["GET", "POST"])
def space_edit(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_SPACE)
    space = get_object_or_404(Space.objects.visible_to(request.user), slug=slug)
    form = SpaceForm(request.POST or None, instance=space)
    if not form.is_valid():
        return _form(request, form)
    spaces.edit(space, user=request.user, **form.cleaned_data)
    messages.success(request, f"Saved space {space}.")
    return htmx.redirect(request, reverse("space_list"))


def _form(request: PageRequest, form: SpaceForm) -> HttpResponse:
    context = {"form": form, "edited": form.instance}
    return render(request, FORM, context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
def space_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_SPACE)
    space = get_object_or_404(Space.objects.visible_to(request.user), slug=slug)
    listing = reverse("space_list")
    deletion = Deletion(
        subject=space,
        noun="space",
        consequence="The space and its default worker pool are deleted. This cannot be undone.",
        act=partial(spaces.delete, space, user=request.user),
        back=reverse("space_edit", args=[slug]),
        done="/settings/spaces/" if space == request.space else listing,
        section=("Spaces", listing),
        uses=_contents,
    )
    return delete_page(request, deletion)


def _contents(space: object) -> list[Use]:
    return list(spaces.contents(space)) if isinstance(space, Space) else []
