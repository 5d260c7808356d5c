"""Variable sets as they travel. What owns a set stands higher and says so with `owned_by`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.urls import path
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.views import ApiView
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import Body, Text
from domain import ids
from domain.accounts import ACCOUNT_KINDS
from domain.answers import for_type
from domain.ids import IdKind
from domain.prompts import Control, Prompt
from domain.scopes import DEPLOYMENT_PROCESS, Kind, Scope
from domain.variables import VariableType
from variables import selectors
from variables.models import OwnerKind, Variable, VariableSet
from variables.scope_sources import ScopeOption
from variables.services import variable_sets
from variables.services.prompts import prompt_of
from variables.services.variable_sets import Row, RowsRefused, StaleVariables, TiedValues

MOST_VARIABLES = 5000
#: What a set can belong to, by the kind of id that its own id names.
OWNERS: dict[str, IdKind] = {
    OwnerKind.PROJECT.value: IdKind.PROJECT,
    OwnerKind.LIBRARY.value: IdKind.LIBRARY_VARIABLE_SET,
}
#: Kinds of a scope whose ids have a prefix on the wire and none here.
PREFIXES = {
    Kind.ENVIRONMENT: IdKind.ENVIRONMENT,
    Kind.MACHINE: IdKind.MACHINE,
    Kind.CHANNEL: IdKind.CHANNEL,
    Kind.TENANT: IdKind.TENANT,
    Kind.ACTION: IdKind.ACTION,
}
#: What the value of a type names.
REFERENCES = {
    VariableType.WORKER_POOL.value: IdKind.WORKER_POOL,
    VariableType.CERTIFICATE.value: IdKind.CERTIFICATE,
    **{kind.type.value: IdKind.ACCOUNT for kind in ACCOUNT_KINDS.values()},
}

CONTROL_TYPE, SELECT_OPTIONS = "Octopus.ControlType", "Octopus.SelectOptions"

errors.refuse(
    StaleVariables, code=409, words=lambda error: [f"{error} Read them again and send their new Version."]
)
errors.refuse(RowsRefused, words=lambda error: list(_row_problems(error)))
errors.refuse(TiedValues, words=lambda error: list(_ties(error)))


def _row_problems(error: Exception) -> Iterator[str]:
    for problem in error.problems if isinstance(error, RowsRefused) else ():
        yield f"Variables[{problem.index}].{problem.field.capitalize()}: {problem.message}"


def _ties(error: Exception) -> Iterator[str]:
    for first, second, tie in error.pairs if isinstance(error, TiedValues) else ():
        yield (
            f"Variables[{first}] and Variables[{second}]: two values of {tie.name} are equally specific "
            "where both apply. Narrow the scope of one."
        )


class PromptBody(Body):
    """What is asked when a run starts. `DisplaySettings` may hold `Octopus.ControlType` (SingleLineText,
    MultiLineText, Checkbox, Select, Sensitive, WorkerPool) and
    `Octopus.SelectOptions`, lines of `value|label`."""

    Label = Text(source="label", max_length=200)
    Description = Text(source="help", max_length=2000)
    Required = serializers.BooleanField(source="required", default=False)
    DisplaySettings = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=20_000, trim_whitespace=False),
        source="settings",
        required=False,
        default=dict,
    )

    def validate_DisplaySettings(self, value: dict[str, str]) -> dict[str, str]:  # noqa: N802  # DRF's name
        return control_settings(value)


def control_settings(value: dict[str, str]) -> dict[str, str]:
    """The settings, if they name a control that there is. Raises ValidationError."""
    control = value.get(CONTROL_TYPE) or Control.SINGLE_LINE
    if control not in set(Control):
        raise ValidationError(f"There is no {CONTROL_TYPE} {control[:40]}. There are: {', '.join(Control)}.")
    return value


@extend_schema_field({"type": "string", "enum": ["", *(one.value for one in VariableType)], "default": ""})
class TypeField(serializers.CharField):
    """A type in any case; empty means what `IsSensitive` says."""


class VariableBody(Body):
    Id = serializers.CharField(required=False, allow_blank=True, max_length=100, source="variable_id")
    Name = Text(source="name", required=True, max_length=200)
    Value = serializers.CharField(
        source="value",
        required=False,
        allow_null=True,
        allow_blank=True,
        trim_whitespace=False,
        max_length=1_000_000,
        default=None,
    )
    Description = Text(source="description")
    Type = TypeField(source="type", required=False, allow_blank=True, max_length=60, default="")
    IsSensitive = serializers.BooleanField(source="is_sensitive", default=False)
    Prompt = PromptBody(source="prompt", required=False, allow_null=True, default=None)
    Scope = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=300), max_length=1000),
        source="scope",
        required=False,
        default=dict,
    )

    def validate_Type(self, value: str) -> str:  # noqa: N802  # DRF's name for a field's check
        names = {one.value.casefold(): one.value for one in VariableType}
        if value and value.casefold() not in names:
            raise ValidationError(
                f"Octoworkers has no variables of this type. It has: {', '.join(names.values())}."
            )
        return names.get(value.casefold(), "")


class VariableSetBody(Body):
    Version = serializers.IntegerField(source="version", min_value=0, max_value=2**31 - 1)
    Variables = VariableBody(many=True, source="variables", max_length=MOST_VARIABLES)  # type: ignore[call-arg]  # of the list


EXAMPLE = OpenApiExample(
    "A worker pool for an environment, and a secret",
    {
        "Version": 1,
        "Variables": [
            {
                "Name": "Project.WorkerPool",
                "Type": "WorkerPool",
                "Value": "WorkerPools-2",
                "Scope": {"Environment": ["Environments-1"]},
            },
            {"Name": "Database.Password", "Type": "Sensitive", "Value": "correct horse battery"},
        ],
    },
    request_only=True,
)


def set_id(variable_set: VariableSet) -> str:
    """For example variableset-Projects-1."""
    return ids.derived(ids.VARIABLE_SET, OWNERS[variable_set.owner_kind], variable_set.owner_id)


def owned(rows: QuerySet[Any], ref: str) -> VariableSet:
    """The set of this id among `rows`. A 404 where there is none."""
    for owner_kind, kind in OWNERS.items():
        try:
            number = ids.underived(ids.VARIABLE_SET, kind, ref)
        except ids.BadId:
            continue
        found: VariableSet | None = rows.filter(owner_kind=owner_kind, owner_id=number).first()
        if found:
            return found
    raise Http404(f"The variable set {ref[:80]!r} was not found.")


def to_json(variable_set: VariableSet) -> dict[str, Any]:
    """As it is read; sensitive values are null."""
    rows = variable_set.variables.prefetch_related("scope_values")
    own, space = set_id(variable_set), ids.encode(IdKind.SPACE, variable_set.space_id)
    return {
        "Id": own,
        "SpaceId": space,
        "OwnerId": own.partition("-")[2],
        "Version": variable_set.version,
        "Variables": [_variable(row, variable_set) for row in rows],
        "ScopeValues": _scope_values(selectors.scope_options(variable_set), variable_set),
        "Links": {"Self": f"/api/{space}/variables/{own}"},
    }


def _variable(row: Variable, variable_set: VariableSet) -> dict[str, Any]:
    is_sensitive = row.type == VariableType.SENSITIVE
    return {
        "Id": ids.encode(IdKind.VARIABLE, row.pk),
        "Name": row.name,
        "Value": None if is_sensitive else _value_out(row.type, row.value),
        "Description": row.description,
        "Type": row.type,
        "Scope": {
            kind.value: [_scope_out(kind, one, variable_set) for one in sorted(found)]
            for kind, found in selectors.scope_of(row).items()
        },
        "IsEditable": True,
        "IsSensitive": is_sensitive,
        "Prompt": _prompt_out(prompt_of(row.prompt)),
    }


def _prompt_out(prompt: Prompt | None) -> dict[str, Any] | None:
    if prompt is None:
        return None
    options = {SELECT_OPTIONS: prompt.options} if prompt.options else {}
    return {
        "Label": prompt.label,
        "Description": prompt.help,
        "Required": prompt.required,
        "DisplaySettings": {CONTROL_TYPE: prompt.control.value, **options},
    }


def _prompt_in(data: Mapping[str, Any] | None, type: VariableType) -> Prompt | None:
    if not data:
        return None
    settings = data["settings"]
    prompt = Prompt(
        label=data["label"],
        help=data["help"],
        required=data["required"],
        control=Control(settings.get(CONTROL_TYPE) or Control.SINGLE_LINE),
        options=settings.get(SELECT_OPTIONS, ""),
    )
    return for_type(prompt, type)


def _value_out(type: str, value: str) -> str:
    kind = REFERENCES.get(type)
    return ids.encode(kind, int(value)) if kind and value.isdigit() else value


def _value_in(type: str, value: str | None) -> str | None:
    kind = REFERENCES.get(type)
    if kind is None or value is None:
        return value
    return str(ids.decode(kind, value)) if ids.is_id(kind, value) else value


def _scope_out(kind: Kind, one: str, variable_set: VariableSet) -> str:
    if kind in PREFIXES:
        return ids.encode(PREFIXES[kind], int(one)) if one.isdigit() else one
    if kind is Kind.PROCESS and one == DEPLOYMENT_PROCESS:
        return ids.encode(IdKind.PROJECT, variable_set.owner_id)
    if kind is Kind.PROCESS:
        return ids.encode(IdKind.RUNBOOK, int(one.partition(":")[2]))
    return one


def _scope_in(kind: Kind, one: str, variable_set: VariableSet) -> str:
    """What cannot be read stays as it is, and is then refused as something that is not there."""
    prefix = PREFIXES.get(kind)
    if prefix is not None:
        return str(ids.decode(prefix, one)) if ids.is_id(prefix, one) else f"?{one}"
    if kind is not Kind.PROCESS:
        return one
    if ids.is_id(IdKind.RUNBOOK, one):
        return f"runbook:{ids.decode(IdKind.RUNBOOK, one)}"
    own = ids.encode(IdKind.PROJECT, variable_set.owner_id)
    return DEPLOYMENT_PROCESS if one.casefold() == own.casefold() else f"?{one}"


def _scope_values(
    options: Sequence[ScopeOption], variable_set: VariableSet
) -> dict[str, list[dict[str, str]]]:
    words = {
        Kind.ENVIRONMENT: "Environments",
        Kind.ACTION: "Actions",
        Kind.TENANT_TAG: "TenantTags",
        Kind.TENANT: "Tenants",
        Kind.CHANNEL: "Channels",
        Kind.MACHINE: "Machines",
        Kind.ROLE: "Roles",
    }
    found: dict[str, list[dict[str, str]]] = {word: [] for word in [*words.values(), "Processes"]}
    for option in options:
        entry = {"Id": _scope_out(option.kind, option.id, variable_set), "Name": option.label}
        if option.kind is Kind.PROCESS:
            kind = "Deployment" if option.id == DEPLOYMENT_PROCESS else "Runbook"
            found["Processes"].append({**entry, "ProcessType": kind})
        else:
            found[words[option.kind]].append(entry)
    return found


def save(variable_set: VariableSet, data: Mapping[str, Any], *, user: Any) -> VariableSet:
    """Stores a checked `VariableSetBody`."""
    rows = rows_of(variable_set, data["variables"])
    return variable_sets.save(variable_set=variable_set, version=data["version"], rows=rows, user=user)


def rows_of(variable_set: VariableSet, bodies: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Checked `VariableBody`s as rows of the set."""
    known = set(variable_set.variables.values_list("pk", flat=True))
    return [_row(one, variable_set, known) for one in bodies]


def _row(data: Mapping[str, Any], variable_set: VariableSet, known: set[int]) -> Row:
    type = data["type"] or (VariableType.SENSITIVE if data["is_sensitive"] else VariableType.STRING).value
    value = _value_in(type, data["value"])
    text = data.get("variable_id", "")
    number = ids.decode(IdKind.VARIABLE, text) if ids.is_id(IdKind.VARIABLE, text) else None
    # An id of another set, as exports have it, makes a new value.
    id = number if number in known else None
    if value is None and type != VariableType.SENSITIVE:
        value = ""
    return Row(
        name=data["name"],
        value=value,
        type=VariableType(type),
        scope=_scope(data["scope"], variable_set),
        id=id,
        description=data["description"],
        prompt=_prompt_in(data["prompt"], VariableType(type)),
    )


def _scope(data: Mapping[str, list[str]], variable_set: VariableSet) -> Scope:
    kinds = {kind.value.casefold(): kind for kind in Kind}
    unknown = [name for name in data if name.casefold() not in kinds]
    if unknown:
        raise ValidationError({"Scope": f"There is no scope of the kind {unknown[0][:40]}."})
    return Scope.of(
        {
            kinds[name.casefold()]: [_scope_in(kinds[name.casefold()], one, variable_set) for one in found]
            for name, found in data.items()
        }
    )


_ENTRIES = {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}}
SET_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "Id": {"type": "string"},
        "SpaceId": {"type": "string"},
        "OwnerId": {"type": "string"},
        "Version": {"type": "integer"},
        "Variables": {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
        "ScopeValues": {"type": "object", "additionalProperties": _ENTRIES},
        "Links": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["Id", "OwnerId", "Version", "Variables", "ScopeValues", "Links"],
}


class VariableSetsView(ViewSetMixin, ApiView):
    def rows(self) -> QuerySet[Any]:
        rows = VariableSet.objects.visible_to(self.user).filter(owner_kind__in=OWNERS)
        return rows.filter(space=self.space) if self.names_space else rows

    @extend_schema(responses=SET_SCHEMA)
    def all(self, request: Request) -> Response:
        """Those that `ids` names, and no others: a set is long."""
        found = []
        for ref in self.query.words("ids")[:100]:
            try:
                found.append(to_json(owned(self.rows(), ref)))
            except Http404:
                continue
        return Response(found)

    @extend_schema(responses=SET_SCHEMA)
    def retrieve(self, request: Request, ref: str) -> Response:
        return Response(to_json(owned(self.rows(), ref)))

    @extend_schema(request=VariableSetBody, responses=SET_SCHEMA, examples=[EXAMPLE])
    def update(self, request: Request, ref: str) -> Response:
        """Replaces all variables. `Version` must be that of the set as it is; a sensitive value that is null
        stays what it is."""
        found = owned(self.rows(), ref)
        self.space = found.space
        return self.saved(found)

    def saved(self, variable_set: VariableSet) -> Response:
        self.require(Permission.EDIT_PROJECT, variable_set)
        save(variable_set, self.body(VariableSetBody), user=self.user)
        return Response(to_json(variable_set))


ROUTES = [
    path("variables/all", VariableSetsView.as_view({"get": "all"})),
    path("variables/<str:ref>", VariableSetsView.as_view({"get": "retrieve", "put": "update"})),
]
