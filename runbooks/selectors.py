"""Reads that several pages of a runbook share."""

from __future__ import annotations

from django.db import models
from django.db.models import QuerySet
from django.urls import reverse

from common.usage import Use
from domain.scopes import runbook_process
from projects.selectors import uses_by_tasks
from runbooks import trigger_rows
from runbooks.models import Runbook
from spaces.models import Space
from tasks.models import ServerTask
from tasks.models.task import UNFINISHED
from variables.models import OwnerKind, ScopeKind, Variable


def visible_runbooks(user: object, space: Space) -> QuerySet[Runbook]:
    """Those of a space that this user may see, with project and published snapshot (without its contents)."""
    return (
        Runbook.objects.visible_to(user)
        .filter(project__space=space)
        .select_related("project", "project__space", "published")
        .defer("published__process", "published__variables")
    )


def tasks_of(runbook: Runbook) -> QuerySet[ServerTask]:
    """Newest first, without the plans, which are large."""
    return (
        ServerTask.objects.filter(runbook_id=runbook.pk)
        .select_related("environment", "tenant")
        .defer("plan")
        .order_by("-id")
    )


def unfinished_tasks(runbook: Runbook) -> QuerySet[ServerTask]:
    return tasks_of(runbook).filter(state__in=UNFINISHED)


def uses_of(runbook: models.Model) -> list[Use]:
    """What stands against deleting it: unfinished tasks, triggers, variables with a value for it alone."""
    assert isinstance(runbook, Runbook)  # noqa: S101  # the page of a deletion passes any model
    return [
        *uses_by_tasks(unfinished_tasks(runbook)),
        *trigger_rows.uses_of_runbook(runbook),
        *_scoped_variables(runbook),
    ]


def _scoped_variables(runbook: Runbook) -> list[Use]:
    rows = Variable.objects.filter(
        variable_set__owner_kind=OwnerKind.PROJECT,
        variable_set__owner_id=runbook.project_id,
        scope_values__kind=ScopeKind.PROCESS,
        scope_values__value=runbook_process(runbook.pk),
    )
    url = reverse("project_variables", args=[runbook.project.slug])
    return [Use("Variable", row.name, url) for row in rows.distinct()]
