"""Making a server as a folder says: one request per thing, in the order of the plan. The server does it, in
one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from octo.failures import Refused
from octo.folder.checking import SENSITIVE
from octo.folder.current import STANDS_FOR, Reader
from octo.folder.naming import turned
from octo.folder.planning import Change, Verb
from octo.folder.things import (
    CHANNEL,
    LISTS,
    PROCESS,
    PROJECT,
    RUNBOOK,
    VARIABLES,
    Key,
    Thing,
    variable_key,
)

_LIST = {kind.name: kind for kind in LISTS}


class Applier:
    """`secrets` gives the values of sensitive variables, by thing and value, for those that are to be set."""

    def __init__(self, reader: Reader, secrets: Mapping[Any, str]) -> None:
        self.reader, self.server = reader, reader.server
        self.forms, self.names = reader.forms, reader.names
        self._secrets = secrets
        self._done: list[Change] = []
        self._changes: Sequence[Change] = ()

    def apply(self, changes: Sequence[Change]) -> None:
        """Raises Refused with the place in the file; the caller takes back what was done before."""
        self._changes = changes
        for change in changes:
            with self._located(change):
                self._make(change)
            self._done.append(change)

    @contextmanager
    def _located(self, change: Change) -> Iterator[None]:
        try:
            yield
        except Refused as refusal:
            words = f"The server refused to {change.verb} the {change.key}: {refusal.message}"
            raise Refused(
                str(change.wanted.problem(words)) if change.wanted else words,
                [*refusal.details, "Nothing was changed."],
                status=refusal.status,
            ) from refusal

    def _make(self, change: Change) -> None:
        if change.verb is Verb.ORDER:
            self._order(change)
        elif change.wanted is None:
            self._delete(change)
        elif change.key.kind == VARIABLES:
            self._variables(change)
        elif change.key.kind == PROCESS:
            self._process(change)
        elif change.key.kind == RUNBOOK:
            self._runbook(change)
        elif change.key.kind == CHANNEL:
            self._channel(change)
        else:
            self._named(change)

    # --- each kind -------------------------------------------------------------------------------

    def _named(self, change: Change) -> None:
        """An entry of a list, or a project."""
        kind = change.key.kind
        path, prefix = ("projects", "Projects") if kind == PROJECT else (_LIST[kind].path, _LIST[kind].prefix)
        body = self._body(change, self.forms[kind])
        if change.current is None:
            saved = self.server.post(path, body)
        else:
            saved = self.server.put(f"{path}/{change.id_there}", body)
        self.names.learn(prefix, saved["Id"], saved["Name"])

    def _order(self, change: Change) -> None:
        kind = _LIST[change.key.kind]
        rows = self.server.get(f"{kind.path}/all")
        place = {name.casefold(): number for number, name in enumerate(change.after)}
        rows.sort(key=lambda row: place.get(row["Name"].casefold(), len(place)))
        self.server.put(f"{kind.path}/sortorder", [row["Id"] for row in rows])

    def _delete(self, change: Change) -> None:
        own = {RUNBOOK: "runbooks", CHANNEL: "channels"}
        path = own.get(change.key.kind) or _LIST[change.key.kind].path
        self.server.delete(f"{path}/{change.id_there}")

    def _channel(self, change: Change) -> None:
        path = f"projects/{self._project_id(change)}/channels"
        body = self._body(change, self.forms[CHANNEL])
        if not body["IsDefault"]:
            # Another one becomes the default, or this stays it: no project is without one.
            del body["IsDefault"]
        id = change.id_there or self._channel_of_new_project(path, change, body)
        saved = self.server.put(f"{path}/{id}", body) if id else self.server.post(path, body)
        self.names.learn("Channels", saved["Id"], saved["Name"])

    def _channel_of_new_project(self, path: str, change: Change, body: dict[str, Any]) -> str:
        """A project that was made just now has a default channel, which becomes that of the folder."""
        made = Key(PROJECT, change.key.project).id
        if not any(one.key.id == made and one.current is None for one in self._done):
            return ""
        name = change.key.name.casefold()
        rows = {one["Name"].casefold(): str(one["Id"]) for one in self.server.every(path)}
        becomes = not self._makes_default_channel(change.key.project) and body.get("IsDefault")
        return rows.get(name) or (rows.get("default", "") if becomes else "")

    def _makes_default_channel(self, project: str) -> bool:
        """Whether the folder has one of the name that a new project's has."""
        wanted = Key(CHANNEL, "Default", project).id
        return any(change.key.id == wanted for change in self._changes)

    def _process(self, change: Change) -> None:
        project = self._project_id(change)
        current = change.current.raw if change.current else None
        self._steps(change, f"projects/{project}/deploymentprocesses", current)

    def _runbook(self, change: Change) -> None:
        project = self._project_id(change)
        body = {**self._body(change, self.forms.own_of_runbook), "ProjectId": project}
        if change.current is None:
            runbook = self.server.post(f"projects/{project}/runbooks", body)
        else:
            runbook = self.server.put(f"runbooks/{change.id_there}", body)
        path = f"projects/{project}/runbookProcesses/{runbook['RunbookProcessId']}"
        if change.after.get("Steps", []) != (change.before or {}).get("Steps", []):
            self._steps(change, path, change.current.raw["Process"] if change.current else None)

    def _steps(self, change: Change, path: str, current: dict[str, Any] | None) -> None:
        """With the version that was compared, so that nobody's edit since then is lost."""
        process = current or self.server.get(path)
        found = self._body(change, self.forms[PROCESS], {"Steps": process["Steps"]})
        self.server.put(path, {"Version": process["Version"], **found})

    def _variables(self, change: Change) -> None:
        project = self._project_id(change)
        raw = self._now(self.server.get(f"projects/{project}")).raw
        rows = change.after.get("Variables", [])
        sent = [self._variable(change, one, raw["Ids"], raw["Scopes"]) for one in rows]
        version = change.current.raw["Version"] if change.current else raw["Version"]
        self.server.put(f"projects/{project}/variables", {"Version": version, "Variables": sent})

    def _variable(
        self, change: Change, variable: dict[str, Any], ids: Mapping[Any, str], scopes: Any
    ) -> dict[str, Any]:
        key = variable_key(variable)
        schema = self.forms.shapes.items(self.forms[VARIABLES]["properties"]["Variables"])
        body: dict[str, Any] = self.forms.shapes.sent(schema, variable)
        body["Id"] = ids.get(key, "")
        body["Scope"] = {
            kind: [scopes.entry(kind, name) or name for name in entries]
            for kind, entries in (variable.get("Scope") or {}).items()
        }
        if variable.get("Type") == SENSITIVE:
            body["Value"] = self._secrets.get((change.key.id, key))
        elif prefix := STANDS_FOR.get(variable.get("Type", "")):
            body["Value"] = self.names.id(prefix, variable.get("Value", ""))
        else:
            body["Value"] = variable.get("Value", "")
        return body

    # --- what several need -----------------------------------------------------------------------

    def _body(self, change: Change, schema: Any, current: Any = None) -> dict[str, Any]:
        """What is sent: with ids for names, and with the ids of parts that are there already."""
        shapes = self.forms.shapes
        sent = shapes.sent(schema, change.after)
        found: dict[str, Any] = turned(shapes, schema, sent, self._id_of)
        there = current or (change.current.raw if change.current else None)
        return _with_ids(found, there) if there else found

    def _id_of(self, prefix: str, name: str, _path: Any) -> str:
        return self.names.id(prefix, name) or name

    def _project_id(self, change: Change) -> str:
        return self.names.id("Projects", change.key.project) or change.key.project

    def _now(self, row: dict[str, Any]) -> Thing:
        """The variables as they are now, with the steps that were just saved."""
        things = {thing.key.id: thing for thing in self.reader.project(row)}
        return things[Key(VARIABLES, project=row["Name"]).id]


def _with_ids(sent: Any, current: Any) -> Any:
    """Parts with the name of one that is there are that one."""
    if isinstance(sent, dict) and isinstance(current, dict):
        return {name: _with_ids(one, current.get(name)) for name, one in sent.items()}
    if not isinstance(sent, list) or not isinstance(current, list):
        return sent
    known = {str(one.get("Name")).casefold(): one for one in current if isinstance(one, dict)}
    found = []
    for one in sent:
        if not isinstance(one, dict):
            return sent
        # The only action of a step has the step's name, or none.
        same = known.get(str(one.get("Name")).casefold()) or (
            current[0] if len(sent) == len(current) == 1 and not one.get("Name") else None
        )
        found.append({**_with_ids(one, same), "Id": same["Id"]} if same and "Id" in same else one)
    return found
