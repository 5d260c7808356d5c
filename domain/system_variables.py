"""The `Octopus.` variables that every script finds, under Octopus Deploy's names."""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.plans import PlannedStep
from domain.scopes import DEPLOYMENT_PROCESS, Context


@dataclass(frozen=True, slots=True)
class Ref:
    """A thing as scripts see it: its public id ("Environments-1") and its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run when a step of it starts; what does not exist is None or "".

    Points in time are ISO 8601 text. `release.name` is the version. `machine` is the
    worker that was chosen and `pool` its pool.
    """

    space: Ref | None = None
    project: Ref | None = None
    environment: Ref | None = None
    tenant: Ref | None = None
    tenant_tags: frozenset[str] = field(default_factory=frozenset)
    runbook: Ref | None = None
    snapshot: Ref | None = None
    runbook_run: Ref | None = None
    release: Ref | None = None
    release_notes: str = ""
    deployment: Ref | None = None
    created: str = ""
    created_by: str = ""
    task: Ref | None = None
    pool: Ref | None = None
    machine: Ref | None = None
    server_uri: str = ""


_ANY_RUN = (
    "Space.Id",
    "Space.Name",
    "Project.Id",
    "Project.Name",
    "Environment.Id",
    "Environment.Name",
    "Task.Id",
    "Task.Name",
    "Step.Id",
    "Step.Name",
    "Step.Number",
    "Action.Id",
    "Action.Name",
    "Action.Number",
    "WorkerPool.Id",
    "WorkerPool.Name",
    "Machine.Id",
    "Machine.Name",
    "Web.ServerUri",
)
_TENANT = ("Deployment.Tenant.Id", "Deployment.Tenant.Name", "Deployment.Tenant.Tags")
_RUNBOOK = (
    "Runbook.Id",
    "Runbook.Name",
    "RunbookSnapshot.Id",
    "RunbookSnapshot.Name",
    "RunbookRun.Id",
    "RunbookRun.Name",
    "RunbookRun.Created",
    "RunbookRun.CreatedBy.Username",
)
_DEPLOYMENT = (
    "Release.Id",
    "Release.Number",
    "Release.Notes",
    "Deployment.Id",
    "Deployment.Name",
    "Deployment.Created",
    "Deployment.CreatedBy.Username",
)


def known_names(context: Context) -> frozenset[str]:
    """The names that `system_variables` will have for a run in this context."""
    of_process = _DEPLOYMENT if context.process == DEPLOYMENT_PROCESS else _RUNBOOK
    of_tenant = _TENANT if context.tenant is not None else ()
    return frozenset(f"Octopus.{name}" for name in (*_ANY_RUN, *of_process, *of_tenant))


def system_variables(facts: RunFacts, step: PlannedStep) -> dict[str, str]:
    """The system variables for one step of a run."""
    values = {
        **_of_things(facts),
        **_of_runbook(facts),
        **_of_deployment(facts),
        **_of_step(step),
        "Web.ServerUri": facts.server_uri,
    }
    return {f"Octopus.{name}": value for name, value in values.items()}


def _of_things(facts: RunFacts) -> dict[str, str]:
    values = {
        **_pair("Space", facts.space),
        **_pair("Project", facts.project),
        **_pair("Environment", facts.environment),
        **_pair("Task", facts.task),
        **_pair("WorkerPool", facts.pool),
        **_pair("Machine", facts.machine),
        **_pair("Deployment.Tenant", facts.tenant),
    }
    if facts.tenant is not None:
        values["Deployment.Tenant.Tags"] = ",".join(sorted(facts.tenant_tags))
    return values


def _of_runbook(facts: RunFacts) -> dict[str, str]:
    if facts.runbook is None:
        return {}
    return {
        **_pair("Runbook", facts.runbook),
        **_pair("RunbookSnapshot", facts.snapshot),
        **_pair("RunbookRun", facts.runbook_run),
        "RunbookRun.Created": facts.created,
        "RunbookRun.CreatedBy.Username": facts.created_by,
    }


def _of_deployment(facts: RunFacts) -> dict[str, str]:
    if facts.release is None:
        return {}
    return {
        "Release.Id": facts.release.id,
        "Release.Number": facts.release.name,
        "Release.Notes": facts.release_notes,
        **_pair("Deployment", facts.deployment),
        "Deployment.Created": facts.created,
        "Deployment.CreatedBy.Username": facts.created_by,
    }


def _of_step(step: PlannedStep) -> dict[str, str]:
    return {
        "Step.Id": step.step_id,
        "Step.Name": step.name,
        "Step.Number": str(step.number),
        "Action.Id": step.action_id,
        "Action.Name": step.name,
        "Action.Number": str(step.number),
    }


def _pair(prefix: str, ref: Ref | None) -> dict[str, str]:
    return {} if ref is None else {f"{prefix}.Id": ref.id, f"{prefix}.Name": ref.name}
