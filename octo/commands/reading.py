"""Lists, and single things."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from octo import kinds, options
from octo.failures import BadUsage, Code
from octo.kinds import Kind
from octo.output import Format, show
from octo.server import Server

What = Annotated[
    str,
    typer.Argument(
        help=f"One of: {', '.join(kinds.BY_NAME)}.", autocompletion=options.complete_kinds, show_default=False
    ),
]


def list_(
    what: What,
    project: options.Project = "",
    name: Annotated[str, typer.Option("--name", "-n", help="A part of the name.")] = "",
    state: Annotated[str, typer.Option("--state", help="Of tasks: Queued, Executing, Failed, …")] = "",
    environment: Annotated[str, typer.Option("--environment", "-e", help="Of tasks: where.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, help="At most so many.")] = 100,
    output: options.Output = Format.TABLE,
    space: options.Space = "",
) -> None:
    """List things: projects, runbooks, tasks, …"""
    kind = kinds.kind(what)
    with options.server(space) as server:
        query = _query(server, kind, project=project, state=state, environment=environment)
        path = options.below_project(project, kind.path) if kind.in_project and project else kind.path
        rows = list(server.every(path, most=limit, partialName=name, **query))
    show(rows, output, kind.columns)


def _query(server: Server, kind: Kind, *, project: str, state: str, environment: str) -> dict[str, Any]:
    given = {"state": state, "environment": environment}
    refused = [name for name, value in given.items() if value and name not in kind.filters]
    if project and not kind.in_project and kind.name != "tasks":
        refused.append("project")
    if refused:
        raise BadUsage(f"{kind.name.capitalize()} cannot be narrowed by --{refused[0]}.")
    if environment:
        given["environment"] = server.one("environments", environment)["Id"]
    query = {kind.filters[name]: value for name, value in given.items() if value}
    if project and not kind.in_project:
        query["project"] = server.one("projects", project)["Id"]
    return query


def doctor(
    worker: Annotated[str, typer.Argument(help="A worker's name or id.", autocompletion=options.workers)],
    output: options.Output = Format.TABLE,
    space: options.Space = "",
) -> None:
    """Say what keeps a worker from being given work. The exit code is 9 where something does."""
    with options.server(space) as server:
        id = server.one("workers", worker)["Id"]
        found = server.get(f"workers/{id}/doctor")
    if output is Format.TABLE:
        columns = (("Check", "Name"), ("Verdict", "Verdict"), ("Found", "Message"), ("What to do", "Advice"))
        show(found["Checks"], output, columns)
    else:
        show(found, output, ())
    if found["Verdict"] == "Problem":
        raise typer.Exit(Code.UNWELL)


def show_(
    what: What,
    ref: Annotated[str, typer.Argument(help="An id, a slug or a name; of a release its version.")],
    project: options.Project = "",
    output: options.Output = Format.TABLE,
    space: options.Space = "",
) -> None:
    """Show one thing with all that the server says of it."""
    kind = kinds.kind(what)
    with options.server(space) as server:
        # Snapshots are addressed by their ids alone.
        is_below = kind.in_project and project and kind.name != "snapshots"
        path = options.below_project(project, kind.path) if is_below else kind.path
        found = server.one(path, ref)
    show(found, output, kind.columns)
