from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from domain.labels import counted
from pools.models import WorkerPool
from workers.forms import MachineForm
from workers.models import Machine
from workers.selectors import capabilities
from workers.selectors import machines as selectors
from workers.services import machines

PER_PAGE = 50
LIST, FORM = "workers/worker_list.html", "workers/worker_form.html"

#: What can be asked of a worker, with the words that answer it.
ACTIONS: dict[str, tuple[Callable[..., None], str]] = {
    "enable": (machines.enable, "Enabled {}."),
    "disable": (machines.disable, "Disabled {}. What runs on it goes on."),
    "drain": (machines.drain, "{} takes nothing new. What runs on it goes on."),
    "resume": (machines.resume, "{} takes steps again."),
    "check": (machines.request_check, "Asked {} to look again at what it has."),
    "revoke": (machines.revoke, "Revoked the key of {}."),
}
BULK = {"enable": "Enabled", "disable": "Disabled", "drain": "Draining", "resume": "Resumed"}


@require_GET
def worker_list(request: PageRequest) -> HttpResponse:
    chosen = {name: request.GET.get(name, "").strip() for name in ("state", "pool", "os")}
    text = request.GET.get("q", "").strip()
    found = selectors.machines(request.user, request.space, text=text, **chosen)
    page_obj = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page_obj,
        "rows": [(machine, capabilities.read(machine.capabilities)) for machine in page_obj],
        "q": text,
        **chosen,
        "is_filtered": bool(text or any(chosen.values())),
        "states": selectors.STATES,
        "pools": WorkerPool.objects.visible_to(request.user).in_space(request.space),
        "systems": selectors.systems(request.user, request.space),
        "may_edit": can(request.user, Permission.EDIT_WORKER),
    }
    return htmx.page(request, LIST, context, partial="rows")


@require_POST
def worker_bulk(request: PageRequest) -> HttpResponse:
    """One action for the ticked workers; those of other spaces are not found."""
    require(request.user, Permission.EDIT_WORKER)
    action = request.POST.get("action", "")
    if action not in BULK:
        return HttpResponseBadRequest("Unknown action.")
    ids = [int(value) for value in request.POST.getlist("machine") if value.isdecimal() and len(value) < 19]
    act, _ = ACTIONS[action]
    chosen = selectors.machines(request.user, request.space).filter(pk__in=ids)
    for machine in chosen:
        act(machine, user=request.user)
    messages.success(request, f"{BULK[action]} {counted(len(chosen), 'worker')}.")
    return htmx.redirect(request, reverse("worker_list"))


@require_POST
def worker_action(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_WORKER)
    return act_on(request, _machine(request, slug), reverse("worker_detail", args=[slug]))


def act_on(request: PageRequest, machine: Machine, back: str) -> HttpResponse:
    """Does one of ACTIONS with a machine and goes to a page."""
    if request.POST.get("action") not in ACTIONS:
        return HttpResponseBadRequest("Unknown action.")
    act, words = ACTIONS[request.POST["action"]]
    try:
        act(machine, user=request.user)
        messages.success(request, words.format(machine))
    except machines.NotConnected as refusal:
        messages.error(request, str(refusal))
    return htmx.redirect(request, back)


@require_http_methods(["GET", "POST"])
def worker_edit(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_WORKER)
    # Of any machine: with this a deployment target becomes a worker as well.
    found = selectors.all_machines(request.user, request.space)
    machine: Machine = get_object_or_404(found, slug=slug)
    form = MachineForm(request.POST or None, space=request.space, instance=machine)
    if not form.is_valid():
        context = {"form": form, "machine": machine}
        return render(request, FORM, context, status=422 if form.is_bound else 200)
    machines.edit(machine, user=request.user, **form.cleaned_data)
    messages.success(request, f"Saved {machine.noun} {machine}.")
    page = "worker_detail" if machine.noun == "worker" else "target_detail"
    return htmx.redirect(request, reverse(page, args=[slug]))


@require_http_methods(["GET", "POST"])
def worker_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_WORKER)
    machine = _machine(request, slug)
    is_target = machine.environments.exists()
    also = "It is a deployment target as well, and is deleted as that too. " if is_target else ""
    listing = reverse("worker_list")
    deletion = Deletion(
        subject=machine,
        noun="worker",
        consequence=f"{also}Its connection ends and its key is forgotten. "
        "The agent program stays on the machine.",
        act=partial(machines.delete, machine, user=request.user),
        back=reverse("worker_detail", args=[slug]),
        done=listing,
        section=("Workers", listing),
        typed=False,
    )
    return delete_page(request, deletion)


def _machine(request: PageRequest, slug: str) -> Machine:
    machine: Machine = get_object_or_404(selectors.machines(request.user, request.space), slug=slug)
    return machine
