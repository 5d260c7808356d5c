"""Configuration as files: export, plan, apply, drift."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from octo import options
from octo.failures import BadUsage, Code, Failure
from octo.folder import files
from octo.folder.current import Reader
from octo.folder.naming import Names
from octo.folder.plan import Plan, digest
from octo.folder.planning import Change, Verb
from octo.folder.things import PROJECT, RUNBOOK, Forms
from octo.output import Format, out, plain, say, show
from octo.server import Server

Folder = Annotated[Path, typer.Argument(help="The folder.", show_default=False)]
Delete = Annotated[
    bool, typer.Option("--delete", help="Delete what the folder lacks: entries of its lists, runbooks.")
]
_STYLES = {"+": "green", "-": "red", "@": "dim"}
_SIGNS = {Verb.CREATE: "+", Verb.CHANGE: "~", Verb.ORDER: "~", Verb.DELETE: "-"}


def export(
    folder: Folder,
    project: Annotated[
        list[str] | None,
        typer.Option(
            "--project", "-p", help="Only this one; may be repeated.", autocompletion=options.projects
        ),
    ] = None,
    space: options.Space = "",
) -> None:
    """Write a space's configuration into a folder, as YAML. Secrets stay on the server."""
    with options.server(space) as server:
        reader = Reader(server, Forms(server.get("/api/openapi")), Names(server))
        found = reader.everything(project)
    names = {thing.key.name.casefold() for thing in found.of(PROJECT)}
    if missing := [name for name in project or [] if name.casefold() not in names]:
        raise Failure(f"There is no project {missing[0]!r}.")
    changed = files.save(folder, files.contents(found, with_lists=not project), projects=project)
    for name in changed:
        say(name)
    say(f"{len(changed)} files changed in {folder}." if changed else f"{folder} is up to date.", "green")


def plan(folder: Folder, delete: Delete = False, space: options.Space = "") -> None:
    """Show what octo apply would change, and change nothing."""
    with options.server(space) as server:
        found = Plan(server, folder)
        _tell(found.chosen(delete=delete, secrets={}), found.changes)
        found.secrets(os.environ, all=False)


def apply(
    folder: Folder,
    delete: Delete = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Publish the runbooks that change.")] = False,
    secrets: Annotated[
        bool, typer.Option("--secrets", help="Set all secrets that have a ValueFrom.")
    ] = False,
    space: options.Space = "",
) -> None:
    """Make the server as the folder says, after showing what changes and asking: all of it, or nothing."""
    with options.server(space) as server:
        found = Plan(server, folder)
        values = found.secrets(os.environ, all=secrets)
        chosen = found.chosen(delete=delete, secrets=values)
        _tell(chosen, found.changes)
        if not chosen:
            return
        if not yes:
            _ask(len(chosen))
        body = {
            "Files": files.texts_in(folder),
            "Delete": delete,
            "AllSecrets": secrets,
            "Secrets": found.secret_names(values),
            "Plan": digest(chosen),
        }
        server.post_long("configuration/apply", body)
        for change in chosen:
            say(f"{change.verb} {change.key}: done")
        if publish:
            _publish(server, chosen, found)
    say("The server is as the folder says.", "green")


def drift(
    folder: Folder,
    output: options.Output = Format.TABLE,
    space: options.Space = "",
) -> None:
    """Report what is on the server other than the folder says. The exit code is 8 where something is."""
    with options.server(space) as server:
        found = Plan(server, folder)
    words = {
        Verb.CREATE: "missing on the server",
        Verb.CHANGE: "changed on the server",
        Verb.ORDER: "ordered otherwise on the server",
        Verb.DELETE: "only on the server",
    }
    if output is not Format.TABLE:
        rows = [
            {
                "Kind": change.key.kind,
                "Name": change.key.name,
                "Project": change.key.project,
                "Drift": words[change.verb],
                "Difference": change.lines(backward=True),
            }
            for change in found.changes
        ]
        show(rows, output, ())
    for change in found.changes if output is Format.TABLE else ():
        _print(f"{change.key}: {words[change.verb]}", "bold")
        _difference(change, backward=True)
    if found.changes:
        raise typer.Exit(Code.DRIFT)
    say("The server is as the folder says.", "green")


def _tell(chosen: Sequence[Change], all: Sequence[Change]) -> None:
    for change in chosen:
        _print(f"{_SIGNS[change.verb]} {change.verb} {change.key}", "bold")
        if change.verb is not Verb.DELETE:
            _difference(change)
    left = [str(change.key) for change in all if change not in chosen]
    if left:
        say(f"Not in the folder, and kept (--delete would delete): {', '.join(left)}.", "yellow")
    say(f"{len(chosen)} to change." if chosen else "Nothing to change.", "bold")


def _difference(change: Change, *, backward: bool = False) -> None:
    for line in change.lines(backward=backward):
        _print(f"    {line}", _STYLES.get(line[:1], ""))


def _print(text: str, style: str) -> None:
    out().print(Text(plain(text), style=style), soft_wrap=True)


def _ask(count: int) -> None:
    if not sys.stdin.isatty():
        raise BadUsage("Nobody can be asked here: add --yes to make these changes.")
    if not typer.confirm(f"Make {count} changes?"):
        raise BadUsage("Nothing was changed.")


def _publish(server: Server, changes: Sequence[Change], found: Plan) -> None:
    current = Reader(server, found.forms, Names(server)).everything(found.projects)
    for change in changes:
        runbook = current.get(change.key)
        if change.key.kind == RUNBOOK and runbook and runbook.body.get("Steps"):
            server.post("runbookSnapshots", {"RunbookId": runbook.raw["Id"], "Publish": "true"})
            say(f"Published {change.key}.")
