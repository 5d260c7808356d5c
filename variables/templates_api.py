"""What tenants are asked for, as it travels within a project or a library set, and values as they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.api import errors
from common.api.serializers import Body, Text
from domain import ids
from domain.ids import IdKind
from domain.prompts import Control, Prompt
from domain.tenant_values import Template, type_of
from domain.variables import VariableType
from variables.api import CONTROL_TYPE, SELECT_OPTIONS, control_settings
from variables.models import VariableSet
from variables.services.templates import TemplateRefused, Wanted, as_template

LONGEST = 100_000

errors.refuse(TemplateRefused, words=lambda error: [f"Templates: {error}"])


class PropertyValue(serializers.JSONField):
    """A text, or of a secret `{"HasValue": true, "NewValue": "…"}`. Internally the text; None keeps what is
    stored."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "allow_null": True, "default": "", **kwargs})

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            found = {str(name).casefold(): value for name, value in data.items()}
            data = found.get("newvalue")
            if data is None:
                return None if found.get("hasvalue") else ""
        if not isinstance(data, str):
            raise ValidationError("This is neither a text nor an object with NewValue.")
        if len(data) > LONGEST or "\0" in data:
            raise ValidationError(f"A value is a text of at most {LONGEST:,} characters.")
        return data


class TemplateBody(Body):
    """`DisplaySettings` as those of a prompt. A secret's `DefaultValue` is read as `{"HasValue": …}`."""

    Id = serializers.CharField(required=False, allow_blank=True, max_length=100, source="template_id")
    Name = Text(source="name", required=True, allow_blank=False, max_length=200)
    Label = Text(source="label", max_length=200)
    HelpText = Text(source="help", max_length=2000)
    DefaultValue = PropertyValue(source="default")
    DisplaySettings = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=20_000, trim_whitespace=False),
        source="settings",
        required=False,
        default=dict,
    )

    def validate_DisplaySettings(self, value: dict[str, str]) -> dict[str, str]:  # noqa: N802  # DRF's name
        return control_settings(value)


@extend_schema_field(TemplateBody(many=True))
class TemplatesField(serializers.Field[Any, Any, Any, Any]):
    """The templates of a row that has a variable set, by its kind and number."""

    def __init__(self, owner_kind: str) -> None:
        self.owner_kind = owner_kind
        super().__init__(source="template_rows", required=False)

    def get_attribute(self, instance: Any) -> Any:
        return instance

    def to_representation(self, value: Any) -> list[dict[str, Any]]:
        return [template_json(as_template(row)) for row in self._known().get(value.pk, ())]

    def _known(self) -> dict[int, list[Any]]:
        """Looked up once for all rows of a list."""
        context: dict[str, Any] = self.context  # type: ignore[assignment]  # DRF gives the dict itself
        if "templates" not in context:
            shown: Any = self.root.instance
            rows = [shown] if hasattr(shown, "pk") else list(shown or ())
            context["templates"] = _rows(self.owner_kind, [row.pk for row in rows])
        known: dict[int, list[Any]] = context["templates"]
        return known

    def to_internal_value(self, data: Any) -> list[Wanted]:
        bodies: Any = serializers.ListSerializer(child=TemplateBody(), max_length=500)
        return [_wanted(one) for one in bodies.run_validation(data)]


def _rows(owner_kind: str, owners: Sequence[int]) -> dict[int, list[Any]]:
    """The templates of these owners, in two looks."""
    found: dict[int, list[Any]] = {pk: [] for pk in owners}
    sets = VariableSet.objects.filter(owner_kind=owner_kind, owner_id__in=owners)
    for variable_set in sets.prefetch_related("templates"):
        found[variable_set.owner_id] = list(variable_set.templates.all())
    return found


def _wanted(data: Mapping[str, Any]) -> Wanted:
    text = data.get("template_id", "")
    settings = data["settings"]
    control = Control(settings.get(CONTROL_TYPE) or Control.SINGLE_LINE)
    return Wanted(
        id=ids.decode(IdKind.VARIABLE_TEMPLATE, text) if ids.is_id(IdKind.VARIABLE_TEMPLATE, text) else None,
        name=data["name"],
        ask=Prompt(
            label=data["label"],
            help=data["help"],
            required=True,
            control=control,
            options=settings.get(SELECT_OPTIONS, ""),
        ),
        default=_default(type_of(control), data["default"]),
    )


def _default(type: VariableType, value: str | None) -> str | None:
    """Only a secret can be kept by saying nothing."""
    return value_in(type, value if type is VariableType.SENSITIVE else value or "")


def template_json(template: Template) -> dict[str, Any]:
    ask = template.ask
    options = {SELECT_OPTIONS: ask.options} if ask.options else {}
    return {
        "Id": ids.encode(IdKind.VARIABLE_TEMPLATE, int(template.id)),
        "Name": template.name,
        "Label": ask.label,
        "HelpText": ask.help,
        "DefaultValue": value_out(template, template.default),
        "DisplaySettings": {CONTROL_TYPE: ask.control.value, **options},
        "Links": {},
    }


def value_out(template: Template, stored: str) -> Any:
    """A stored value as it may be read; null where there is none."""
    if template.type is VariableType.SENSITIVE:
        return {"HasValue": bool(stored), "NewValue": None, "Hint": None}
    if template.type is VariableType.WORKER_POOL and stored.isdigit():
        return ids.encode(IdKind.WORKER_POOL, int(stored))
    return stored or None


def value_in(type: VariableType, value: str | None) -> str | None:
    """What `PropertyValue` gave, with a pool by its number."""
    if value and type is VariableType.WORKER_POOL and ids.is_id(IdKind.WORKER_POOL, value):
        return str(ids.decode(IdKind.WORKER_POOL, value))
    return value
