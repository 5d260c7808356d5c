"""How the views become OpenAPI: collections, errors and the fields of `common.api`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

from common.api import collections
from common.api.serializers import Always, Computed, IdField, LinksField, Ref

ERROR = {
    "type": "object",
    "properties": {
        "ErrorMessage": {"type": "string"},
        "Errors": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["ErrorMessage", "Errors"],
    "example": {
        "ErrorMessage": "There was a problem with your request.",
        "Errors": ["Name: This name is taken in this space. Choose another one."],
    },
}
ERRORS = {
    "400": "The request does not make sense; `Errors` say why.",
    "401": "No API key, or one that is not valid.",
    "403": "You may not do this.",
    "404": "There is no such resource, or you may not see it.",
    "409": "It has changed since you read it, is in use, or its state does not allow this.",
    "429": "Too many requests with this key; `Retry-After` says how many seconds to wait.",
}
RATE_HEADERS = {
    name: {"description": text, "schema": {"type": "integer"}}
    for name, text in {
        "RateLimit-Limit": "Requests that a key has per minute.",
        "RateLimit-Remaining": "How many of them are left.",
        "RateLimit-Reset": "Seconds until they are all there again.",
    }.items()
}


def _parameter(name: str, text: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": text,
        "schema": {"type": "string", **schema},
    }


PAGE = [
    _parameter("skip", "Rows to leave out.", type="integer", minimum=0),
    _parameter("take", "Rows of a page.", type="integer", minimum=0),
]
NARROW = [
    _parameter("ids", "Ids, joined by commas; unknown ones are left out."),
    _parameter("partialName", "A part of the name, in any case."),
    _parameter("name", "The name, in any case."),
]


#: What the actions of every resource do.
TEXTS = {
    "list": "Those of the space, page by page.",
    "all": "All of them, as a bare array.",
    "retrieve": "One, by its id; by its slug or name where it has one.",
    "create": "Makes one, and answers with it.",
    "update": "Changes what the body names.",
    "destroy": "Deletes it, or answers 409 with what uses it.",
}
HOOKS = {"create": "make", "update": "change"}


def _own_words(function: Any) -> str:
    """A docstring, unless it is that of the base class."""
    if function is None or function.__qualname__.startswith(("ResourceView.", "GenericAPIView.")):
        return ""
    return inspect.cleandoc(function.__doc__ or "")


class _Collection:
    """Stands where drf-spectacular looks for a paginator."""

    def __init__(self, item_type: str) -> None:
        self.item_type = item_type

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return collections.schema(schema["items"], self.item_type)


class ApiSchema(AutoSchema):
    """Actions named `list` and those in `paged` answer with a collection, `all` and those in `arrays` with an
    array."""

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self._is_paged() or self._action() in {"all", *getattr(self.view, "arrays", ())}

    def _is_paged(self) -> bool:
        return self._action() in {"list", *getattr(self.view, "paged", ())}

    def _action(self) -> str:
        return getattr(self.view, "action", "") or ""

    def _get_paginator(self) -> Any:
        return _Collection(self._item_type()) if self._is_paged() else None

    def _item_type(self) -> str:
        types: Mapping[str, str] = getattr(self.view, "item_types", {})
        return types.get(self._action(), getattr(self.view, "item_type", "Item"))

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Collection"

    def _get_parameters(self) -> list[Any]:
        found = super()._get_parameters()
        if self.method == "GET" and self._is_paged():
            found += PAGE
        if self.method == "GET" and self._action() in {"list", "all"}:
            found += NARROW
            found += [_parameter(name, text) for name, text in getattr(self.view, "filters", {}).items()]
        return found

    def get_description(self) -> str:  # type: ignore[override]  # it is never a lazy one
        """The docstring of the action where it has one of its own; those of classes are for developers."""
        name = self._action() or self.method.lower()
        hook = getattr(self.view, HOOKS.get(name, ""), None)
        own = _own_words(getattr(self.view, name, None)), _own_words(hook)
        return " ".join(part for part in (own[0] or TEXTS.get(name, ""), own[1]) if part)

    def get_tags(self) -> list[str]:
        word = self.path.removeprefix("/api").strip("/").split("/")[0]
        return [getattr(self.view, "tag", "") or word or "server"]

    def get_operation_id(self) -> str:
        words = [word.strip("{}") for word in self.path.removeprefix("/api").strip("/").split("/")]
        name = "_".join(word.replace("-", "_").replace(".", "_") for word in words if word) or "root"
        return f"{name}_{self.method.lower()}"

    def _get_pagination_parameters(self) -> list[Any]:
        # They are the same for all, see PAGE.
        return []

    def _own_bodies(self, direction: Any) -> dict[str, Any]:
        """A response may be a plain piece of OpenAPI, which stands for a 200."""
        wanted = self.get_response_serializers()
        if isinstance(wanted, dict) and ("type" in wanted or "$ref" in wanted):
            return {"200": self._get_response_for_code(wanted, "200", direction=direction)}
        return cast(dict[str, Any], super()._get_response_bodies(direction))

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found = self._own_bodies(direction)
        if self.method == "DELETE" and "204" in found:
            found = {"200": {"description": "Deleted."}}
        if self._is_create_operation() and "200" not in found and "201" not in found:
            found = {"201": next(iter(found.values()))}
        for answer in found.values():
            answer["headers"] = RATE_HEADERS
        return found | {code: _error(text) for code, text in self._errors().items()}

    def _errors(self) -> dict[str, str]:
        return {code: text for code, text in ERRORS.items() if code != "409" or self.method != "GET"}

    def get_auth(self) -> list[Any]:
        return [{"ApiKey": []}, {"Bearer": []}, {"Session": []}]


def _error(text: str) -> dict[str, Any]:
    return {
        "description": text,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


class _Field(OpenApiSerializerFieldExtension):
    match_subclasses = True


class IdSchema(_Field):
    target_class = IdField

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "string", "example": f"{self.target.kind.value}-1"}


class RefSchema(_Field):
    target_class = Ref

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        prefix = self.target.kind.value
        return {"type": "string", "example": f"{prefix}-1", "x-references": prefix}


class LinksSchema(_Field):
    target_class = LinksField

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {"type": "string"}}


class ComputedSchema(_Field):
    target_class = Computed

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return dict(self.target.schema)


class AlwaysSchema(_Field):
    target_class = Always

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return _type_of(self.target.value)


def _type_of(value: Any) -> dict[str, Any]:
    if value is None:
        return {"type": "string", "nullable": True}
    if isinstance(value, (list, tuple)):
        return {"type": "array", "items": {}}
    if isinstance(value, Mapping):
        return {"type": "object", "additionalProperties": {}}
    names = {bool: "boolean", int: "integer", str: "string"}
    return {"type": names[type(value)]}


class _KeyScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.api.authentication.ApiKeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return SECURITY["ApiKey"]


SECURITY: dict[str, dict[str, Any]] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Octopus-ApiKey"},
    "Bearer": {"type": "http", "scheme": "bearer", "description": "An API key as a bearer token."},
    "Session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "octoworkers_session",
        "description": "The session of the pages; what acts needs the header X-CSRFToken.",
    },
}


def only_ours(endpoints: list[Any]) -> list[Any]:
    """Leaves out what is for agents, and OpenAPI itself."""
    return [one for one in endpoints if not one[0].startswith(("/api/agents/", "/api/openapi", "/api/docs"))]


def finish(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Error"] = ERROR
    components["securitySchemes"] = SECURITY
    return result
