"""Project groups: the list, and making, changing and deleting one."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from accounts.permissions import Permission, can, require
from accounts.requests import PageRequest
from common import htmx
from common.deletion import Deletion, delete_page
from projects.models import Project, ProjectGroup
from projects.services import project_groups
from spaces.forms import NamedForm

LIST, FORM = "projects/group_list.html", "projects/group_form.html"


class GroupForm(NamedForm):
    model = ProjectGroup


def _rows(request: PageRequest) -> QuerySet[ProjectGroup]:
    return ProjectGroup.objects.visible_to(request.user).in_space(request.space)


@require_GET
def group_list(request: PageRequest) -> HttpResponse:
    """Projects that name no group are in the default one."""
    unnamed = Project.objects.visible_to(request.user).in_space(request.space).filter(group=None).count()
    rows = _rows(request).annotate(named=Count("projects", filter=Q(projects__space=request.space)))
    context = {
        "rows": [(group, group.named + (unnamed if group.is_default else 0)) for group in rows],
        "may_edit": can(request.user, Permission.EDIT_PROJECT),
    }
    return render(request, LIST, context)


@require_http_methods(["GET", "POST"])
def group_create(request: PageRequest) -> HttpResponse:
    return _edit(request, None)


@require_http_methods(["GET", "POST"])
def group_edit(request: PageRequest, slug: str) -> HttpResponse:
    return _edit(request, get_object_or_404(_rows(request), slug=slug))


@require_http_methods(["GET", "POST"])
def group_delete(request: PageRequest, slug: str) -> HttpResponse:
    require(request.user, Permission.EDIT_PROJECT)
    group = get_object_or_404(_rows(request), slug=slug)
    listing = reverse("group_list")
    deletion = Deletion(
        subject=group,
        noun="project group",
        consequence="It is a heading only: nothing runs differently.",
        act=partial(project_groups.delete, group, user=request.user),
        back=reverse("group_edit", args=[slug]),
        done=listing,
        section=("Project groups", listing),
        typed=False,
    )
    return delete_page(request, deletion)


def _edit(request: PageRequest, group: ProjectGroup | None) -> HttpResponse:
    require(request.user, Permission.EDIT_PROJECT)
    form = GroupForm(request.POST or None, space=request.space, instance=group)
    if not form.is_valid():
        context = {"form": form, "group": group}
        return render(request, FORM, context, status=422 if form.is_bound else 200)
    if group is None:
        group = project_groups.create(space=request.space, user=request.user, **form.cleaned_data)
    else:
        project_groups.edit(group, user=request.user, **form.cleaned_data)
    messages.success(request, f"Saved project group {group}.")
    return htmx.redirect(request, reverse("group_list"))
