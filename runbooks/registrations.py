"""What runbooks tell the apps below."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.urls import reverse

from accounts.permissions import Permission, can
from common import usage
from common.owners import Owner
from domain.ids import IdKind, encode
from domain.processes import DEPLOY_RELEASE_ACTION, RUNBOOK_ACTION
from domain.scopes import Kind, runbook_process
from environments.models import Environment
from packages import owners as package_owners
from packages.models import OwnerKind as PackageOwner
from processes import destinations, offers, owners, saving
from processes.destinations import Destination
from processes.models import Action, OwnerKind, Process
from projects import parts, pasting
from projects.models import Project
from runbooks import starting, trigger_rows
from runbooks.models import Runbook, RunbookSnapshot
from runbooks.services import firing, runbooks, runs
from spaces.models import Space
from tasks import performers, step_checks, subjects
from tasks.engine import timers
from tenants.models import Tenant
from variables import scope_sources
from variables.models import OwnerKind as VariablesOwner
from variables.models import VariableSet
from variables.scope_sources import ScopeOption


def register() -> None:
    subjects.register(runs.SUBJECT, rerun=runs.rerun, facts=runs.facts)
    owners.register(OwnerKind.RUNBOOK, _process_owners)
    destinations.register(_destinations)
    package_owners.register(PackageOwner.SNAPSHOT, _package_owners)
    scope_sources.register(Kind.PROCESS, _process_scopes)
    scope_sources.register(Kind.ACTION, _step_scopes)
    parts.register_before_delete(runbooks.delete_parts)
    parts.register_tab(parts.Tab("runbooks", "Runbooks", 30, _page, _count))
    parts.register_tab(parts.Tab("triggers", "Triggers", 45, _triggers_page, _count_triggers))
    timers.register(firing.fire_due)
    offers.register(offers.RUNBOOKS, _offered)
    saving.register(starting.refuse_circle)
    saving.register(_refuse_pasted)
    performers.register(RUNBOOK_ACTION, starting.run)
    step_checks.register(RUNBOOK_ACTION, starting.check)
    for action_type in (RUNBOOK_ACTION, DEPLOY_RELEASE_ACTION):
        step_checks.register(action_type, starting.check_circle)
    usage.register(Environment, trigger_rows.uses_of_environment)
    usage.register(Tenant, trigger_rows.uses_of_tenant)


def _process_owners(ids: Collection[int]) -> Mapping[int, Owner]:
    found = Runbook.objects.filter(pk__in=ids).select_related("project")
    return {
        runbook.pk: Owner(
            f"{runbook.project.name}, runbook {runbook.name}",
            reverse("runbook_process", args=[runbook.project.slug, runbook.slug]),
        )
        for runbook in found
    }


def _refuse_pasted(process: Process) -> None:
    if process.owner_kind == OwnerKind.RUNBOOK:
        runbook = Runbook.objects.select_related("project").filter(pk=process.owner_id).first()
        if runbook:
            pasting.refuse(runbook.project, process)


def _destinations(user: Any, space: Space) -> Iterable[Destination]:
    found = Runbook.objects.visible_to(user).filter(project__space=space).select_related("project")
    for runbook in found:
        if can(user, Permission.EDIT_PROJECT, runbook.project):
            yield Destination(OwnerKind.RUNBOOK, runbook.pk, f"Runbook {runbook.name}", runbook.project.name)


def _package_owners(ids: Collection[int]) -> Mapping[int, Owner]:
    rows = RunbookSnapshot.objects.filter(pk__in=ids).select_related("runbook__project")
    return {
        row.pk: Owner(
            f"{row} of {row.runbook.name} in {row.runbook.project.name}",
            reverse("runbook_snapshot", args=[row.runbook.project.slug, row.runbook.slug, row.number]),
        )
        for row in rows.defer("process", "variables")
    }


def _process_scopes(variable_set: VariableSet) -> Iterable[ScopeOption]:
    for runbook in _runbooks_of(variable_set):
        yield ScopeOption(Kind.PROCESS, runbook_process(runbook.pk), runbook.name)


def _step_scopes(variable_set: VariableSet) -> Iterable[ScopeOption]:
    names = {runbook.pk: runbook.name for runbook in _runbooks_of(variable_set)}
    actions = Action.objects.filter(
        step__process__owner_kind=OwnerKind.RUNBOOK, step__process__owner_id__in=names
    )
    for action in actions.select_related("step__process").order_by(
        "step__process", "step__position", "position"
    ):
        yield ScopeOption(Kind.ACTION, str(action.pk), action.name, names[action.step.process.owner_id])


def _runbooks_of(variable_set: VariableSet) -> Iterable[Runbook]:
    if variable_set.owner_kind != VariablesOwner.PROJECT:
        return []
    return Runbook.objects.filter(project_id=variable_set.owner_id)


def _offered(user: Any, space: Space) -> Iterable[tuple[str, offers.Choices]]:
    rows = Runbook.objects.visible_to(user).filter(project__space=space).order_by("project__name", "name")
    groups: dict[str, list[tuple[str, str]]] = {}
    for pk, name, project in rows.values_list("pk", "name", "project__name"):
        groups.setdefault(project, []).append((encode(IdKind.RUNBOOK, pk), name))
    return groups.items()


def _page(project: Project) -> str:
    return reverse("project_runbooks", args=[project.slug])


def _count(project: Project) -> int:
    return Runbook.objects.filter(project=project).count()


def _triggers_page(project: Project) -> str:
    return reverse("project_triggers", args=[project.slug])


def _count_triggers(project: Project) -> int:
    return trigger_rows.count(runbook__project=project)
