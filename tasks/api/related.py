"""What a task runs lives in higher apps, which say here how a task finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain import ids
from domain.ids import IdKind
from tasks.models import ServerTask


@dataclass(frozen=True)
class Subject:
    """`relation` is the way from a task, `argument` its name among a task's arguments."""

    relation: str
    argument: str
    kind: IdKind


SUBJECTS: list[Subject] = []


def register(relation: str, *, argument: str, kind: IdKind) -> None:
    """Called where a higher app's API is defined."""
    SUBJECTS.append(Subject(relation, argument, kind))


def relations() -> list[str]:
    return [one.relation for one in SUBJECTS]


def arguments(task: ServerTask) -> dict[str, str]:
    """For example {"DeploymentId": "Deployments-7"}; empty where it has been deleted."""
    for one in SUBJECTS:
        row: Any = getattr(task, one.relation, None)
        if row is not None:
            return {one.argument: ids.encode(one.kind, row.pk)}
    return {}


def tasks_regarding(ref: str) -> dict[str, Any] | None:
    """The filter for tasks of a thing: a task, a deployment, a run, a project, an environment, a tenant; None
    for anything else."""
    own = {
        "pk": IdKind.TASK,
        "project_id": IdKind.PROJECT,
        "environment": IdKind.ENVIRONMENT,
        "tenant": IdKind.TENANT,
        "runbook_id": IdKind.RUNBOOK,
        **{f"{one.relation}__pk": one.kind for one in SUBJECTS},
    }
    for name, kind in own.items():
        if ids.is_id(kind, ref):
            return {name: ids.decode(kind, ref)}
    return None
