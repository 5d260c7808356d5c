"""The values of tenants: all of them, those of library sets, those of projects, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.resources import numbers
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import Body
from domain import ids
from domain.ids import IdKind
from projects.api.tenants import TenantsView
from projects.models import Project, TenantLink
from projects.tenant_variables import Cell, Sheet, sheet, sheets
from tenants.models import Tenant
from variables.services import tenant_values
from variables.services.tenant_values import Given, ValuesRefused
from variables.templates_api import PropertyValue, template_json, value_in, value_out

MOST = 5000
_ANY = {"type": "object", "additionalProperties": {}}

errors.refuse(ValuesRefused, words=lambda error: [one.message for one in getattr(error, "problems", ())])


class ScopeBody(Body):
    EnvironmentIds = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=500, source="environments", default=list
    )


class ValueBody(Body):
    TemplateId = serializers.CharField(max_length=100, source="template")
    Value = PropertyValue(source="value")
    Scope = ScopeBody(source="scope", required=False)


class ValuesBody(Body):
    Variables = ValueBody(many=True, source="variables", max_length=MOST)  # type: ignore[call-arg]  # of the list


class LibraryPart(Body):
    Variables = serializers.DictField(child=PropertyValue(), source="variables", default=dict)


class ProjectPart(Body):
    Variables = serializers.DictField(
        child=serializers.DictField(child=PropertyValue()), source="variables", default=dict
    )


class TenantVariablesBody(Body):
    """Values by template, of a project by environment and template. What a part does not name, it has not."""

    LibraryVariables = serializers.DictField(child=LibraryPart(), source="libraries", default=dict)
    ProjectVariables = serializers.DictField(child=ProjectPart(), source="projects", default=dict)


class TenantVariablesView(TenantsView):
    tag = "tenants"

    def _sheet(self, ref: str) -> tuple[Tenant, Sheet]:
        tenant = self.object(ref)
        return tenant, sheet(tenant, viewer=self.user)

    @extend_schema(responses=_ANY)
    def everything(self, request: Request, ref: str) -> Response:
        return Response(_everything(*self._sheet(ref)))

    @extend_schema(request=TenantVariablesBody, responses=_ANY)
    def set_everything(self, request: Request, ref: str) -> Response:
        """Replaces the values of the projects and library sets that the body names; others stay."""
        tenant, found = self._sheet(ref)
        self.require(Permission.EDIT_TENANT, tenant)
        data = self.body(TenantVariablesBody)
        wanted = {
            (IdKind.LIBRARY_VARIABLE_SET, part, "", template): value
            for part, body in data["libraries"].items()
            for template, value in body["variables"].items()
        } | {
            (IdKind.PROJECT, part, environment, template): value
            for part, body in data["projects"].items()
            for environment, values in body["variables"].items()
            for template, value in values.items()
        }
        named = {*data["libraries"], *data["projects"]}
        cells = {_path(cell): cell for cell in found.cells() if _owner(cell) in named}
        _refuse_unknown(set(wanted) - set(cells))
        self._give(tenant, [(cell, wanted.get(path, "")) for path, cell in cells.items()])
        return Response(_everything(*self._sheet(ref)))

    @extend_schema(responses=_ANY)
    def common(self, request: Request, ref: str) -> Response:
        return Response(self._listed(*self._sheet(ref), is_common=True))

    @extend_schema(request=ValuesBody, responses=_ANY)
    def set_common(self, request: Request, ref: str) -> Response:
        """Replaces the values for templates of library sets."""
        return self._replace(ref, is_common=True)

    @extend_schema(responses=_ANY)
    def of_projects(self, request: Request, ref: str) -> Response:
        return Response(self._listed(*self._sheet(ref), is_common=False))

    @extend_schema(request=ValuesBody, responses=_ANY)
    def set_of_projects(self, request: Request, ref: str) -> Response:
        """Replaces the values for templates of projects, in the environments of `Scope.EnvironmentIds`."""
        return self._replace(ref, is_common=False)

    def _replace(self, ref: str, *, is_common: bool) -> Response:
        tenant, found = self._sheet(ref)
        self.require(Permission.EDIT_TENANT, tenant)
        cells = {(_template_id(cell), _environment_id(cell)): cell for cell in _of(found.cells(), is_common)}
        wanted = {key: one["value"] for one in self.body(ValuesBody)["variables"] for key in _places(one)}
        _refuse_unknown(set(wanted) - set(cells))
        self._give(tenant, [(cell, wanted.get(key, "")) for key, cell in cells.items()])
        return Response(self._listed(*self._sheet(ref), is_common=is_common))

    def _give(self, tenant: Tenant, values: Iterable[tuple[Cell, str | None]]) -> None:
        given = [
            Given(cell.row, cell.environment, value_in(cell.template.type, value) or "")
            for cell, value in values
            # Only a secret can be kept by saying nothing.
            if value is not None or not cell.is_secret
        ]
        tenant_values.give(tenant, given, user=self.user)

    def _listed(self, tenant: Tenant, found: Sheet, *, is_common: bool) -> dict[str, Any]:
        cells = list(_of(found.cells(), is_common))
        shown: dict[str, Any] = {
            "TenantId": ids.encode(IdKind.TENANT, tenant.pk),
            "Variables": [_value_json(cell, found) for cell in cells if cell.stored],
        }
        if self.query.text("includeMissingVariables").casefold() == "true":
            shown["MissingVariables"] = [_value_json(cell, found) for cell in cells if cell.is_missing]
        return shown

    @extend_schema(responses={"type": "array", "items": _ANY})
    def missing(self, request: Request) -> Response:
        """Tenants that lack a value: of `tenantId`, `projectId` and `environmentId` where they are given.
        `includeDetails` names what they lack."""
        rows = self.visible(Tenant).order_by("name")
        if tenant := self.query.text("tenantId"):
            rows = rows.filter(pk__in=numbers(IdKind.TENANT, [tenant]))
        projects = numbers(IdKind.PROJECT, [self.query.text("projectId")])
        if self.query.text("projectId"):
            rows = rows.filter(pk__in=TenantLink.objects.filter(project__in=projects).values("tenant_id"))
        tenants = list(rows[:MOST])
        details = self.query.text("includeDetails").casefold() == "true"
        answers = []
        for pk, found in sheets(tenants, viewer=self.user).items():
            lacks = [cell for cell in found.missing if self._is_asked_for(cell, found, projects)]
            if lacks:
                answers.append(
                    {
                        "TenantId": ids.encode(IdKind.TENANT, pk),
                        "MissingVariables": [_missing_json(cell) for cell in lacks] if details else [],
                        "Links": {},
                    }
                )
        return Response(answers)

    def _is_asked_for(self, cell: Cell, found: Sheet, projects: list[int]) -> bool:
        environment = self.query.text("environmentId")
        if environment and cell.environment and _environment_id(cell) != environment:
            return False
        if not self.query.text("projectId"):
            return True
        if cell.environment:
            return cell.row.variable_set.owner_id in projects
        names = set(Project.objects.filter(pk__in=projects).values_list("name", flat=True))
        return any(names.intersection(one.projects) for one in found.common if cell in one.cells)


_Path = tuple[IdKind, str, str, str]


def _path(cell: Cell) -> _Path:
    kind = IdKind.PROJECT if cell.environment else IdKind.LIBRARY_VARIABLE_SET
    return kind, _owner(cell), _environment_id(cell), _template_id(cell)


def _owner(cell: Cell) -> str:
    kind = IdKind.PROJECT if cell.environment else IdKind.LIBRARY_VARIABLE_SET
    return ids.encode(kind, cell.row.variable_set.owner_id)


def _template_id(cell: Cell) -> str:
    return ids.encode(IdKind.VARIABLE_TEMPLATE, cell.row.pk)


def _environment_id(cell: Cell) -> str:
    return ids.encode(IdKind.ENVIRONMENT, cell.environment.pk) if cell.environment else ""


def _of(cells: Iterable[Cell], is_common: bool) -> Iterator[Cell]:
    return (cell for cell in cells if (cell.environment is None) is is_common)


def _places(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    environments = one.get("scope", {}).get("environments") or [""]
    return [(one["template"], environment) for environment in environments]


def _refuse_unknown(unknown: set[Any]) -> None:
    if unknown:
        what = ", ".join(part for part in sorted(unknown)[0] if part and part not in set(IdKind))
        raise ValidationError(f"The tenant is not asked for a value of {what[:200]}.")


def _everything(tenant: Tenant, found: Sheet) -> dict[str, Any]:
    own = ids.encode(IdKind.TENANT, tenant.pk)
    return {
        "Id": own,
        "TenantId": own,
        "TenantName": tenant.name,
        "SpaceId": ids.encode(IdKind.SPACE, tenant.space_id),
        "LibraryVariables": {
            (id := ids.encode(IdKind.LIBRARY_VARIABLE_SET, one.library_set.pk)): {
                "LibraryVariableSetId": id,
                "LibraryVariableSetName": one.library_set.name,
                "Templates": [template_json(cell.template) for cell in one.cells],
                "Variables": {_template_id(cell): _shown(cell) for cell in one.cells if cell.stored},
                "Links": {},
            }
            for one in found.common
        },
        "ProjectVariables": {
            (id := ids.encode(IdKind.PROJECT, one.project.pk)): {
                "ProjectId": id,
                "ProjectName": one.project.name,
                "Templates": [template_json(template) for template, _ in one.lines],
                "Variables": {
                    ids.encode(IdKind.ENVIRONMENT, environment.pk): {
                        _template_id(cells[at]): _shown(cells[at])
                        for _, cells in one.lines
                        if cells[at].stored
                    }
                    for at, environment in enumerate(one.environments)
                },
                "Links": {},
            }
            for one in found.projects
        },
        "Links": {"Self": f"/api/{ids.encode(IdKind.SPACE, tenant.space_id)}/tenants/{own}/variables"},
    }


def _shown(cell: Cell) -> Any:
    return value_out(cell.template, cell.stored.value if cell.stored else "")


def _value_json(cell: Cell, found: Sheet) -> dict[str, Any]:
    named = {"Id": ids.encode(IdKind.TENANT_VARIABLE, cell.stored.pk)} if cell.stored else {}
    environments = [_environment_id(cell)] if cell.environment else []
    return {
        **named,
        **_owner_json(cell, found),
        "TemplateId": _template_id(cell),
        "Template": template_json(cell.template),
        "Value": _shown(cell),
        "Scope": {"EnvironmentIds": environments},
    }


def _owner_json(cell: Cell, found: Sheet) -> dict[str, str]:
    owner = cell.row.variable_set.owner_id
    if cell.environment:
        name = next(one.project.name for one in found.projects if one.project.pk == owner)
        return {"ProjectId": _owner(cell), "ProjectName": name}
    return {"LibraryVariableSetId": _owner(cell), "LibraryVariableSetName": cell.template.library}


def _missing_json(cell: Cell) -> dict[str, Any]:
    named = {"VariableTemplateId": _template_id(cell), "VariableTemplateName": cell.template.name}
    if cell.environment:
        return {"ProjectId": _owner(cell), "EnvironmentId": _environment_id(cell), **named, "Links": {}}
    return {"LibraryVariableSetId": _owner(cell), **named, "Links": {}}


def _both(reading: str, writing: str) -> Any:
    return TenantVariablesView.as_view({"get": reading, "put": writing})


ROUTES = [
    path("tenants/variables-missing", TenantVariablesView.as_view({"get": "missing"})),
    path("tenants/<str:ref>/variables", _both("everything", "set_everything")),
    path("tenants/<str:ref>/commonvariables", _both("common", "set_common")),
    path("tenants/<str:ref>/projectvariables", _both("of_projects", "set_of_projects")),
]
