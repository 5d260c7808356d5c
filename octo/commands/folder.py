"""Configuration as files: export, plan, apply, drift."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from octo import options
from octo.failures import BadUsage, Code, Failure
from octo.folder import files, planning
from octo.folder.applying import Applier
from octo.folder.checking import SENSITIVE, Checker, take_secrets
from octo.folder.current import Reader
from octo.folder.naming import Names
from octo.folder.planning import Change, Verb
from octo.folder.things import PROJECT, RUNBOOK, VARIABLES, Forms, variable_key
from octo.output import Format, out, plain, say, show
from octo.server import Server

Folder = Annotated[Path, typer.Argument(help="The folder.", show_default=False)]
Delete = Annotated[
    bool, typer.Option("--delete", help="Delete what the folder lacks: entries of its lists, runbooks.")
]
_STYLES = {"+": "green", "-": "red", "@": "dim"}
_SIGNS = {Verb.CREATE: "+", Verb.CHANGE: "~", Verb.ORDER: "~", Verb.DELETE: "-"}


class Plan:
    """A folder beside a server. Raises Failure where the folder makes no sense; nothing was changed then."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        reading = files.Reading(folder)
        self.wanted = reading.found
        self.secrets_from = take_secrets(self.wanted)
        self.forms = Forms(server.get("/api/openapi"))
        self.reader = Reader(server, self.forms, Names(server))
        self.projects = [thing.key.name for thing in self.wanted.of(PROJECT)]
        self.current = self.reader.everything(self.projects)
        _refuse(reading.problems)
        _refuse(Checker(self.wanted, self.current, self.forms, self.reader.names).problems())
        self.changes = planning.changes(self.wanted, self.current, self.forms)

    def secrets(self, *, all: bool) -> dict[Any, str]:
        """The values to set: those that are new on the server, or all that say where they come from."""
        return {key: self._secret(*key) for key in self._unset() | (set(self.secrets_from) if all else set())}

    def _unset(self) -> set[tuple[Any, Any]]:
        found = set()
        for thing in self.wanted.of(VARIABLES):
            there = self.current.get(thing.key)
            known = {variable_key(one): one for one in there.body.get("Variables", [])} if there else {}
            for variable in thing.body.get("Variables") or []:
                same = known.get(variable_key(variable), {})
                if variable.get("Type") == SENSITIVE and same.get("Type") != SENSITIVE:
                    found.add((thing.key.id, variable_key(variable)))
        return found

    def _secret(self, thing_id: Any, key: Any) -> str:
        name = self.secrets_from.get((thing_id, key), "")
        value = os.environ.get(name, "") if name else ""
        if value:
            return value
        thing = self.wanted.by_id[thing_id]
        rows = thing.body["Variables"]
        number = next(number for number, one in enumerate(rows) if variable_key(one) == key)
        reason = (
            f"the environment has no {name}" if name else "add ValueFrom: the environment variable with it"
        )
        words = f"{rows[number]['Name']} is sensitive and has no value on the server yet: {reason}."
        raise Failure(str(thing.problem(words, ("Variables", number, "Name"))))


def _refuse(problems: Sequence[Any]) -> None:
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Failure(f"{count} in the folder; nothing was changed.", [str(one) for one in problems])


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
        _tell(_chosen(found.changes, delete), found.changes)
        found.secrets(all=False)


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
    """Make the server as the folder says, after showing what changes and asking."""
    with options.server(space) as server:
        found = Plan(server, folder)
        values = found.secrets(all=secrets)
        chosen = _with_secrets(_chosen(found.changes, delete), found, values)
        _tell(chosen, found.changes)
        if not chosen:
            return
        if not yes:
            _ask(len(chosen))
        Applier(found.reader, values, lambda change: say(f"{change.verb} {change.key}: done")).apply(chosen)
        _verify(server, folder, found, delete=delete)
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


def _chosen(changes: Sequence[Change], delete: bool) -> list[Change]:
    return [change for change in changes if delete or change.verb is not Verb.DELETE]


def _with_secrets(changes: list[Change], found: Plan, values: dict[Any, str]) -> list[Change]:
    """Secrets cannot be compared: variables whose secrets are to be set are saved though they look alike."""
    known = {change.key.id for change in changes}
    for thing_id in sorted({thing_id for thing_id, _ in values} - known):
        thing, there = found.wanted.by_id[thing_id], found.current.by_id[thing_id]
        changes.append(Change(Verb.CHANGE, thing.key, there.body, there.body, thing, there))
    return changes


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


def _verify(server: Server, folder: Path, before: Plan, *, delete: bool) -> None:
    """What the server took otherwise than it was said would be changed again and again."""
    current = Reader(server, before.forms, Names(server)).everything(before.projects)
    left = _chosen(planning.changes(before.wanted, current, before.forms), delete)
    if left:
        lines = [f"{change.key}: {line}" for change in left for line in change.lines()]
        raise Failure("The server took this, but keeps it otherwise than the folder says:", lines)


def _publish(server: Server, changes: Sequence[Change], found: Plan) -> None:
    current = Reader(server, found.forms, Names(server)).everything(found.projects)
    for change in changes:
        runbook = current.get(change.key)
        if change.key.kind == RUNBOOK and runbook and runbook.body.get("Steps"):
            server.post("runbookSnapshots", {"RunbookId": runbook.raw["Id"], "Publish": "true"})
            say(f"Published {change.key}.")
