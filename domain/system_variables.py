"""The `Octopus.` variables that every script finds, under Octopus Deploy's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.plans import PlannedStep
from domain.scopes import DEPLOYMENT_PROCESS, Context


@dataclass(frozen=True, slots=True)
class Ref:
    """A thing as scripts see it: its public id ("Environments-1") and its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ReleaseHistory:
    """Versions, "" where there is none. `previous` is the release that was made before this one. `here` means
    in the environment, for the tenant: `current` is the one that was deployed last with success, and
    `previous_here` the last of those that is another than this one."""

    previous: str = ""
    previous_here: str = ""
    current_here: str = ""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run when a step of it starts; what does not exist is None or "".

    Points in time are ISO 8601 text. `release.name` is the version. `machine` is the
    worker that was chosen and `pool` its pool; for a step with deployment targets `machine` is the target,
    with its tags. `hostname` is that of the machine. `in_role` are the names of all targets of the run by
    their tags. `trigger` names what started the run, "" for a person.
    `release_link` and `run_link` are paths on the server.
    """

    space: Ref | None = None
    project: Ref | None = None
    environment: Ref | None = None
    environment_order: int | None = None
    tenant: Ref | None = None
    tenant_tags: frozenset[str] = field(default_factory=frozenset)
    runbook: Ref | None = None
    snapshot: Ref | None = None
    runbook_run: Ref | None = None
    release: Ref | None = None
    release_notes: str = ""
    release_created: str = ""
    channel: Ref | None = None
    deployment: Ref | None = None
    created: str = ""
    created_by: str = ""
    task: Ref | None = None
    trigger: str = ""
    pool: Ref | None = None
    machine: Ref | None = None
    roles: tuple[str, ...] = ()
    hostname: str = ""
    in_role: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    server_uri: str = ""
    project_group: Ref | None = None
    queue_expires: str = ""
    history: ReleaseHistory = field(default_factory=lambda: ReleaseHistory())
    release_link: str = ""
    run_link: str = ""


_ANY_RUN = (
    "Space.Id",
    "Space.Name",
    "Project.Id",
    "Project.Name",
    "ProjectGroup.Id",
    "ProjectGroup.Name",
    "Environment.Id",
    "Environment.Name",
    "Environment.SortOrder",
    "Task.Id",
    "Task.Name",
    "Task.QueueTime",
    "Task.QueueTimeExpiry",
    "Deployment.Trigger.Name",
    "Step.Id",
    "Step.Name",
    "Step.Number",
    "Action.Id",
    "Action.Name",
    "Action.Number",
    "Action.IsSkipped",
    "WorkerPool.Id",
    "WorkerPool.Name",
    "Machine.Id",
    "Machine.Name",
    "Machine.Roles",
    "Machine.Hostname",
    "Action.TargetRoles",
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
    "Web.RunbookRunLink",
)
_DEPLOYMENT = (
    "Release.Id",
    "Release.Number",
    "Release.Notes",
    "Release.Created",
    "Release.Channel.Id",
    "Release.Channel.Name",
    "Release.Previous.Number",
    "Release.PreviousForEnvironment.Number",
    "Release.CurrentForEnvironment.Number",
    "Deployment.Id",
    "Deployment.Name",
    "Deployment.Created",
    "Deployment.CreatedBy.Username",
    "Web.ReleaseLink",
    "Web.DeploymentLink",
)


def known_names(context: Context) -> frozenset[str]:
    """The names that `system_variables` will have for a run in this context."""
    of_process = _DEPLOYMENT if context.process == DEPLOYMENT_PROCESS else _RUNBOOK
    of_tenant = _TENANT if context.tenant is not None else ()
    return frozenset(f"Octopus.{name}" for name in (*_ANY_RUN, *of_process, *of_tenant))


def system_variables(facts: RunFacts, step: PlannedStep | None) -> dict[str, str]:
    """The system variables for one step of a run, or for None those of the run as a whole."""
    values = {
        **_of_things(facts),
        **_of_runbook(facts),
        **_of_deployment(facts),
        **(_of_step(step) if step else {}),
        "Web.ServerUri": facts.server_uri,
    }
    return {f"Octopus.{name}": value for name, value in values.items()}


def _of_things(facts: RunFacts) -> dict[str, str]:
    values = {
        **_pair("Space", facts.space),
        **_pair("Project", facts.project),
        **_pair("ProjectGroup", facts.project_group),
        **_pair("Environment", facts.environment),
        "Environment.SortOrder": "" if facts.environment_order is None else str(facts.environment_order),
        **_pair("Task", facts.task),
        "Task.QueueTime": facts.created,
        "Task.QueueTimeExpiry": facts.queue_expires,
        "Deployment.Trigger.Name": facts.trigger,
        **_pair("WorkerPool", facts.pool),
        **_pair("Machine", facts.machine),
        "Machine.Roles": ",".join(facts.roles),
        "Machine.Hostname": facts.hostname,
        **{f"Environment.MachinesInRole[{role}]": ",".join(names) for role, names in facts.in_role.items()},
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
        "Web.RunbookRunLink": facts.run_link,
    }


def _of_deployment(facts: RunFacts) -> dict[str, str]:
    if facts.release is None:
        return {}
    return {
        "Release.Id": facts.release.id,
        "Release.Number": facts.release.name,
        "Release.Notes": facts.release_notes,
        "Release.Created": facts.release_created,
        **_pair("Release.Channel", facts.channel),
        "Release.Previous.Number": facts.history.previous,
        "Release.PreviousForEnvironment.Number": facts.history.previous_here,
        "Release.CurrentForEnvironment.Number": facts.history.current_here,
        **_pair("Deployment", facts.deployment),
        "Deployment.Created": facts.created,
        "Deployment.CreatedBy.Username": facts.created_by,
        "Web.ReleaseLink": facts.release_link,
        "Web.DeploymentLink": facts.run_link,
    }


def _of_step(step: PlannedStep) -> dict[str, str]:
    return {
        "Step.Id": step.step_id,
        "Step.Name": step.parent or step.name,
        "Step.Number": str(step.number),
        "Action.Id": step.action_id,
        "Action.Name": step.name,
        "Action.Number": str(step.child or step.number),
        "Action.TargetRoles": ",".join(step.target_tags),
        # Nobody else is there to ask: a step that is left out gets no variables.
        "Action.IsSkipped": "False",
        **_of_packages(step),
    }


def _of_packages(step: PlannedStep) -> dict[str, str]:
    """Where they are on the disk is the worker's to add."""
    found: dict[str, str] = {}
    for package in step.packages:
        prefix = f"Action.Package[{package.name}]" if package.name else "Action.Package"
        found |= {f"{prefix}.PackageId": package.package_id, f"{prefix}.PackageVersion": package.version}
    return found


def _pair(prefix: str, ref: Ref | None) -> dict[str, str]:
    return {} if ref is None else {f"{prefix}.Id": ref.id, f"{prefix}.Name": ref.name}
