"""The channels of a project: the list, and making, changing and deleting one."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common.deletion import Deletion, delete_page
from common.htmx import invalid, redirect
from domain.channels import rules_of
from environments.models import Lifecycle
from projects.channel_forms import ChannelForm, Rules
from projects.models import Channel, Project
from projects.services import channels
from projects.views.lookups import project_of
from tenants import selectors as tenant_selectors

LIST, FORM = "projects/channel_list.html", "projects/channel_form.html"


@require_safe
def channel_list(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    found = Channel.objects.visible_to(request.user).filter(project=project)
    rows = found.select_related("lifecycle").prefetch_related("tags__tag_set")
    context = {
        "project": project,
        "tab": "channels",
        "rows": [(one, len(rules_of(one.rules))) for one in rows.annotate(release_count=Count("releases"))],
        "may_edit": can(request.user, Permission.EDIT_PROJECT, project),
    }
    return render(request, LIST, context)


@require_http_methods(["GET", "POST"])
def channel_create(request: PageRequest, slug: str) -> HttpResponse:
    project = project_of(request, slug)
    require(request.user, Permission.EDIT_PROJECT, project)
    return _edit(request, project, None)


@require_http_methods(["GET", "POST"])
def channel_edit(request: PageRequest, slug: str, channel: str) -> HttpResponse:
    project = project_of(request, slug)
    require(request.user, Permission.EDIT_PROJECT, project)
    return _edit(request, project, _channel(request, project, channel))


@require_http_methods(["GET", "POST"])
def channel_delete(request: PageRequest, slug: str, channel: str) -> HttpResponse:
    project = project_of(request, slug)
    require(request.user, Permission.EDIT_PROJECT, project)
    found = _channel(request, project, channel)
    listing = reverse("channel_list", args=[slug])
    deletion = Deletion(
        subject=found,
        noun="channel",
        consequence="No release can be made in it any more. This cannot be undone.",
        act=partial(channels.delete, found, user=request.user),
        back=reverse("channel_edit", args=[slug, channel]),
        done=listing,
        section=(f"Channels of {project.name}", listing),
        typed=False,
    )
    return delete_page(request, deletion)


def _channel(request: PageRequest, project: Project, slug: str) -> Channel:
    rows = Channel.objects.visible_to(request.user).filter(project=project).select_related("project__space")
    found: Channel = get_object_or_404(rows, slug=slug)
    return found


def _edit(request: PageRequest, project: Project, channel: Channel | None) -> HttpResponse:
    data = request.POST or None
    form = ChannelForm(
        data,
        project=project,
        channel=channel,
        lifecycles=Lifecycle.objects.visible_to(request.user).in_space(request.space),
        tags=tenant_selectors.tags(request.space),
    )
    rules = Rules.of(project, channel, data)
    if data is None:
        return render(request, FORM, _context(project, channel, form, rules))
    if all([form.is_valid(), rules.is_valid()]) and _save(request, project, channel, form, rules):
        messages.success(request, f"Saved channel {form.cleaned_data['name']}.")
        return redirect(request, reverse("channel_list", args=[project.slug]))
    return invalid(request, FORM, _context(project, channel, form, rules))


def _save(
    request: PageRequest, project: Project, channel: Channel | None, form: ChannelForm, rules: Rules
) -> bool:
    fields = form.with_rules(rules.rules())
    try:
        if channel is None:
            channels.create(project=project, fields=fields, user=request.user)
        else:
            channels.edit(channel, fields, user=request.user)
    except channels.NameTaken as taken:
        form.add_error("name", str(taken))
        return False
    return True


def _context(project: Project, channel: Channel | None, form: ChannelForm, rules: Rules) -> dict[str, object]:
    return {"project": project, "tab": "channels", "channel": channel, "form": form, "rules": rules}
