from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from common.usage import uses_of
from tenants import parts, selectors
from tenants.forms import TenantForm
from tenants.models import Tenant
from tenants.services import tenants

PER_PAGE = 50
LIST, DETAIL, FORM = (
    "tenants/tenant_list.html",
    "tenants/tenant_detail.html",
    "tenants/tenant_form.html",
)


@require_GET
def tenant_list(request: PageRequest) -> HttpResponse:
    text, tag = request.GET.get("q", "").strip(), request.GET.get("tag", "")
    found = selectors.tenants(request.user, request.space, text=text, tag=tag)
    context = {
        "page_obj": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "tag_sets": selectors.tag_sets(request.user, request.space),
        "q": text,
        "tag": tag,
        "is_filtered": bool(text or tag),
        "may_edit": can(request.user, Permission.EDIT_TENANT),
    }
    return htmx.page(request, LIST, context, partial="rows")


@require_GET
def tenant_detail(request: PageRequest, slug: str) -> HttpResponse:
    tenant = _tenant(request, slug)
    context = {
        "tenant": tenant,
        "uses": uses_of(tenant),
        "sections": [
            render_to_string(template, {"tenant": tenant, **more}, request)
            for template, more in parts.sections(request, tenant)
        ],
        "may_edit": can(request.user, Permission.EDIT_TENANT),
    }
    return render(request, DETAIL, context)


@require_http_methods(["GET", "POST"])
def tenant_create(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_TENANT)
    form = TenantForm(request.POST or None, space=request.space)
    if not form.is_valid():
        return _form(request, form)
    tenant = tenants.create(space=request.space, user=request.user, **form.cleaned_data)
    messages.success(request, f"Created tenant {tenant}.")
    return htmx.redirect(request, reverse("tenant_detail", args=[tenant.slug]))


@require_http_methods(["GET", "POST"])
def tenant_edit(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_TENANT)
    tenant = _tenant(request, slug)
    form = TenantForm(request.POST or None, space=request.space, instance=tenant)
    if not form.is_valid():
        return _form(request, form)
    tenants.edit(tenant, user=request.user, **form.cleaned_data)
    messages.success(request, f"Saved tenant {tenant}.")
    return htmx.redirect(request, reverse("tenant_detail", args=[slug]))


@require_http_methods(["GET", "POST"])
def tenant_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_TENANT)
    tenant = _tenant(request, slug)
    listing = reverse("tenant_list")
    deletion = Deletion(
        subject=tenant,
        noun="tenant",
        consequence="Nothing can be run for it any more. This cannot be undone.",
        act=partial(tenants.delete, tenant, user=request.user),
        back=reverse("tenant_detail", args=[slug]),
        done=listing,
        section=("Tenants", listing),
        typed=False,
    )
    return delete_page(request, deletion)


def _tenant(request: PageRequest, slug: str) -> Tenant:
    tenant: Tenant = get_object_or_404(selectors.tenants(request.user, request.space), slug=slug)
    return tenant


def _form(request: PageRequest, form: TenantForm) -> HttpResponse:
    context = {
        "form": form,
        "tenant": form.instance,
        "tag_sets": selectors.tag_sets(request.user, request.space),
        "chosen": form.chosen_tags(),
    }
    return render(request, FORM, context, status=422 if form.is_bound else 200)
