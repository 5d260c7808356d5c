"""What projects tell the apps below, and the tabs of their own pages."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from urllib.parse import urlencode

from django.urls import reverse

from common import usage as uses
from common.owners import Owner
from domain.scopes import DEPLOYMENT_PROCESS, Kind
from environments.models import Environment
from processes import owners as process_owners
from processes.models import Action, OwnerKind
from projects import parts, usage
from projects.models import Project, Release
from projects.services import deployments
from tasks import subjects
from tenants.models import Tenant
from variables import owners as variable_owners
from variables import scope_sources
from variables import usage as variable_usage
from variables.models import OwnerKind as VariablesOwner
from variables.models import Variable, VariableSet
from variables.scope_sources import ScopeOption


def register() -> None:
    uses.register(Environment, usage.of_environment)
    uses.register(Tenant, usage.of_tenant)
    uses.register(Action, variable_usage.of_action)
    subjects.register(deployments.SUBJECT, rerun=deployments.rerun, facts=deployments.facts)
    process_owners.register(OwnerKind.PROJECT, _process_owners)
    variable_owners.register(VariablesOwner.PROJECT, _variable_owners)
    scope_sources.register(Kind.PROCESS, _process_scopes)
    scope_sources.register(Kind.ACTION, _step_scopes)
    for tab in TABS:
        parts.register_tab(tab)


def _process_owners(ids: Collection[int]) -> Mapping[int, Owner]:
    return {
        project.pk: Owner(f"{project.name}, deployment process", _page("project_process")(project))
        for project in Project.objects.filter(pk__in=ids)
    }


def _variable_owners(ids: Collection[int]) -> Mapping[int, Owner]:
    return {
        project.pk: Owner(project.name, _page("project_variables")(project))
        for project in Project.objects.filter(pk__in=ids)
    }


def _process_scopes(variable_set: VariableSet) -> Iterable[ScopeOption]:
    if variable_set.owner_kind == VariablesOwner.PROJECT:
        yield ScopeOption(Kind.PROCESS, DEPLOYMENT_PROCESS, "Deployment process")


def _step_scopes(variable_set: VariableSet) -> Iterable[ScopeOption]:
    if variable_set.owner_kind != VariablesOwner.PROJECT:
        return
    for action in _deployment_actions(variable_set.owner_id):
        yield ScopeOption(Kind.ACTION, str(action.pk), action.name, "Deployment process")


def _deployment_actions(project_id: int) -> Iterable[Action]:
    return Action.objects.filter(
        step__process__owner_kind=OwnerKind.PROJECT, step__process__owner_id=project_id
    ).order_by("step__position", "position")


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


TABS = (
    parts.Tab("overview", "Overview", 0, _page("project_detail")),
    parts.Tab("process", "Process", 10, _page("project_process"), _steps),
    parts.Tab("variables", "Variables", 20, _page("project_variables"), _variables),
    parts.Tab("releases", "Releases", 40, _page("release_list"), _releases),
    parts.Tab("tasks", "Tasks", 50, _tasks_page),
    parts.Tab("settings", "Settings", 60, _page("project_settings")),
)
