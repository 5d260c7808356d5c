"""The API's own description: as OpenAPI for programs, and as rows for the page that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.views import ApiView

METHODS = ("get", "post", "put", "delete")
#: How deep the fields of a body are shown.
DEEP = 3


@lru_cache(maxsize=1)
def openapi() -> dict[str, Any]:
    """It changes with the code alone."""
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call,no-any-return]


@extend_schema(exclude=True)
class OpenApiView(ApiView):
    def get(self, request: Request) -> Response:
        return Response(openapi())


@dataclass(frozen=True)
class Field:
    """A member of a body; `depth` is how far it stands inside of others."""

    name: str
    type: str
    note: str
    depth: int
    is_required: bool = False

    @property
    def indent(self) -> str:
        return "\u2003" * self.depth


@dataclass(frozen=True)
class Answer:
    code: str
    text: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    text: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[Answer, ...]


def operations(tag: str) -> list[Operation]:
    """Those of a tag, in the order of their paths."""
    return [
        _operation(path, method, found)
        for path, item in openapi()["paths"].items()
        for method, found in item.items()
        if method in METHODS and tag in found.get("tags", ())
    ]


def tags() -> list[str]:
    found = {
        tag
        for item in openapi()["paths"].values()
        for method, operation in item.items()
        if method in METHODS
        for tag in operation.get("tags", ())
    }
    return sorted(found, key=str.casefold)


def _operation(path: str, method: str, found: Mapping[str, Any]) -> Operation:
    return Operation(
        id=found["operationId"],
        method=method.upper(),
        path=path,
        text=found.get("description", ""),
        parameters=tuple(_parameter(one) for one in found.get("parameters", ())),
        body=tuple(_fields(_schema(found.get("requestBody", {})))),
        answers=tuple(
            Answer(code, one.get("description", ""), tuple(_fields(_schema(one))) if code < "300" else ())
            for code, one in found["responses"].items()
        ),
    )


def _parameter(found: Mapping[str, Any]) -> Field:
    place = "in the path" if found["in"] == "path" else ""
    note = ". ".join(part for part in (place, found.get("description", "")) if part)
    return Field(found["name"], _type(found["schema"]), note, 0, found.get("required", False))


def _schema(found: Mapping[str, Any]) -> Mapping[str, Any]:
    media: Mapping[str, Any] = next(iter(found.get("content", {}).values()), {})
    schema: Mapping[str, Any] = media.get("schema", {})
    return schema


def _fields(schema: Mapping[str, Any], depth: int = 0) -> Iterator[Field]:
    schema = _resolved(schema)
    if schema.get("type") == "array":
        schema = _resolved(schema.get("items", {}))
    if depth >= DEEP:
        return
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        resolved = _resolved(inner)
        yield Field(name, _type(resolved), resolved.get("description", ""), depth, name in required)
        yield from _fields(resolved, depth + 1)


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    for part in schema.get("allOf", ()):
        schema = {**_resolved(part), **{name: value for name, value in schema.items() if name != "allOf"}}
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: Mapping[str, Any] = openapi()["components"]["schemas"][name]
    return _resolved(found)


def _type(schema: Mapping[str, Any]) -> str:
    schema = _resolved(schema)
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"] if one is not None)
    if schema.get("type") == "array":
        return f"array of {_type(schema.get('items', {}))}"
    text = schema.get("format") or schema.get("type", "any")
    return f"{text} or null" if schema.get("nullable") else str(text)
