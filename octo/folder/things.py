"""What a folder holds: each thing with its kind, its name and what is said of it, in the words of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from octo.folder.shapes import Schema, Shapes
from octo.folder.texts import Path, Problem, Text

#: Of what was read from a server.
NOWHERE = Text("", None)
PROJECT, CHANNEL, PROCESS, RUNBOOK, VARIABLES = "project", "channel", "process", "runbook", "variables"
#: How the deployment process of a project is called where a variable is narrowed to it.
DEPLOYMENT = "Deployment process"
#: Every step on a worker has it: it is in the API for clients that ask.
ON_SERVER = "Octopus.Action.RunOnServer"


@dataclass(frozen=True)
class ListKind:
    """A kind whose things stand in one file of the space. `prefix` is that of their ids."""

    name: str
    path: str
    file: str
    prefix: str
    is_ordered: bool = False


LISTS = (
    ListKind("environment", "environments", "environments.yaml", "Environments", is_ordered=True),
    ListKind("pool", "workerpools", "pools.yaml", "WorkerPools", is_ordered=True),
    ListKind("lifecycle", "lifecycles", "lifecycles.yaml", "Lifecycles"),
    ListKind("group", "projectgroups", "groups.yaml", "ProjectGroups"),
)
KINDS = (*(one.name for one in LISTS), PROJECT, CHANNEL, PROCESS, RUNBOOK, VARIABLES)
#: Other lists that files may name things of.
PATHS = {one.prefix: one.path for one in LISTS} | {
    "Projects": "projects",
    "Channels": "channels",
    "Tenants": "tenants",
    "Feeds": "feeds",
    "Machines": "machines",
    "Accounts": "accounts",
    "Certificates": "certificates",
}


@dataclass(frozen=True)
class Key:
    """Names are the same in any case. Things of a project have its name; those that it has one of have no
    name of their own."""

    kind: str
    name: str = ""
    project: str = ""

    @property
    def order(self) -> tuple[int, str, str]:
        return KINDS.index(self.kind), self.project.casefold(), self.name.casefold()

    @property
    def id(self) -> tuple[str, str, str]:
        return self.kind, self.project.casefold(), self.name.casefold()

    def __str__(self) -> str:
        own = f"{self.kind} {self.name}".strip()
        return f"{own} of {self.project}" if self.project else own


@dataclass
class Thing:
    """`body` is as files have it. `text` and `path` say where it was read; `raw` is the server's."""

    key: Key
    body: Any
    text: Text = NOWHERE
    path: Path = ()
    raw: Any = field(default=None, repr=False)

    def problem(self, words: str, path: Path = ()) -> Problem:
        return self.text.problem((*self.path, *path), words)


class Everything:
    """The things of a folder or of a server, by their keys."""

    def __init__(
        self, things: Iterable[Thing] = (), *, orders: Mapping[str, list[str]] | None = None
    ) -> None:
        self.by_id = {thing.key.id: thing for thing in things}
        #: The names of the kinds that have an order, in it.
        self.orders = dict(orders or {})
        #: Kinds whose file is there, so that what is not in it can be told.
        self.whole_kinds: set[str] = set()

    def __iter__(self) -> Any:
        return iter(sorted(self.by_id.values(), key=lambda thing: thing.key.order))

    def add(self, thing: Thing) -> None:
        self.by_id[thing.key.id] = thing

    def get(self, key: Key) -> Thing | None:
        return self.by_id.get(key.id)

    def of(self, kind: str, project: str | None = None) -> list[Thing]:
        return [
            thing
            for thing in self
            if thing.key.kind == kind
            and (project is None or thing.key.project.casefold() == project.casefold())
        ]


class Forms:
    """The shape of each kind of thing."""

    def __init__(self, openapi: Schema) -> None:
        self.shapes = Shapes(openapi)
        self._of = {
            **{one.name: self.shapes.of(f"/api/{one.path}", "post") for one in LISTS},
            PROJECT: self.shapes.of("/api/projects", "post"),
            CHANNEL: self.shapes.of("/api/projects/{project}/channels", "post"),
            PROCESS: self.shapes.of("/api/projects/{project}/deploymentprocesses", "put"),
            VARIABLES: self.shapes.of("/api/projects/{project}/variables", "put"),
        }
        runbook = self.shapes.of("/api/projects/{project}/runbooks", "post")
        steps = self._of[PROCESS]["properties"]["Steps"]
        self.own_of_runbook = runbook
        self._of[RUNBOOK] = {**runbook, "properties": {**runbook["properties"], "Steps": steps}}

    def __getitem__(self, kind: str) -> Schema:
        return self._of[kind]

    def written(self, kind: str, resource: Mapping[str, Any]) -> Any:
        """A resource of the API as files have it, but with ids."""
        return tidied(kind, self.shapes.written(self[kind], resource))


def tidied(kind: str, body: Any) -> Any:
    """What follows from something else is left out; what has no order is sorted."""
    if kind in (PROCESS, RUNBOOK):
        for step in body.get("Steps", []):
            _tidy_step(step)
    if kind == VARIABLES:
        for variable in body.get("Variables", []):
            _tidy_variable(variable)
        body.get("Variables", []).sort(key=variable_key)
    return body


def _tidy_step(step: dict[str, Any]) -> None:
    for action in step.get("Actions", []):
        if action.get("Name") == step.get("Name"):
            del action["Name"]
        properties = action.get("Properties", {})
        if str(properties.get(ON_SERVER, "")).casefold() == "true":
            del properties[ON_SERVER]
        if not properties:
            action.pop("Properties", None)


def _tidy_variable(variable: dict[str, Any]) -> None:
    if variable.get("Type") == "String":
        del variable["Type"]
    if not variable.get("Value"):
        variable.pop("Value", None)
    if isinstance(scope := variable.get("Scope"), dict):
        variable["Scope"] = {kind: sorted(found) for kind, found in sorted(scope.items()) if found}
    if not variable.get("Scope"):
        variable.pop("Scope", None)


def variable_key(variable: Mapping[str, Any]) -> tuple[str, str]:
    """What tells the values of a name apart."""
    scope = variable.get("Scope") or {}
    return str(variable.get("Name", "")).casefold(), str(sorted(scope.items()))
