"""What may be written of a resource, from the server's own description of its API (OpenAPI)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from octo.folder.texts import Path, Text

#: Members that the server gives, or that the place in the folder says.
OWN = frozenset({"Id", "Version", "ProjectId", "IsSensitive"})
#: How the description marks a reference: the prefix of the ids of a kind.
REFERENCE = "x-references"
_EMPTY: dict[str, Any] = {"string": "", "boolean": False, "integer": 0, "number": 0}
_WORDS = {
    "string": "a text; put it in quotes",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "members, each as Name: value",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Shapes:
    """The description, with what looks something up in it."""

    openapi: Schema

    def of(self, path: str, method: str) -> Schema:
        """The schema of the body of an operation."""
        found: Schema = self.openapi["paths"][path][method]["requestBody"]["content"]["application/json"][
            "schema"
        ]
        return self.resolved(found)

    def resolved(self, schema: Schema) -> Schema:
        """Without `$ref` and `allOf`."""
        for part in schema.get("allOf", ()):
            rest = {name: value for name, value in schema.items() if name != "allOf"}
            schema = {**self.resolved(part), **rest}
        if "$ref" not in schema:
            return schema
        return self.resolved(self.openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]])

    def members(self, schema: Schema) -> dict[str, Schema]:
        """Those that a file may have."""
        found = schema.get("properties", {})
        return {name: self.resolved(inner) for name, inner in found.items() if name not in OWN}

    def items(self, schema: Schema) -> Schema:
        return self.resolved(schema.get("items", {}))

    # --- from the API to files, and back ---------------------------------------------------------

    def written(self, schema: Schema, value: Any) -> Any:
        """As it stands in a file: without what cannot be written, and without what is so by itself. Lists of
        texts are sorted, because their order means nothing."""
        if schema.get("type") == "array":
            found = [self.written(self.items(schema), one) for one in value or []]
            return sorted(found) if all(isinstance(one, str) for one in found) else found
        if "properties" not in schema or _is_nothing(schema, value):
            return value
        given = value or {}
        members = {
            name: self.written(inner, given[name])
            for name, inner in self.members(schema).items()
            if name in given
        }
        return {name: one for name, one in members.items() if one != default(self.members(schema)[name])}

    def sent(self, schema: Schema, value: Any) -> Any:
        """As a PUT sends it: what a file leaves out is said, or it would stay as it is."""
        if schema.get("type") == "array":
            return [self.sent(self.items(schema), one) for one in value or []]
        if "properties" not in schema or _is_nothing(schema, value):
            return value
        given = value or {}
        return {
            name: self.sent(inner, given.get(name, default(inner)))
            for name, inner in self.members(schema).items()
        }

    # --- what is wrong ---------------------------------------------------------------------------

    def problems(self, schema: Schema, value: Any, text: Text, path: Path) -> Iterator[Any]:
        """The problems of a part of a file, with their lines."""
        kind = schema.get("type")
        if value is None:
            return
        if kind and not _is(value, kind):
            yield text.problem(path, f"{_name(path)} has to be {_WORDS[kind]}.")
        elif kind == "array":
            yield from self._of_list(schema, value, text, path)
        elif kind == "object":
            yield from self._of_members(schema, value, text, path)
        elif words := _limits(schema, value):
            yield text.problem(path, f"{_name(path)} {words}")

    def _of_list(self, schema: Schema, value: list[Any], text: Text, path: Path) -> Iterator[Any]:
        if len(value) > schema.get("maxItems", len(value)):
            most = schema["maxItems"]
            yield text.problem(path, f"{_name(path)} may have {most} entries, no more.")
        for number, one in enumerate(value):
            yield from self.problems(self.items(schema), one, text, (*path, number))

    def _of_members(self, schema: Schema, value: dict[str, Any], text: Text, path: Path) -> Iterator[Any]:
        if "properties" not in schema:
            inner = self.resolved(schema.get("additionalProperties") or {})
            for name, one in value.items():
                yield from self.problems(inner, one, text, (*path, name))
            return
        members = self.members(schema)
        for name, one in value.items():
            if name in members:
                yield from self.problems(members[name], one, text, (*path, name))
            else:
                yield text.problem((*path, name), f"There is no member {name} here.{_hint(name, members)}")
        for name in schema.get("required", ()):
            is_empty = value.get(name) in (None, "")
            if is_empty and members.get(name, {}).get("type") == "string":
                yield text.problem(path, f"{name} is missing.")


def _is_nothing(schema: Schema, value: Any) -> bool:
    """Whether there is no such thing, which is not the same as one of which nothing is said."""
    return value is None and bool(schema.get("nullable"))


def default(schema: Schema) -> Any:
    """What a member is where nobody says."""
    if "default" in schema:
        return schema["default"]
    if schema.get("nullable"):
        return None
    kind = schema.get("type", "")
    return [] if kind == "array" else {} if kind == "object" else _EMPTY.get(kind)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, _TYPES[kind])


def _limits(schema: Schema, value: Any) -> str:
    """In words what is wrong with a single value; empty where nothing is."""
    if "enum" in schema and value not in schema["enum"]:
        known = [str(one) for one in schema["enum"] if one]
        return f"is one of: {', '.join(known)}.{_hint(value, known)}"
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        return f"has more than {schema['maxLength']:,} characters."
    if isinstance(value, (int, float)):
        if value > schema.get("maximum", value):
            return f"is at most {schema['maximum']}."
        if value < schema.get("minimum", value):
            return f"is at least {schema['minimum']}."
    return ""


def _hint(name: Any, known: Any) -> str:
    near = difflib.get_close_matches(str(name), [str(one) for one in known], 1)
    return f" Did you mean {near[0]}?" if near else ""


def _name(path: Path) -> str:
    names = [one for one in path if isinstance(one, str)]
    return names[-1] if names else "The file"
