from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from domain.packages import BadPackage
from packages.forms import PushForm
from packages.services import packages
from packages.services.files import TooLarge

TEMPLATE = "packages/package_push.html"


@require_http_methods(["GET", "POST"])
def package_push(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.PUSH_PACKAGE)
    may_replace = can(request.user, Permission.EDIT_FEED)
    if request.method != "POST":
        return render(request, TEMPLATE, {"form": PushForm(may_replace=may_replace)})
    form = PushForm(request.POST, request.FILES, may_replace=may_replace)
    answer = _push(request, form) if form.is_valid() else None
    return answer or render(request, TEMPLATE, {"form": form}, status=422)


def _push(request: PageRequest, form: PushForm) -> HttpResponse | None:
    """None where the feed refuses the file; the form then says why."""
    data = form.cleaned_data
    try:
        package = packages.push(
            space=request.space,
            name=data["file"].name,
            stream=data["file"],
            overwrite=data["overwrite"],
            user=request.user,
            notes=data["notes"],
        )
    except (BadPackage, TooLarge, packages.AlreadyExists) as error:
        form.add_error("file", str(error))
        return None
    messages.success(request, f"Package {package} is in the feed.")
    return htmx.redirect(request, reverse("package_detail", args=[package.package_id]))
