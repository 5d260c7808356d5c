"""Changing worker pools. The pages that show them stand higher, in `tasks.views.pools`."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from pools.forms import PoolForm
from pools.models import WorkerPool
from pools.services import pools

FORM = "pools/pool_form.html"


def _pool(request: PageRequest, slug: str) -> WorkerPool:
    visible = WorkerPool.objects.visible_to(request.user).in_space(request.space)
    pool: WorkerPool = get_object_or_404(visible, slug=slug)
    return pool


@require_http_methods(["GET", "POST"])
def pool_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_POOL)
    form = PoolForm(request.POST or None, space=request.space)
    if not form.is_valid():
        return _form(request, form)
    pool = pools.create(space=request.space, user=request.user, **form.cleaned_data)
    messages.success(request, f"Created worker pool {pool}.")
    return htmx.redirect(request, reverse("pool_detail", args=[pool.slug]))


@require_http_methods(["GET", "POST"])
def pool_edit(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_POOL)
    pool = _pool(request, slug)
    form = PoolForm(request.POST or None, space=request.space, instance=pool)
    if not form.is_valid():
        return _form(request, form)
    pools.edit(pool, user=request.user, **form.cleaned_data)
    messages.success(request, f"Saved worker pool {pool}.")
    return htmx.redirect(request, reverse("pool_detail", args=[slug]))


@require_POST
def pool_make_default(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_POOL)
    pool = _pool(request, slug)
    pools.make_default(pool, user=request.user)
    messages.success(request, f"{pool} is the default worker pool now.")
    return htmx.redirect(request, reverse("pool_detail", args=[slug]))


@require_http_methods(["GET", "POST"])
def pool_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_POOL)
    pool = _pool(request, slug)
    listing = reverse("pool_list")
    deletion = Deletion(
        subject=pool,
        noun="worker pool",
        consequence="Its workers stay in their other pools. This cannot be undone.",
        act=partial(pools.delete, pool, user=request.user),
        back=reverse("pool_detail", args=[slug]),
        done=listing,
        section=("Worker pools", listing),
    )
    return delete_page(request, deletion)


def _form(request: PageRequest, form: PoolForm) -> HttpResponse:
    context = {"form": form, "pool": form.instance}
    return render(request, FORM, context, status=422 if form.is_bound else 200)
