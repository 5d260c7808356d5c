"""GET /api/agents/packages/<id>: a package for the agent that runs a step which refers to it.

The token in the `Authorization` header is all that counts: it names the attempt and the file. `Range:
bytes=N-` goes on where a transfer broke off. Errors: {"error": {"code", "message"}}.
"""

from __future__ import annotations

import re

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from packages.models import Package
from packages.responses import file_response
from packages.services import packages
from tasks import package_tokens
from tasks.models import LIVE, Attempt

_RANGE = re.compile(r"bytes=(\d{1,18})-")


@login_not_required
@require_GET
def package_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        grant = package_tokens.read(_token(request))
    except package_tokens.BadToken:
        return _error(401, "bad_token", "The permission to fetch this package is not valid, or too old.")
    if grant.package_id != pk:
        return _error(403, "other_package", "The permission is for another package.")
    if not Attempt.objects.filter(pk=grant.attempt_id, state__in=LIVE).exists():
        return _error(403, "not_running", "The step that may fetch this package is not running any more.")
    package = Package.objects.filter(pk=pk).first()
    if package is None:
        return _error(404, "deleted", "The package has been deleted since the step began.")
    if package.sha256 != grant.sha256:
        return _error(409, "replaced", "The package has been replaced since the step began. Run it again.")
    return _file(request, package)


def _file(request: HttpRequest, package: Package) -> HttpResponseBase:
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    offset = int(asked[1]) if asked else 0
    if offset and offset >= package.size:
        return _error(416, "bad_range", f"The package has {package.size:,} bytes.")
    try:
        response = file_response(package, offset=offset)
    except FileNotFoundError:
        return _error(404, "no_file", "The file of this package is gone from the server's storage.")
    packages.used(package, now=timezone.now())
    return response


def _token(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
