"""Who saved the variables of a project or a library set, when, and what that changed."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.requests import PageRequest
from projects.variables_editor.owner import OwnerOf
from projects.variables_editor.session import Session

PER_PAGE = 25
TEMPLATE = "variables/history.html"


@require_safe
def variable_history(request: PageRequest, slug: str, owner_of: OwnerOf) -> HttpResponse:
    session = Session(request, owner_of(request, slug))
    # What was saved first is the empty set that an owner is born with.
    saves = session.variable_set.revisions.filter(version__gt=1).order_by("-version").defer("content")
    page = Paginator(saves, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, TEMPLATE, session.context(page_obj=page))
