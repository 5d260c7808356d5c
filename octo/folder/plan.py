"""A folder beside a server: what would change, and whether it can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from octo.failures import Failure
from octo.folder import files, planning
from octo.folder.checking import SENSITIVE, Checker, take_secrets
from octo.folder.current import Reader
from octo.folder.naming import Names
from octo.folder.planning import Change, Verb
from octo.folder.things import PROJECT, VARIABLES, Forms, variable_key
from octo.server import Server


def digest(changes: Sequence[Change]) -> str:
    """The same for the same changes, whoever planned them."""
    parts = [f"{change.verb} {change.key}\n" + "\n".join(change.lines()) for change in changes]
    return sha256("\n\n".join(parts).encode()).hexdigest()


class Plan:
    """A folder beside a server. Raises Failure where the folder makes no sense; nothing was changed then."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
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

    def secrets(self, values: Mapping[str, str], *, all: bool) -> dict[Any, str]:
        """The values to set: those that are new on the server, or all that say where they come from. `values`
        are those of environment variables by their names."""
        wanted = self._unset() | (set(self.secrets_from) if all else set())
        return {key: self._secret(values, *key) for key in wanted}

    def secret_names(self, secrets: Mapping[Any, str]) -> dict[str, str]:
        """The same values by the names of their environment variables."""
        return {self.secrets_from[key]: value for key, value in secrets.items()}

    def chosen(self, *, delete: bool, secrets: Mapping[Any, str]) -> list[Change]:
        """What is to be made; without `delete` nothing goes. Secrets cannot be compared: variables whose
        secrets are to be set are saved though they look alike."""
        found = [change for change in self.changes if delete or change.verb is not Verb.DELETE]
        known = {change.key.id for change in found}
        for thing_id in sorted({thing_id for thing_id, _ in secrets} - known):
            thing, there = self.wanted.by_id[thing_id], self.current.by_id[thing_id]
            found.append(Change(Verb.CHANGE, thing.key, there.body, there.body, thing, there))
        return found

    def verify(self, *, delete: bool) -> None:
        """What the server took otherwise than it was said would be changed again and again."""
        current = Reader(self.server, self.forms, Names(self.server)).everything(self.projects)
        left = planning.changes(self.wanted, current, self.forms)
        left = [change for change in left if delete or change.verb is not Verb.DELETE]
        if left:
            lines = [f"{change.key}: {line}" for change in left for line in change.lines()]
            raise Failure("The server would keep this otherwise than the folder says:", lines)

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

    def _secret(self, values: Mapping[str, str], thing_id: Any, key: Any) -> str:
        name = self.secrets_from.get((thing_id, key), "")
        value = values.get(name, "") if name else ""
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
