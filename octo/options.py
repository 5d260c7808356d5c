"""Options that many commands share, and what completes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

import typer

from octo import kinds, settings
from octo.failures import Failure
from octo.output import Format
from octo.server import Server


def server(space: str = "", *, patience: float | None = None) -> Server:
    """Signed in. `space` goes before that of the login."""
    login = settings.current()
    if space:
        login = settings.Login(login.url, login.key, space)
    return Server(login) if patience is None else Server(login, patience=patience)


def below_project(project: str, path: str) -> str:
    """The list of a project that is named by id, slug or name."""
    return f"projects/{quote(project, safe='')}/{path}"


def _names(path: str) -> Callable[[typer.Context, str], list[str]]:
    def complete(context: typer.Context, incomplete: str) -> list[str]:
        """Names that begin so; none where the server does not say, because a shell asks while one types."""
        given = context.params or {}
        where = path
        if path == "runbooks" and given.get("project"):
            where = below_project(given["project"], path)
        try:
            with server(given.get("space") or "", patience=0) as found:
                names = [row["Name"] for row in found.every(where, most=200, partialName=incomplete)]
        except Failure:
            return []
        return [name for name in names if name.casefold().startswith(incomplete.casefold())]

    return complete


def complete_kinds(incomplete: str) -> list[str]:
    return list(kinds.beginning_with(incomplete))


projects, environments, tenants = map(_names, ("projects", "environments", "tenants"))
runbooks, workers = map(_names, ("runbooks", "workers"))

Output = Annotated[
    Format, typer.Option("--output", "-o", envvar="OCTO_OUTPUT", help="table for people, or json, or yaml.")
]
Space = Annotated[
    str, typer.Option("--space", "-s", help="A space's name; else that of the login, or the default one.")
]
Project = Annotated[str, typer.Option("--project", "-p", help="A project's name.", autocompletion=projects)]
Environments = Annotated[
    list[str],
    typer.Option("--environment", "-e", help="Where; may be repeated.", autocompletion=environments),
]
Tenants = Annotated[
    list[str] | None,
    typer.Option("--tenant", "-t", help="For whom; may be repeated.", autocompletion=tenants),
]
TenantTags = Annotated[
    list[str] | None, typer.Option("--tenant-tag", help="For all tenants with this tag, as Set/Tag.")
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--variable", "-v", help="The value of a prompted variable, as Name=value."),
]
Skip = Annotated[
    list[str] | None, typer.Option("--skip", help="The name of a step that is not to run; may be repeated.")
]
At = Annotated[str, typer.Option("--at", help="Not before this moment, such as 2026-01-02T03:04:05Z.")]
NotAfter = Annotated[str, typer.Option("--not-after", help="Give up if it has not started by then.")]
Guided = Annotated[
    bool | None,
    typer.Option("--guided/--not-guided", help="Ask when a step fails; else as the project says."),
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Show the log as it is written, and wait.")]
Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end, without the log.")]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0, help="Stop waiting after so many minutes; 0 means never.")
]
CancelOnTimeout = Annotated[
    bool, typer.Option("--cancel-on-timeout", help="And cancel what has not ended by then.")
]
