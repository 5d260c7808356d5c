"""What is wrong with what a folder says, found before anything is changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from octo.folder.current import SCOPES, STANDS_FOR, Scopes
from octo.folder.naming import CHANNELS, Names, turned
from octo.folder.texts import Path, Problem
from octo.folder.things import (
    CHANNEL,
    DEPLOYMENT,
    LISTS,
    PROCESS,
    RUNBOOK,
    VARIABLES,
    Everything,
    Forms,
    Thing,
    variable_key,
)

SENSITIVE = "Sensitive"
SCOPE_KINDS = (*SCOPES, "TenantTag", "Role", "Channel", "Action", "ProcessOwner")
_KIND_OF = {kind.prefix: kind.name for kind in LISTS} | {"Projects": "project"}


class Checker:
    """`current` is what is there already: a file may name it, or what the folder itself will make."""

    def __init__(self, wanted: Everything, current: Everything, forms: Forms, names: Names) -> None:
        self.wanted, self.current, self.forms, self.names = wanted, current, forms, names

    def problems(self) -> list[Problem]:
        found = [problem for thing in self.wanted for problem in self._of(thing)]
        return sorted(found, key=lambda problem: (problem.file, problem.line))

    def _of(self, thing: Thing) -> Iterator[Problem]:
        schema = self.forms[thing.key.kind]
        shaped = list(self.forms.shapes.problems(schema, thing.body, thing.text, thing.path))
        yield from shaped
        if shaped:
            return  # what follows relies on the form
        yield from self._references(thing)
        if thing.key.kind in (PROCESS, RUNBOOK):
            yield from _steps(thing)
        if thing.key.kind == RUNBOOK and thing.key.name.casefold() == DEPLOYMENT.casefold():
            yield thing.problem(f"A runbook cannot be called {DEPLOYMENT} here.", ("Name",))
        if thing.key.kind == VARIABLES:
            yield from self._variables(thing)

    # --- references ------------------------------------------------------------------------------

    def _references(self, thing: Thing) -> Iterator[Problem]:
        found: list[Problem] = []

        def look(prefix: str, name: str, path: Path) -> str:
            there = (
                self._is_channel(thing.key.project, name)
                if prefix == CHANNELS
                else self._is_known(prefix, name)
            )
            if not there:
                what = _noun(prefix)
                found.append(thing.problem(f"There is no {what} {name!r}, here or on the server.", path))
            return name

        turned(self.forms.shapes, self.forms[thing.key.kind], thing.body, look)
        yield from found

    def _is_known(self, prefix: str, name: str) -> bool:
        kind = _KIND_OF.get(prefix)
        if kind and any(one.key.name.casefold() == name.casefold() for one in self.wanted.of(kind)):
            return True
        return self.names.id(prefix, name) is not None

    def _is_channel(self, project: str, name: str) -> bool:
        """A new project has one called Default."""
        there = [*self.wanted.of(CHANNEL, project), *self.current.of(CHANNEL, project)]
        names = {one.key.name.casefold() for one in there} or {"default"}
        return name.casefold() in names

    # --- variables -------------------------------------------------------------------------------

    def _variables(self, thing: Thing) -> Iterator[Problem]:
        seen: set[Any] = set()
        scopes = self._scopes(thing.key.project)
        for number, variable in enumerate(thing.body.get("Variables") or []):
            at: Path = ("Variables", number)
            key = variable_key(variable)
            if key in seen:
                words = f"Two values of {variable['Name']} are equally specific. Narrow the scope of one."
                yield thing.problem(words, (*at, "Name"))
            seen.add(key)
            yield from self._value(thing, variable, at)
            yield from self._scope(thing, variable.get("Scope") or {}, scopes, (*at, "Scope"))

    def _value(self, thing: Thing, variable: dict[str, Any], at: Path) -> Iterator[Problem]:
        value, name = variable.get("Value"), variable["Name"]
        if variable.get("Type") == SENSITIVE and value:
            words = f"{name} is sensitive: its value does not belong into a file. See ValueFrom."
            yield thing.problem(words, (*at, "Value"))
        prefix = STANDS_FOR.get(variable.get("Type", ""))
        if prefix and not self._is_known(prefix, value or ""):
            what = _noun(prefix)
            yield thing.problem(f"There is no {what} {value!r}, here or on the server.", (*at, "Value"))

    def _scope(
        self, thing: Thing, scope: dict[str, list[str]], scopes: Scopes | None, at: Path
    ) -> Iterator[Problem]:
        for kind, entries in scope.items():
            if kind not in SCOPE_KINDS:
                known = ", ".join(SCOPE_KINDS)
                yield thing.problem(f"There is no scope of the kind {kind}. There are: {known}.", (*at, kind))
                continue
            for number, name in enumerate(entries):
                if not self._can_be_scoped(thing.key.project, kind, name, scopes):
                    yield thing.problem(f"There is no {kind} {name!r}.", (*at, kind, number))

    def _can_be_scoped(self, project: str, kind: str, name: str, scopes: Scopes | None) -> bool:
        if kind in SCOPES:
            return self._is_known(SCOPES[kind], name)
        if kind in ("Action", "ProcessOwner"):
            return name.casefold() in self._processes(project, with_steps=kind == "Action")
        if kind == "Channel":
            return self._is_channel(project, name)
        return scopes is None or scopes.entry(kind, name) is not None

    def _processes(self, project: str, *, with_steps: bool) -> set[str]:
        """Names of processes, or of their steps, as they will be."""
        found: set[str] = set()
        kept = [one for one in self.current.of(RUNBOOK, project) if self.wanted.get(one.key) is None]
        if not self.wanted.of(PROCESS, project):
            kept += self.current.of(PROCESS, project)
        for thing in [*self.wanted.of(PROCESS, project), *self.wanted.of(RUNBOOK, project), *kept]:
            name = thing.key.name or DEPLOYMENT
            steps = thing.body.get("Steps") or []
            found |= {f"{name}/{step['Name']}" for step in steps} if with_steps else {name}
        return {name.casefold() for name in found | (set() if with_steps else {DEPLOYMENT})}

    def _scopes(self, project: str) -> Scopes | None:
        """None for a project that is not there yet."""
        for thing in self.current.of(VARIABLES, project):
            scopes: Scopes = thing.raw["Scopes"]
            return scopes
        return None


def _noun(prefix: str) -> str:
    return _KIND_OF.get(prefix, prefix.removesuffix("s").casefold())


def _steps(thing: Thing) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, step in enumerate(thing.body.get("Steps") or []):
        name = step["Name"].casefold()
        if name in seen:
            yield thing.problem(f"Two steps have the name {step['Name']}.", ("Steps", number, "Name"))
        seen.add(name)


def take_secrets(wanted: Everything) -> dict[tuple[Any, Any], str]:
    """Takes `ValueFrom` out of the variables: where the value of each is, by thing and value."""
    found: dict[tuple[Any, Any], str] = {}
    for thing in wanted.of(VARIABLES):
        rows = thing.body.get("Variables") if isinstance(thing.body, dict) else None
        for variable in rows if isinstance(rows, list) else []:
            if isinstance(variable, dict) and "ValueFrom" in variable:
                found[thing.key.id, variable_key(variable)] = str(variable.pop("ValueFrom"))
    return found
