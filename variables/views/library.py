"""Library variable sets: the list, and making, renaming and deleting one. Their values are edited in the
table that projects have too, which a higher app shows."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from variables import selectors
from variables.library_forms import LibrarySetForm
from variables.models import LibraryVariableSet
from variables.services import library

PER_PAGE = 50


@require_safe
def library_set_list(request: PageRequest) -> HttpResponse:
    rows = selectors.library_sets(request.user, request.space)
    context = {
        "page_obj": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "may_edit": can(request.user, Permission.EDIT_PROJECT),
    }
    return render(request, "variables/library_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def library_set_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_PROJECT)
    form = LibrarySetForm(request.POST or None, space=request.space)
    if not form.is_valid():
        return _form(request, form)
    made = library.create(space=request.space, user=request.user, **form.cleaned_data)
    messages.success(request, f"Created library variable set {made}.")
    return htmx.redirect(request, reverse("library_set_detail", args=[made.slug]))


@require_http_methods(["GET", "HEAD", "POST"])
def library_set_edit(request: PageRequest, slug: str) -> HttpResponse:
    found = _set(request, slug)
    require(request.user, Permission.EDIT_PROJECT, found)
    form = LibrarySetForm(request.POST or None, space=request.space, instance=found)
    if not form.is_valid():
        return _form(request, form, found)
    library.edit(found, user=request.user, **form.cleaned_data)
    messages.success(request, f"Saved library variable set {found}.")
    return htmx.redirect(request, reverse("library_set_detail", args=[slug]))


@require_http_methods(["GET", "HEAD", "POST"])
def library_set_delete(request: PageRequest, slug: str) -> HttpResponse:
    found = _set(request, slug)
    require(request.user, Permission.EDIT_PROJECT, found)
    listing = reverse("library_set_list")
    deletion = Deletion(
        subject=found,
        noun="library variable set",
        consequence="Its values are deleted. Releases and snapshots keep theirs.",
        act=partial(library.delete, found, user=request.user),
        back=reverse("library_set_detail", args=[slug]),
        done=listing,
        section=("Variable sets", listing),
        typed=False,
    )
    return delete_page(request, deletion)


def _set(request: PageRequest, slug: str) -> LibraryVariableSet:
    rows = LibraryVariableSet.objects.visible_to(request.user).in_space(request.space)
    found: LibraryVariableSet = get_object_or_404(rows, slug=slug)
    return found


def _form(
    request: PageRequest, form: LibrarySetForm, library_set: LibraryVariableSet | None = None
) -> HttpResponse:
    context = {"form": form, "library_set": library_set}
    return render(request, "variables/library_form.html", context, status=422 if form.is_bound else 200)
