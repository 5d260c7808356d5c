"""Deployment targets: the list, and what people decide about one."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from environments.models import Environment
from workers.forms import TargetEnrolmentForm, TargetForm
from workers.models import Machine
from workers.selectors import capabilities
from workers.selectors import machines as machine_selectors
from workers.selectors import targets as selectors
from workers.services import enrolment, machines, targets
from workers.views.enrolment import WAIT, arrival_context, base_url, lines
from workers.views.machines import PER_PAGE, act_on

LIST, ADD, FORM = "workers/target_list.html", "workers/target_add.html", "workers/target_form.html"


@require_GET
def target_list(request: PageRequest) -> HttpResponse:
    chosen = {name: request.GET.get(name, "").strip() for name in ("state", "environment", "tag")}
    text = request.GET.get("q", "").strip()
    found = selectors.targets(request.user, request.space, text=text, **chosen)
    page_obj = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page_obj": page_obj,
        "rows": [(machine, capabilities.read(machine.capabilities)) for machine in page_obj],
        "q": text,
        **chosen,
        "is_filtered": bool(text or any(chosen.values())),
        "states": machine_selectors.STATES,
        "environments": Environment.objects.visible_to(request.user).in_space(request.space),
        "tags": selectors.tags_in(request.space),
        "may_edit": can(request.user, Permission.EDIT_WORKER),
    }
    return htmx.page(request, LIST, context, partial="rows")


@never_cache
@require_http_methods(["GET", "POST"])
def target_add(request: PageRequest) -> HttpResponse:
    """The code is in the answer to the POST and nowhere else: only its hash is kept."""
    require(request.user, Permission.EDIT_WORKER)
    environments = Environment.objects.visible_to(request.user).in_space(request.space)
    initial = {"environments": list(environments.filter(slug=request.GET.get("environment", "")))}
    form = TargetEnrolmentForm(request.POST or None, space=request.space, initial=initial)
    if not form.is_valid():
        return render(request, ADD, {"form": form}, status=422 if form.is_bound else 200)
    code, plain = enrolment.issue(
        space=request.space,
        pools=(),
        slots=form.cleaned_data["slots"],
        user=request.user,
        now=timezone.now(),
        target=form.registration(),
    )
    return render(request, WAIT, arrival_context(code) | {"lines": lines(base_url(request), code, plain)})


@require_http_methods(["GET", "POST"])
def target_edit(request: PageRequest, slug: str) -> HttpResponse:
    """Of any machine: with this a worker becomes a deployment target as well."""
    require(request.user, Permission.EDIT_WORKER)
    machine = _machine(request, slug)
    form = TargetForm(request.POST or None, space=request.space, instance=machine)
    if not form.is_valid():
        context = {"form": form, "machine": machine, "is_target": machine.environments.exists()}
        return render(request, FORM, context, status=422 if form.is_bound else 200)
    data = form.cleaned_data
    targets.edit(
        machine,
        name=data["name"],
        description=data["description"],
        slots=data["slots"],
        registration=form.registration(),
        user=request.user,
    )
    messages.success(request, f"Saved deployment target {machine}.")
    return htmx.redirect(request, reverse("target_detail", args=[slug]))


@require_POST
def target_action(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_WORKER)
    machine = get_object_or_404(selectors.targets(request.user, request.space), slug=slug)
    if request.POST.get("action") != "unregister":
        return act_on(request, machine, reverse("target_detail", args=[slug]))
    if not machine.pools.exists():
        return HttpResponseBadRequest("It is nothing but a deployment target: delete it.")
    targets.unregister(machine, user=request.user)
    messages.success(request, f"{machine} is no deployment target any more.")
    return htmx.redirect(request, reverse("worker_detail", args=[slug]))


@require_http_methods(["GET", "POST"])
def target_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_WORKER)
    machine = get_object_or_404(selectors.targets(request.user, request.space), slug=slug)
    also = "It is a worker as well, and is deleted as that too. " if machine.pools.exists() else ""
    listing = reverse("target_list")
    deletion = Deletion(
        subject=machine,
        noun="deployment target",
        consequence=f"{also}Its connection ends and its key is forgotten. "
        "The agent program stays on the machine.",
        act=partial(machines.delete, machine, user=request.user),
        back=reverse("target_detail", args=[slug]),
        done=listing,
        section=("Deployment targets", listing),
        typed=False,
    )
    return delete_page(request, deletion)


def _machine(request: PageRequest, slug: str) -> Machine:
    found = machine_selectors.all_machines(request.user, request.space).filter(is_builtin=False)
    machine: Machine = get_object_or_404(found, slug=slug)
    return machine
