"""What runbooks tell the apps below."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.urls import reverse

from common.owners import Owner
from domain.scopes import Kind, runbook_process
from processes import owners
from processes.models import Action, OwnerKind
from projects import parts
from projects.models import Project
from runbooks.models import Runbook
from runbooks.services import runbooks, runs
from tasks import subjects
from variables import scope_sources
from variables.models import OwnerKind as VariablesOwner
from variables.models import VariableSet
from variables.scope_sources import ScopeOption


def register() -> None:
    subjects.register(runs.SUBJECT, rerun=runs.rerun, facts=runs.facts)
    owners.register(OwnerKind.RUNBOOK, _process_owners)
    scope_sources.register(Kind.PROCESS, _process_scopes)
    scope_sources.register(Kind.ACTION, _step_scopes)
    parts.register_before_delete(runbooks.delete_processes)
    parts.register_tab(parts.Tab("runbooks", "Runbooks", 30, _page, _count))


def _process_owners(ids: Collection[int]) -> Mapping[int, Owner]:
    found = Runbook.objects.filter(pk__in=ids).select_related("project")
    return {
        runbook.pk: Owner(
            f"{runbook.project.name}, runbook {runbook.name}",
            reverse("runbook_process", args=[runbook.project.slug, runbook.slug]),
        )
        for runbook in found
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


def _page(project: Project) -> str:
    return reverse("project_runbooks", args=[project.slug])


def _count(project: Project) -> int:
    return Runbook.objects.filter(project=project).count()
