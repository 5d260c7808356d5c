from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx, ordering
from common.deletion import Deletion, delete_page
from common.usage import InUse, Use
from tenants import selectors
from tenants.forms import BaseTagFormSet, TagSetForm, tag_rows
from tenants.models import TagSet
from tenants.services import tag_sets

LIST, FORM = "tenants/tag_set_list.html", "tenants/tag_set_form.html"


@require_GET
def tag_set_list(request: PageRequest) -> HttpResponse:
    return _list(request)


def _list(request: PageRequest, *, problem: str = "", status: int = 200) -> HttpResponse:
    context = {
        "tag_sets": selectors.tag_sets(request.user, request.space),
        "may_edit": can(request.user, Permission.EDIT_TENANT),
        "problem": problem,
    }
    return htmx.page(request, LIST, context, partial="rows", status=status)


@require_POST
def tag_set_reorder(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_TENANT)
    try:
        tag_sets.reorder(space=request.space, ids=ordering.posted_order(request.POST), user=request.user)
    except ordering.StaleOrder as stale:
        return _list(request, problem=str(stale), status=409)
    return _list(request) if htmx.is_fragment(request) else htmx.redirect(request, reverse("tag_set_list"))


@require_http_methods(["GET", "POST"])
def tag_set_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_TENANT)
    form = TagSetForm(request.POST or None, space=request.space)
    rows = tag_rows(request.POST or None)
    if not (form.is_valid() and rows.is_valid()):
        return _form(request, form, rows)
    created = tag_sets.create(space=request.space, user=request.user, tags=rows.rows(), **form.cleaned_data)
    messages.success(request, f"Created tag set {created}.")
    return htmx.redirect(request, reverse("tag_set_list"))


@require_http_methods(["GET", "POST"])
def tag_set_edit(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_TENANT)
    tag_set = _tag_set(request, slug)
    form = TagSetForm(request.POST or None, space=request.space, instance=tag_set)
    rows = tag_rows(request.POST or None, tag_set=tag_set)
    if not (form.is_valid() and rows.is_valid()):
        return _form(request, form, rows)
    try:
        tag_sets.edit(tag_set, user=request.user, tags=rows.rows(), **form.cleaned_data)
    except InUse as refusal:
        return _form(request, form, rows, refusal=refusal)
    messages.success(request, f"Saved tag set {tag_set}.")
    return htmx.redirect(request, reverse("tag_set_list"))


@require_http_methods(["GET", "POST"])
def tag_set_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_TENANT)
    tag_set = _tag_set(request, slug)
    listing = reverse("tag_set_list")
    deletion = Deletion(
        subject=tag_set,
        noun="tag set",
        consequence="The tag set and its tags are deleted. This cannot be undone.",
        act=partial(tag_sets.delete, tag_set, user=request.user),
        back=reverse("tag_set_edit", args=[slug]),
        done=listing,
        section=("Tag sets", listing),
        typed=False,
        uses=_uses,
    )
    return delete_page(request, deletion)


def _uses(tag_set: object) -> list[Use]:
    return tag_sets.uses_of_tags(tag_set.tags.all()) if isinstance(tag_set, TagSet) else []


def _tag_set(request: PageRequest, slug: str) -> TagSet:
    found: TagSet = get_object_or_404(selectors.tag_sets(request.user, request.space), slug=slug)
    return found


def _form(
    request: PageRequest, form: TagSetForm, rows: BaseTagFormSet, refusal: InUse | None = None
) -> HttpResponse:
    context = {"form": form, "rows": rows, "tag_set": form.instance, "refusal": refusal}
    if refusal is not None:
        return render(request, FORM, context, status=409)
    return render(request, FORM, context, status=422 if form.is_bound else 200)
