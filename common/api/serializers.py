"""Resources as they travel: PascalCase answers, requests in any case, ids with their kind, links."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import models
from rest_framework import serializers

from domain import ids
from domain.ids import IdKind


class Body(serializers.Serializer[Any]):
    """A request body or a part of one: names in any case, unknown members ignored, null as not given."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            data = self._spelled(data)
        return super().to_internal_value(data)

    def _spelled(self, data: Mapping[Any, Any]) -> dict[str, Any]:
        fields = {name.casefold(): field for name, field in self.fields.items()}
        found: dict[str, Any] = {}
        for name, value in data.items():
            field = fields.get(str(name).casefold())
            if field is None or not field.field_name:
                continue
            if value is None and not field.allow_null:
                if not (isinstance(field, serializers.CharField) and field.allow_blank):
                    continue
                value = ""
            found[field.field_name] = value
        return found


class Resource(Body):
    """Something with an id. Subclasses say its `kind` and may add to `links`."""

    kind: IdKind

    def links(self, row: Any) -> dict[str, str]:
        """Relations by name; all of them paths without variables, unless the name is a template's."""
        return {"Self": self.address(row)}

    def address(self, row: Any) -> str:
        raise NotImplementedError(f"{type(self).__name__} has no address.")


class Text(serializers.CharField):
    """A text that may be empty, with its spaces as they are."""

    def __init__(self, **kwargs: Any) -> None:
        if not kwargs.get("read_only"):
            kwargs.setdefault("required", False)
            if not kwargs["required"]:
                kwargs.setdefault("default", "")
        super().__init__(**{"allow_blank": True, "trim_whitespace": False, "max_length": 20_000, **kwargs})


class Moment(serializers.DateTimeField):
    """RFC 3339 with milliseconds and offset; null where there is none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"allow_null": True, **kwargs})

    def to_representation(self, value: Any) -> Any:
        return moment(value)


def moment(value: datetime | None) -> str | None:
    """For example 2026-01-02T03:04:05.678+00:00."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds") if value else None


class IdField(serializers.Field[Any, Any, Any, Any]):
    """An id that is read, from a number of the row."""

    def __init__(self, kind: IdKind, **kwargs: Any) -> None:
        self.kind = kind
        super().__init__(**{"read_only": True, **kwargs})

    def to_representation(self, value: Any) -> str:
        return ids.encode(self.kind, value)


class Ref(serializers.Field[Any, Any, Any, Any]):
    """A row of the space that is named by its id, and where it has one by its slug or name. Internally it
    is the row; `visible` gives those that this request may name."""

    default_error_messages = {"unknown": "There is no {what} {value} in this space."}

    def __init__(self, kind: IdKind, model: type[models.Model], **kwargs: Any) -> None:
        self.kind, self.model = kind, model
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        text = str(data).strip()
        if not text and self.allow_null:
            return None
        row = find(self.context["visible"](self.model), self.kind, text)
        if row is None:
            self.fail("unknown", what=self.model._meta.verbose_name, value=text[:80])
        return row

    def to_representation(self, value: Any) -> str:
        return ids.encode(self.kind, value.pk if isinstance(value, models.Model) else value)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # An empty text is how clients say null.
        if data == "" and self.allow_null:
            data = None
        return super().run_validation(data)


class Refs(serializers.ListField):
    """A list of ids, each row once."""

    def __init__(self, kind: IdKind, model: type[models.Model], **kwargs: Any) -> None:
        super().__init__(child=Ref(kind, model), **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        return list(dict.fromkeys(super().to_internal_value(data)))

    def to_representation(self, data: Any) -> list[str]:
        rows = data.all() if hasattr(data, "all") else data
        return super().to_representation(rows)


class LinksField(serializers.Field[Any, Any, Any, Any]):
    """What `Resource.links` says."""

    def __init__(self) -> None:
        super().__init__(read_only=True, source="*")

    def to_representation(self, value: Any) -> dict[str, str]:
        parent: Any = self.parent
        return parent.links(value)  # type: ignore[no-any-return]


class Always(serializers.Field[Any, Any, Any, Any]):
    """A value that clients look for and that never varies here."""

    def __init__(self, value: Any) -> None:
        self.value = value
        super().__init__(read_only=True, source="*")

    def to_representation(self, value: Any) -> Any:
        return self.value


class Computed(serializers.Field[Any, Any, Any, Any]):
    """A value that a function makes of the row; `schema` describes it in OpenAPI."""

    def __init__(self, make: Callable[[Any], Any], schema: Mapping[str, Any]) -> None:
        self.make, self.schema = make, dict(schema)
        super().__init__(read_only=True, source="*")

    def to_representation(self, value: Any) -> Any:
        return self.make(value)


STRING = {"type": "string"}
STRING_OR_NULL = {"type": "string", "nullable": True}
STRINGS = {"type": "array", "items": STRING}
INTEGER = {"type": "integer"}
BOOLEAN = {"type": "boolean"}
MOMENT = {"type": "string", "format": "date-time", "nullable": True}
ANY_OBJECT: dict[str, Any] = {"type": "object", "additionalProperties": {}}


def find(rows: models.QuerySet[Any], kind: IdKind, text: str) -> Any:
    """The row by id, slug or name, ignoring case; None where there is none."""
    if ids.is_id(kind, text):
        return rows.filter(pk=ids.decode(kind, text)).first()
    names = {field.name for field in rows.model._meta.get_fields()} & {"slug", "name"}
    for name in sorted(names, reverse=True):
        if found := rows.filter(**{f"{name}__iexact": text}).first():
            return found
    return None
