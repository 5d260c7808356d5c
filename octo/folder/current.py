"""The things of a server, as files have them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from octo.failures import Refused
from octo.folder.naming import Names, turned
from octo.folder.things import (
    CHANNEL,
    DEPLOYMENT,
    LISTS,
    PROCESS,
    PROJECT,
    RUNBOOK,
    VARIABLES,
    Everything,
    Forms,
    Key,
    Thing,
    tidied,
    variable_key,
)
from octo.server import Server

#: Kinds of a scope whose entries are ids of one kind.
SCOPES = {"Environment": "Environments", "Tenant": "Tenants", "Machine": "Machines"}
#: Types of variables that stand for a thing, by the prefix of its ids.
STANDS_FOR = {
    "WorkerPool": "WorkerPools",
    "Certificate": "Certificates",
    "UsernamePasswordAccount": "Accounts",
    "SshKeyAccount": "Accounts",
    "TokenAccount": "Accounts",
}


class Scopes:
    """Names of what the variables of a project may be narrowed to or stand for."""

    def __init__(self, names: Names, project_id: str) -> None:
        self._names = names
        self._own = {"ProcessOwner": {project_id: DEPLOYMENT}, "Action": {}, "Channel": {}}

    def add(self, process: dict[str, Any], name: str) -> None:
        """A process of the API, under the name that files have for it."""
        if runbook := process.get("RunbookId"):
            self._own["ProcessOwner"][runbook] = name
        for step in process["Steps"]:
            for action in step["Actions"]:
                self._own["Action"][action["Id"]] = f"{name}/{action['Name'] or step['Name']}"

    def add_channels(self, values: dict[str, Any]) -> None:
        self._own["Channel"] = {one["Id"]: one["Name"] for one in values.get("Channels", ())}

    def name(self, kind: str, entry: str) -> str:
        if kind in SCOPES:
            return self._names.name(SCOPES[kind], entry)
        return self._own.get(kind, {}).get(entry, entry)

    def entry(self, kind: str, name: str) -> str | None:
        """None where there is nothing of this name; tags and roles are their own names."""
        if kind in SCOPES:
            return self._names.id(SCOPES[kind], name)
        if kind not in self._own:
            return name
        return next(
            (id for id, known in self._own[kind].items() if known.casefold() == name.casefold()), None
        )


class Reader:
    """Reads a space. `projects` are names of those that matter; None means all."""

    def __init__(self, server: Server, forms: Forms, names: Names) -> None:
        self.server, self.forms, self.names = server, forms, names

    def everything(self, projects: Collection[str] | None = None) -> Everything:
        found = Everything()
        for kind in LISTS:
            rows = self.server.get(f"{kind.path}/all")
            for row in rows:
                found.add(self._thing(Key(kind.name, row["Name"]), row))
            if kind.is_ordered:
                found.orders[kind.name] = [row["Name"] for row in rows]
        wanted = None if projects is None else {name.casefold() for name in projects}
        for row in self.server.get("projects/all"):
            if wanted is None or row["Name"].casefold() in wanted:
                for thing in self.project(row):
                    found.add(thing)
        return found

    def project(self, row: dict[str, Any]) -> Iterator[Thing]:
        name = row["Name"]
        scopes = Scopes(self.names, row["Id"])
        yield self._thing(Key(PROJECT, name), row)
        for channel in self.server.every(f"projects/{row['Id']}/channels"):
            yield self._thing(Key(CHANNEL, channel["Name"], name), channel)
        process = self.server.get(f"projects/{row['Id']}/deploymentprocesses")
        scopes.add(process, DEPLOYMENT)
        yield self._thing(Key(PROCESS, project=name), process)
        for runbook in self.server.every(f"projects/{row['Id']}/runbooks"):
            if runbook["Name"].casefold() == DEPLOYMENT.casefold():
                raise Refused(f"{name} has a runbook called {DEPLOYMENT}, which files cannot tell from it.")
            own = self.server.get(f"projects/{row['Id']}/runbookProcesses/{runbook['RunbookProcessId']}")
            scopes.add(own, runbook["Name"])
            thing = self._thing(Key(RUNBOOK, runbook["Name"], name), {**runbook, "Steps": own["Steps"]})
            thing.raw["Process"] = own
            yield thing
        yield self.variables(row, scopes)

    def variables(self, row: dict[str, Any], scopes: Scopes) -> Thing:
        raw = self.server.get(f"projects/{row['Id']}/variables")
        scopes.add_channels(raw["ScopeValues"])
        body = self.forms.shapes.written(self.forms[VARIABLES], raw)
        for variable in body.get("Variables", []):
            variable["Scope"] = {
                kind: [scopes.name(kind, entry) for entry in entries]
                for kind, entries in (variable.get("Scope") or {}).items()
            }
            if prefix := STANDS_FOR.get(variable.get("Type", "")):
                variable["Value"] = self.names.name(prefix, variable.get("Value") or "")
        ids = zip(body.get("Variables", [])[:], raw["Variables"], strict=True)
        thing = Thing(Key(VARIABLES, project=row["Name"]), tidied(VARIABLES, body), raw=raw)
        raw["Ids"] = {variable_key(variable): one["Id"] for variable, one in ids}
        raw["Scopes"] = scopes
        return thing

    def _thing(self, key: Key, row: dict[str, Any]) -> Thing:
        written = self.forms.shapes.written(self.forms[key.kind], row)
        named = turned(
            self.forms.shapes, self.forms[key.kind], written, lambda kind, id, _: self.names.name(kind, id)
        )
        return Thing(key, tidied(key.kind, named), raw=dict(row))
