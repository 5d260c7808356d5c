from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from common.usage import uses_of
from packages import selectors
from packages.forms import RetentionForm
from packages.models import Package
from packages.responses import attachment
from packages.services import feeds, packages

PER_PAGE = 50
LIST, DETAIL, RETENTION = (
    "packages/package_list.html",
    "packages/package_detail.html",
    "packages/retention.html",
)


@require_GET
def package_list(request: PageRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()
    found = selectors.packages(request.user, request.space, text=text)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    counts = selectors.counts(page.object_list)
    context = {
        "page_obj": page,
        "rows": [(package, counts[package.id_key]) for package in page],
        "q": text,
        "feed": selectors.built_in_feed(request.space),
        "may_push": can(request.user, Permission.PUSH_PACKAGE),
        "may_edit": can(request.user, Permission.EDIT_FEED),
    }
    return htmx.page(request, LIST, context, partial="rows")


@require_GET
def package_detail(request: PageRequest, package_id: str) -> HttpResponse:
    """All versions of one package; `used_by` is about the one that ?version= names, or the newest."""
    found = selectors.versions(request.user, request.space, package_id)
    newest = found.first()
    if newest is None:
        raise Http404("There is no such package in this space.")
    chosen = found.filter(version_key=request.GET.get("version", "").lower()).first() or newest
    context = {
        "package": chosen,
        "newest": newest,
        "page_obj": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "uses": uses_of(chosen),
        "may_push": can(request.user, Permission.PUSH_PACKAGE),
        "may_edit": can(request.user, Permission.EDIT_FEED),
    }
    return render(request, DETAIL, context)


@require_GET
def package_download(request: PageRequest, package_id: str, version: str) -> HttpResponseBase:
    package = _package(request, package_id, version)
    try:
        return attachment(package)
    except FileNotFoundError as error:
        raise Http404("The file of this package is gone from the server's storage.") from error


@require_http_methods(["GET", "POST"])
def package_delete(request: PageRequest, package_id: str, version: str) -> HttpResponse:
    require(request.user, Permission.EDIT_FEED)
    package = _package(request, package_id, version)
    deletion = Deletion(
        subject=package,
        noun="package",
        consequence="Its file is deleted from the server. Workers may keep a copy in their cache.",
        act=partial(packages.delete, package, user=request.user),
        back=reverse("package_detail", args=[package.package_id]),
        done=reverse("package_list"),
        section=("Packages", reverse("package_list")),
        typed=False,
    )
    return delete_page(request, deletion)


@require_http_methods(["GET", "POST"])
def package_retention(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_FEED)
    feed = selectors.built_in_feed(request.space)
    form = RetentionForm(request.POST or None, initial={"keep_days": feed.keep_days if feed else None})
    if request.method != "POST" or not form.is_valid():
        return render(request, RETENTION, {"form": form}, status=422 if form.is_bound else 200)
    days = form.cleaned_data["keep_days"]
    feeds.keep_for(feeds.built_in(request.space), days=days, user=request.user)
    messages.success(request, "Saved how long packages are kept.")
    return htmx.redirect(request, reverse("package_list"))


def _package(request: PageRequest, package_id: str, version: str) -> Package:
    found = selectors.versions(request.user, request.space, package_id)
    package: Package = get_object_or_404(found, version_key=version.lower())
    return package
