"""Ids of the API and names of files, for each other. `x-references` in the description marks them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from octo.folder.shapes import REFERENCE, Schema, Shapes
from octo.folder.texts import Path
from octo.folder.things import PATHS
from octo.server import Server

#: Their names are unique in a project alone; the server takes the names, too.
CHANNELS = "Channels"
#: (prefix of the kind, what stands there, way to it) -> what is to stand there
Turn = Callable[[str, str, Path], str]


class Names:
    """The things of a space that others name, looked up once per kind."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._by_id: dict[str, dict[str, str]] = {}

    def _kind(self, prefix: str) -> dict[str, str]:
        if prefix not in self._by_id:
            rows = self._server.get(f"{PATHS[prefix]}/all") if prefix in PATHS else []
            self._by_id[prefix] = {row["Id"]: row["Name"] for row in rows}
        return self._by_id[prefix]

    def name(self, prefix: str, id: str) -> str:
        """An id of a kind without names stays one."""
        return self._kind(prefix).get(id, id)

    def id(self, prefix: str, name: str) -> str | None:
        """None where there is no such thing, and for what several projects may have under one name."""
        if prefix == CHANNELS:
            return None
        found = {known.casefold(): id for id, known in self._kind(prefix).items()}
        return found.get(name.casefold())

    def learn(self, prefix: str, id: str, name: str) -> None:
        """Of something that was made or renamed."""
        self._kind(prefix)[id] = name


def turned(shapes: Shapes, schema: Schema, value: Any, turn: Turn, path: Path = ()) -> Any:
    """The same with every reference turned."""
    if isinstance(value, str) and REFERENCE in schema:
        return turn(schema[REFERENCE], value, path)
    if isinstance(value, list):
        items = shapes.items(schema)
        found = [turned(shapes, items, one, turn, (*path, number)) for number, one in enumerate(value)]
        return sorted(found) if REFERENCE in items else found
    if isinstance(value, dict) and "properties" in schema:
        members = shapes.members(schema)
        return {
            name: turned(shapes, members[name], one, turn, (*path, name)) if name in members else one
            for name, one in value.items()
        }
    return value
