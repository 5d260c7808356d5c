"""Starting runs and deployments by names, and creating releases."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from octo import kinds, options, waiting
from octo.failures import BadUsage, Failure, TimeOut
from octo.output import Format, say, show
from octo.server import Server

RunbookName = Annotated[
    str, typer.Argument(help="The runbook's name.", autocompletion=options.runbooks, show_default=False)
]
ProjectName = Annotated[
    str, typer.Argument(help="The project's name.", autocompletion=options.projects, show_default=False)
]
ReleaseVersion = Annotated[str, typer.Option("--version", help="The release's version.")]


def run(
    runbook: RunbookName,
    project: options.Project,
    environment: options.Environments,
    tenant: options.Tenants = None,
    tenant_tag: options.TenantTags = None,
    snapshot: Annotated[str, typer.Option("--snapshot", help="Not the published one but this.")] = "",
    variable: options.Variables = None,
    skip: options.Skip = None,
    at: options.At = "",
    not_after: options.NotAfter = "",
    guided: options.Guided = None,
    follow: options.Follow = False,
    wait: options.Wait = False,
    timeout: options.Timeout = 0,
    cancel_on_timeout: options.CancelOnTimeout = False,
    output: options.Output = Format.TABLE,
    space: options.Space = "",
) -> None:
    """Run a runbook: one task per environment and tenant."""
    body = {
        **_common(project, tenant, tenant_tag, variable, skip, at, not_after, guided),
        "RunbookName": runbook,
        "EnvironmentNames": environment,
        "Snapshot": snapshot,
    }
    with options.server(space) as server:
        started = server.post("runbook-runs/create/v1", body)["RunbookRunServerTasks"]
        ids = [one["ServerTaskId"] for one in started]
        end(server, ids, follow, wait, timeout, cancel_on_timeout, output)


def deploy(
    project: ProjectName,
    version: ReleaseVersion,
    environment: options.Environments,
    tenant: options.Tenants = None,
    tenant_tag: options.TenantTags = None,
    variable: options.Variables = None,
    skip: options.Skip = None,
    at: options.At = "",
    not_after: options.NotAfter = "",
    guided: options.Guided = None,
    follow: options.Follow = False,
    wait: options.Wait = False,
    timeout: options.Timeout = 0,
    cancel_on_timeout: options.CancelOnTimeout = False,
    output: options.Output = Format.TABLE,
    space: options.Space = "",
) -> None:
    """Deploy a release: one task per environment and tenant."""
    body: dict[str, Any] = {
        **_common(project, tenant, tenant_tag, variable, skip, at, not_after, guided),
        "ReleaseVersion": version,
    }
    is_tenanted = bool(tenant or tenant_tag)
    with options.server(space) as server:
        ids = _deploy(server, body, environment, is_tenanted=is_tenanted)
        end(server, ids, follow, wait, timeout, cancel_on_timeout, output)


def _deploy(
    server: Server, body: dict[str, Any], environments: Sequence[str], *, is_tenanted: bool
) -> list[str]:
    """The tasks' ids. For tenants the server takes one environment at a time."""
    form = "tenanted" if is_tenanted else "untenanted"
    places: list[dict[str, Any]] = (
        [{"EnvironmentName": one} for one in environments]
        if is_tenanted
        else [{"EnvironmentNames": list(environments)}]
    )
    ids: list[str] = []
    for where in places:
        try:
            answer = server.post(f"deployments/create/{form}/v1", {**body, **where})
        except Failure as failure:
            # Who is told that it failed has to know what runs nevertheless.
            failure.details += [f"Started before that: {', '.join(ids)}."] if ids else []
            raise
        ids += [one["ServerTaskId"] for one in answer["DeploymentServerTasks"]]
    return ids


def create_release(
    project: ProjectName,
    version: Annotated[str, typer.Option("--version", help="Else the next one.")] = "",
    notes: Annotated[str, typer.Option("--notes", help="What is new, in Markdown.")] = "",
    channel: Annotated[str, typer.Option("--channel", help="The channel's name.")] = "",
    package: Annotated[
        list[str] | None,
        typer.Option("--package", help="A version: Step:1.0, or 1.0 for all."),
    ] = None,
    ignore_existing: Annotated[
        bool, typer.Option("--ignore-existing", help="A release that is there already is no error.")
    ] = False,
    ignore_rules: Annotated[
        bool, typer.Option("--ignore-channel-rules", help="Take versions that the channel does not let in.")
    ] = False,
    output: options.Output = Format.TABLE,
    space: options.Space = "",
) -> None:
    """Create a release of a project."""
    chosen = package or []
    body = {
        "ProjectName": project,
        "ReleaseVersion": version,
        "ReleaseNotes": notes,
        "ChannelName": channel,
        "Packages": [one for one in chosen if ":" in one],
        "PackageVersion": next((one for one in chosen if ":" not in one), ""),
        "IgnoreIfAlreadyExists": ignore_existing,
        "IgnoreChannelRules": ignore_rules,
    }
    with options.server(space) as server:
        show(server.post("releases/create/v1", body), output, ())


def _common(
    project: str,
    tenants: Sequence[str] | None,
    tags: Sequence[str] | None,
    variables: Sequence[str] | None,
    skipped: Sequence[str] | None,
    at: str,
    not_after: str,
    guided: bool | None,
) -> dict[str, Any]:
    return {
        "ProjectName": project,
        "Tenants": list(tenants or ()),
        "TenantTags": list(tags or ()),
        "Variables": dict(map(_pair, variables or ())),
        "SkipStepNames": list(skipped or ()),
        "RunAt": at or None,
        "NoRunAfter": not_after or None,
        "UseGuidedFailure": guided,
    }


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise BadUsage(f"--variable {text!r}: write it as Name=value.")
    return name.strip(), value


def end(
    server: Server,
    ids: Sequence[str],
    follow: bool,
    wait: bool,
    timeout: float,
    cancel_on_timeout: bool,
    output: Format,
) -> None:
    """Follows, waits or neither; prints the tasks; ends with the code that they mean."""
    until = time.monotonic() + timeout * 60 if timeout else None
    try:
        if follow:
            tasks = waiting.follow(server, ids, to_stdout=output is Format.TABLE, until=until)
        elif wait:
            tasks = waiting.wait(server, ids, until=until)
        else:
            tasks = list(server.every("tasks", ids=ids))
    except TimeOut:
        if cancel_on_timeout:
            cancel_all(server, ids)
        raise
    if not (follow and output is Format.TABLE):
        show(tasks, output, kinds.TASK)
    if follow or wait:
        raise typer.Exit(waiting.outcome(tasks))


def cancel_all(server: Server, ids: Sequence[str]) -> None:
    """Asks each to end; one that cannot be asked does not keep the others from it."""
    failures = []
    for id in ids:
        try:
            server.post(f"tasks/{id}/cancel")
            say(f"Asked {id} to end.")
        except Failure as failure:
            failures.append(f"{id}: {failure.message}")
    if failures:
        raise Failure("Not all could be cancelled.", failures)
