"""Adding a worker: choose where it goes, get one line to paste, watch it arrive."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common import htmx
from pools.models import WorkerPool
from workers.forms import EnrolmentForm
from workers.models import EnrolmentCode
from workers.selectors import machines as selectors
from workers.selectors.enrolment import arrival
from workers.services import agent_program, enrolment, server_key

ADD, WAIT = "workers/worker_add.html", "workers/worker_enrolment.html"
PROGRAM = "octoworker.pyz"
#: Where a service finds it: nobody but root may replace what root runs.
INSTALLED = f"/usr/local/lib/{PROGRAM}"


@dataclass(frozen=True)
class Lines:
    """What a person pastes: in the foreground, or as a service of the machine."""

    run: str
    service: str
    is_encrypted: bool


@never_cache
@require_http_methods(["GET", "POST"])
def worker_add(request: PageRequest) -> HttpResponse:
    """The code is in the answer to the POST and nowhere else: only its hash is kept."""
    require(request.user, Permission.EDIT_WORKER)
    form = EnrolmentForm(request.POST or None, space=request.space, initial=_initial(request))
    if not form.is_valid():
        return render(request, ADD, {"form": form}, status=422 if form.is_bound else 200)
    code, plain = enrolment.issue(
        space=request.space,
        pools=form.cleaned_data["pools"],
        slots=form.cleaned_data["slots"],
        user=request.user,
        now=timezone.now(),
    )
    context = arrival_context(code) | {"lines": lines(base_url(request), code, plain)}
    return render(request, WAIT, context)


@never_cache
@require_GET
def worker_enrolment(request: PageRequest, pk: int) -> HttpResponse:
    """How far the agent has come; asked again whenever something happens."""
    require(request.user, Permission.EDIT_WORKER)
    code = get_object_or_404(selectors.enrolment_codes(request.user, request.space), pk=pk)
    return htmx.page(request, WAIT, arrival_context(code), partial="arrival")


@login_not_required
@require_GET
def agent_download(request: HttpRequest) -> HttpResponse:
    """GET /agent/octoworker.pyz, public: the program holds no secret. `?enrolment=7` tells for which
    line it is fetched, and never the code itself."""
    code_id = request.GET.get("enrolment", "")
    if code_id.isdecimal() and len(code_id) < 19:
        enrolment.mark_fetched(int(code_id), timezone.now())
    program = agent_program.program()
    response = HttpResponse(program.path.read_bytes(), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{PROGRAM}"'
    response["X-Octoworker-Version"] = program.version
    response["Cache-Control"] = "no-cache"
    return response


def base_url(request: HttpRequest) -> str:
    """The address under which agents reach this server, without a slash at the end."""
    return settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")


def lines(base: str, code: EnrolmentCode, plain: str) -> Lines:
    """The code is an assignment before the command, not an argument: `ps` shows arguments to everybody."""
    address, server = shlex.quote(f"{base}/agent/{PROGRAM}?enrolment={code.pk}"), shlex.quote(base)
    register = f"register --server {server} --thumbprint {server_key.thumbprint()}"
    secret, keep = f"OCTOWORKERS_CODE={plain}", "sudo --preserve-env=OCTOWORKERS_CODE"
    return Lines(
        run=(
            f"curl -fsSL {address} -o {PROGRAM} && {secret} python3 {PROGRAM} {register}"
            f" && python3 {PROGRAM} run"
        ),
        service=(
            f"sudo curl -fsSL {address} -o {INSTALLED} && {secret} {keep} python3 {INSTALLED} {register}"
            f" && sudo python3 {INSTALLED} service install"
        ),
        is_encrypted=base.startswith("https://"),
    )


def arrival_context(code: EnrolmentCode) -> dict[str, object]:
    return {
        "arrival": arrival(code, now=timezone.now()),
        "code": code,
        "pools": list(code.pools.all()),
        "environments": list(code.environments.all()),
        "tenants": list(code.tenants.all()),
    }


def _initial(request: PageRequest) -> dict[str, object]:
    """The pool that the link came from, or the one that is there anyway."""
    pools = WorkerPool.objects.visible_to(request.user).in_space(request.space)
    wanted = pools.filter(slug=request.GET.get("pool", "")) or pools.filter(is_default=True)
    return {"pools": [pool.pk for pool in wanted]}
