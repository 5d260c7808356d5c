"""What projects tell the apps below, and the tabs of their own pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.permissions import Permission, can
from accounts.requests import PageRequest
from common import usage as uses
from common.owners import Owner
from domain.ids import IdKind, encode
from domain.processes import DEPLOY_RELEASE_ACTION
from domain.scopes import DEPLOYMENT_PROCESS, Kind
from environments.models import Environment, Lifecycle
from packages import owners as package_owners
from packages.models import OwnerKind as PackageOwner
from processes import channels as process_channels
from processes import destinations, offers, saving
from processes import owners as process_owners
from processes.channels import ChannelOption
from processes.destinations import Destination
from processes.models import Action, OwnerKind, Process
from projects import parts, pasting, starting, tenant_variables, usage
from projects.models import Channel, Project, ProjectGroup, Release
from projects.services import deployments
from spaces.models import Space
from tasks import performers, step_checks, subjects
from tenants import parts as tenant_parts
from tenants.models import Tag, Tenant
from variables import neighbours, scope_sources
from variables import owners as variable_owners
from variables import usage as variable_usage
from variables.models import LibraryVariableSet, Variable, VariableSet
from variables.models import OwnerKind as VariablesOwner
from variables.neighbours import Neighbour
from variables.scope_sources import ScopeOption
from variables.services import variable_sets
from workers.models import Machine
from workers.selectors.targets import tags_in


def register() -> None:
    uses.register(Environment, usage.of_environment)
    uses.register(Tenant, usage.of_tenant)
    uses.register(Channel, usage.of_channel)
    uses.register(Lifecycle, usage.of_lifecycle)
    uses.register(Release, usage.of_release)
    uses.register(ProjectGroup, usage.of_group)
    uses.register(Tag, usage.of_tag)
    uses.register(LibraryVariableSet, usage.of_library_set)
    uses.register(Action, variable_usage.of_action)
    subjects.register(deployments.SUBJECT, rerun=deployments.rerun, facts=deployments.facts)
    process_channels.register(_process_channels, names=_channel_names)
    process_owners.register(OwnerKind.PROJECT, _process_owners)
    destinations.register(_destinations)
    saving.register(_refuse_pasted)
    package_owners.register(PackageOwner.RELEASE, _package_owners)
    variable_owners.register(VariablesOwner.PROJECT, _variable_owners)
    variable_owners.register(VariablesOwner.LIBRARY, _library_owners)
    neighbours.register(_neighbours)
    scope_sources.register(Kind.PROCESS, _process_scopes)
    scope_sources.register(Kind.ACTION, _step_scopes)
    scope_sources.register(Kind.CHANNEL, _channel_scopes)
    scope_sources.register(Kind.MACHINE, _target_scopes)
    scope_sources.register(Kind.ROLE, _tag_scopes)
    uses.register(Machine, variable_usage.of_machine)
    tenant_parts.register_section(_tenant_section)
    offers.register(offers.PROJECTS, _offered)
    performers.register(DEPLOY_RELEASE_ACTION, starting.deploy)
    step_checks.register(DEPLOY_RELEASE_ACTION, starting.check_deploy)
    for tab in TABS:
        parts.register_tab(tab)


def _tenant_section(request: PageRequest, tenant: Tenant) -> tenant_parts.Section:
    found = tenant_variables.sheet(tenant, viewer=request.user)
    missing, asked = found.missing, sum(1 for _ in found.cells())
    return "projects/_tenant_section.html", {"missing": missing, "asked": asked, "more": len(missing) - 8}


def _process_owners(ids: Collection[int]) -> Mapping[int, Owner]:
    return {
        project.pk: Owner(f"{project.name}, deployment process", _page("project_process")(project))
        for project in Project.objects.filter(pk__in=ids)
    }


def _refuse_pasted(process: Process) -> None:
    if process.owner_kind == OwnerKind.PROJECT:
        project = Project.objects.filter(pk=process.owner_id).first()
        if project:
            pasting.refuse(project, process)


def _process_channels(owner_kind: str, owner_id: int) -> Iterable[ChannelOption]:
    if owner_kind == OwnerKind.PROJECT:
        for one in Channel.objects.filter(project_id=owner_id):
            yield ChannelOption(str(one.pk), one.slug, one.name)


def _channel_names(ids: Collection[str]) -> Mapping[str, str]:
    numbers = [int(id) for id in ids if id.isascii() and id.isdigit()]
    return {str(pk): name for pk, name in Channel.objects.filter(pk__in=numbers).values_list("pk", "name")}


def _destinations(user: Any, space: Space) -> Iterable[Destination]:
    for project in Project.objects.visible_to(user).in_space(space):
        if can(user, Permission.EDIT_PROJECT, project):
            yield Destination(OwnerKind.PROJECT, project.pk, "Deployment process", project.name)


def _variable_owners(ids: Collection[int]) -> Mapping[int, Owner]:
    return {
        project.pk: Owner(project.name, _page("project_variables")(project))
        for project in Project.objects.filter(pk__in=ids)
    }


def _library_owners(ids: Collection[int]) -> Mapping[int, Owner]:
    return {
        found.pk: Owner(f"library set {found.name}", reverse("library_set_detail", args=[found.slug]))
        for found in LibraryVariableSet.objects.filter(pk__in=ids)
    }


def _neighbours(variable_set: VariableSet) -> Iterable[Neighbour]:
    """The other library sets of each project that includes this one."""
    if variable_set.owner_kind != VariablesOwner.LIBRARY:
        return
    projects = Project.objects.filter(library_sets=variable_set.owner_id)
    for project in projects.prefetch_related("library_sets"):
        others = [one for one in project.library_sets.all() if one.pk != variable_set.owner_id]
        if others:
            yield Neighbour(project.name, tuple(variable_sets.of_library(others)))


def _package_owners(ids: Collection[int]) -> Mapping[int, Owner]:
    rows = Release.objects.filter(pk__in=ids).select_related("project").defer("process", "variables")
    return {
        row.pk: Owner(
            f"{row.project.name} {row.version}",
            reverse("release_detail", args=[row.project.slug, row.version]),
        )
        for row in rows
    }


def _process_scopes(variable_set: VariableSet) -> Iterable[ScopeOption]:
    if variable_set.owner_kind == VariablesOwner.PROJECT:
        yield ScopeOption(Kind.PROCESS, DEPLOYMENT_PROCESS, "Deployment process")


def _step_scopes(variable_set: VariableSet) -> Iterable[ScopeOption]:
    if variable_set.owner_kind != VariablesOwner.PROJECT:
        return
    for action in _deployment_actions(variable_set.owner_id):
        yield ScopeOption(Kind.ACTION, str(action.pk), action.name, "Deployment process")


def _channel_scopes(variable_set: VariableSet) -> Iterable[ScopeOption]:
    if variable_set.owner_kind == VariablesOwner.PROJECT:
        for channel in Channel.objects.filter(project_id=variable_set.owner_id):
            yield ScopeOption(Kind.CHANNEL, str(channel.pk), channel.name)


def _target_scopes(variable_set: VariableSet) -> Iterable[ScopeOption]:
    for machine in Machine.objects.in_space(variable_set.space).targets():
        yield ScopeOption(Kind.MACHINE, str(machine.pk), machine.name)


def _tag_scopes(variable_set: VariableSet) -> Iterable[ScopeOption]:
    for tag in tags_in(variable_set.space):
        yield ScopeOption(Kind.ROLE, tag, tag)


def _deployment_actions(project_id: int) -> Iterable[Action]:
    return Action.objects.filter(
        step__process__owner_kind=OwnerKind.PROJECT, step__process__owner_id=project_id
    ).order_by("step__position", "position")


def _offered(user: Any, space: Space) -> Iterable[tuple[str, offers.Choices]]:
    rows = Project.objects.visible_to(user).in_space(space).order_by("name").values_list("pk", "name")
    if choices := [(encode(IdKind.PROJECT, pk), name) for pk, name in rows]:
        yield "Projects", choices


def _page(name: str) -> Callable[[Project], str]:
    return lambda project: reverse(name, args=[project.slug])


def _tasks_page(project: Project) -> str:
    return f"{reverse('task_list')}?{urlencode({'project': project.pk})}"


def _steps(project: Project) -> int:
    return Action.objects.filter(
        step__process__owner_kind=OwnerKind.PROJECT, step__process__owner_id=project.pk
    ).count()


def _variables(project: Project) -> int:
    mine = Variable.objects.filter(
        variable_set__owner_kind=VariablesOwner.PROJECT, variable_set__owner_id=project.pk
    )
    return mine.values("name").distinct().order_by().count()


def _releases(project: Project) -> int:
    return Release.objects.filter(project=project).count()


def _channels(project: Project) -> int:
    """One channel is no news."""
    count = Channel.objects.filter(project=project).count()
    return count if count > 1 else 0


TABS = (
    parts.Tab("overview", "Overview", 0, _page("project_detail")),
    parts.Tab("process", "Process", 10, _page("project_process"), _steps),
    parts.Tab("variables", "Variables", 20, _page("project_variables"), _variables),
    parts.Tab("channels", "Channels", 35, _page("channel_list"), _channels),
    parts.Tab("releases", "Releases", 40, _page("release_list"), _releases),
    parts.Tab("tasks", "Tasks", 50, _tasks_page),
    parts.Tab("settings", "Settings", 60, _page("project_settings")),
)
