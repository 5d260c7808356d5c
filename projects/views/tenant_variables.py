"""The page on which a tenant's values are entered."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common.htmx import invalid, redirect
from projects.tenant_variables import Cell, Sheet, sheet
from tenants.models import Tenant
from variables.services import tenant_values
from variables.services.tenant_values import Given, ValuesRefused

TEMPLATE = "projects/tenant_variables.html"


@require_http_methods(["GET", "HEAD", "POST"])
def tenant_variables(request: PageRequest, slug: str) -> HttpResponse:
    rows = Tenant.objects.visible_to(request.user).in_space(request.space)
    tenant: Tenant = get_object_or_404(rows, slug=slug)
    found = sheet(tenant, viewer=request.user)
    context = {
        "tenant": tenant,
        "sheet": found,
        "missing": found.missing,
        "can_edit": can(request.user, Permission.EDIT_TENANT, tenant),
    }
    if request.method != "POST":
        return render(request, TEMPLATE, context)
    require(request.user, Permission.EDIT_TENANT, tenant)
    if _save(tenant, found, request):
        messages.success(request, f"The variables of {tenant} were saved.")
        return redirect(request, reverse("tenant_variables", args=[slug]))
    return invalid(request, TEMPLATE, context)


def _save(tenant: Tenant, found: Sheet, request: PageRequest) -> bool:
    """Whether they could be saved; problems go into the cells."""
    changed = [(cell, value) for cell in found.cells() if (value := _sent(cell, request.POST)) is not None]
    for cell, value in changed:
        cell.value = "" if cell.is_secret else value
    values = [Given(cell.row, cell.environment, value) for cell, value in changed]
    try:
        tenant_values.give(tenant, values, user=request.user)
    except ValuesRefused as refused:
        for problem in refused.problems:
            cell = changed[problem.index][0]
            cell.error = problem.message.removeprefix(f"{cell.template.name}: ")
        return False
    return True


def _sent(cell: Cell, data: QueryDict) -> str | None:
    """What is to become of the value, None where the person left it alone: somebody else may have changed it
    meanwhile, and that stays."""
    if f"v-{cell.key}" not in data:
        return None
    value = data.get(f"v-{cell.key}", "").replace("\r\n", "\n")
    if cell.is_secret:
        return value or ("" if f"clear-{cell.key}" in data else None)
    return None if value == data.get(f"was-{cell.key}", "").replace("\r\n", "\n") else value
