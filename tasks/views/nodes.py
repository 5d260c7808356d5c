"""The nodes of this server: which live, what they do, and what people decide about them."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBadRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import Permission, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from tasks.engine import node as identity
from tasks.forms import DrainForm, NodeForm
from tasks.models import Node
from tasks.selectors import nodes as selectors
from tasks.services import nodes

LIST, DETAIL = "tasks/node_list.html", "tasks/node_detail.html"


@require_GET
def node_list(request: PageRequest) -> HttpResponse:
    require(request.user, Permission.EDIT_SERVER)
    context = {"rows": selectors.rows(timezone.now()), "here": identity.current().name}
    return htmx.page(request, LIST, context, partial="rows")


@require_http_methods(["GET", "POST"])
def node_detail(request: PageRequest, pk: int) -> HttpResponse:
    """The page; POST saves the task cap."""
    require(request.user, Permission.EDIT_SERVER)
    node = get_object_or_404(Node, pk=pk)
    form = NodeForm(request.POST or None, initial={"task_cap": node.task_cap})
    if request.method != "POST":
        return _detail(request, node, form=form)
    if not form.is_valid():
        return _detail(request, node, form=form, status=422)
    nodes.edit(node, task_cap=form.cleaned_data["task_cap"], user=request.user)
    messages.success(request, f"Saved node {node}.")
    return htmx.redirect(request, reverse("node_detail", args=[pk]))


@require_POST
def node_action(request: PageRequest, pk: int) -> HttpResponse:
    require(request.user, Permission.EDIT_SERVER)
    node = get_object_or_404(Node, pk=pk)
    match request.POST.get("action"):
        case "drain":
            return _drain(request, node)
        case "undrain":
            nodes.undrain(node, user=request.user)
            messages.success(request, f"{node} takes tasks again.")
            return htmx.redirect(request, reverse("node_detail", args=[pk]))
    return HttpResponseBadRequest("Unknown action.")


def _drain(request: PageRequest, node: Node) -> HttpResponse:
    form = DrainForm(request.POST)
    if not form.is_valid():
        return _detail(request, node, draining=form, status=422)
    nodes.drain(node, reason=form.cleaned_data["reason"], user=request.user)
    messages.success(request, f"{node} takes no new tasks. What it admitted goes on.")
    return htmx.redirect(request, reverse("node_detail", args=[node.pk]))


@require_http_methods(["GET", "POST"])
def node_delete(request: PageRequest, pk: int) -> HttpResponse:
    require(request.user, Permission.EDIT_SERVER)
    node = get_object_or_404(Node, pk=pk)
    listing = reverse("node_list")
    deletion = Deletion(
        subject=node,
        noun="node",
        consequence="Its task cap and its drain are forgotten. A process that starts under this name is new.",
        act=partial(nodes.delete, node, user=request.user, now=timezone.now()),
        back=reverse("node_detail", args=[pk]),
        done=listing,
        section=("Nodes", listing),
        typed=False,
    )
    return delete_page(request, deletion)


def _detail(
    request: PageRequest,
    node: Node,
    *,
    form: NodeForm | None = None,
    draining: DrainForm | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "row": selectors.row(node, timezone.now()),
        "node": node,
        "here": identity.current().name,
        "form": form or NodeForm(initial={"task_cap": node.task_cap}),
        "draining": draining or DrainForm(),
    }
    return htmx.page(request, DETAIL, context, partial="figures", status=status)
