from __future__ import annotations

from django.shortcuts import get_object_or_404

from accounts.requests import PageRequest
from runbooks.models import Runbook
from runbooks.selectors import visible_runbooks


def runbook_of(request: PageRequest, slug: str, runbook: str) -> Runbook:
    """404 for a runbook of another project or space."""
    visible = visible_runbooks(request.user, request.space)
    return get_object_or_404(visible, project__slug=slug, slug=runbook)
