"""The routing matrix of a worker-pool variable: which pool each environment and tenant tag gets."""

from __future__ import annotations

from typing import Any

from django.urls import path
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.views import ApiView
from common.api.serializers import STRING, Body, Text
from domain import ids
from domain.ids import IdKind
from domain.routing import Cell, Deviation, Matrix, Route
from domain.scopes import DEPLOYMENT_PROCESS, Context, Kind
from domain.variables import Candidate
from projects import routing
from projects.api.projects import InProject, variable_set_of
from projects.models import Project
from tasks.api.plans import reason_rows
from variables import selectors
from variables.api import MOST_VARIABLES, VariableBody, rows_of
from variables.services import variable_sets
from variables.services.rows import candidates_of


class MatrixBody(Body):
    """`Variables` as they would be saved."""

    Variable = Text(source="variable", required=True, allow_blank=False, max_length=200)
    ActionId = Text(source="action", max_length=100)
    Variables = VariableBody(many=True, source="variables", max_length=MOST_VARIABLES)  # type: ignore[call-arg]  # of the list


EXAMPLE = OpenApiExample(
    "What a value for Production would lead to",
    {
        "Variable": "Project.WorkerPool",
        "Variables": [
            {
                "Name": "Project.WorkerPool",
                "Type": "WorkerPool",
                "Value": "WorkerPools-2",
                "Scope": {"Environment": ["Environments-1"]},
            }
        ],
    },
    request_only=True,
)
_NULLABLE = {"type": "string", "nullable": True}
_ROUTE: dict[str, Any] = {
    "State": {"type": "string", "enum": ["Pool", "Gap", "Tie", "NoPool"]},
    "WorkerPoolId": _NULLABLE,
    "WorkerPoolName": _NULLABLE,
    "HasLiveWorker": {"type": "boolean"},
    "Values": {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
}
_DEVIATION = {"type": "object", "properties": {**_ROUTE, "Tenants": {"type": "array", "items": STRING}}}
_CELL = {
    "type": "object",
    "properties": {
        "EnvironmentId": STRING,
        "TenantTag": _NULLABLE,
        **_ROUTE,
        "Deviations": {"type": "array", "items": _DEVIATION},
    },
}
MATRIX_SCHEMA = {
    "type": "object",
    "properties": {"Variable": STRING, "Cells": {"type": "array", "items": _CELL}},
    "required": ["Variable", "Cells"],
}
_STATES = {"pool": "Pool", "gap": "Gap", "tie": "Tie", "no-pool": "NoPool"}


class RoutingMatrixView(InProject, ViewSetMixin, ApiView):
    tag = "projects"

    @extend_schema(
        responses=MATRIX_SCHEMA,
        parameters=[
            OpenApiParameter(
                "variable", str, required=True, description="The name of a worker-pool variable."
            ),
            OpenApiParameter("actionId", str, description="A step; none: any of the deployment process."),
        ],
    )
    def saved(self, request: Request, project: str) -> Response:
        """With the values that are stored."""
        found = self.project_of(project)
        if not self.query.text("variable"):
            raise ValidationError({"variable": "Name a worker-pool variable."})
        frozen = variable_sets.freeze(variable_set_of(found))
        candidates = variable_sets.candidates(frozen)
        return self._answer(found, self.query.text("variable"), self.query.text("actionId"), candidates)

    @extend_schema(request=MatrixBody, responses=MATRIX_SCHEMA, examples=[EXAMPLE])
    def unsaved(self, request: Request, project: str) -> Response:
        """With the values that are sent. Nothing is saved."""
        found = self.project_of(project)
        data = self.body(MatrixBody)
        candidates = candidates_of(rows_of(variable_set_of(found), data["variables"]))
        return self._answer(found, data["variable"], data["action"], candidates)

    def _answer(self, project: Project, variable: str, action: str, candidates: list[Candidate]) -> Response:
        options = selectors.scope_options(variable_set_of(project))
        steps = {option.id for option in options if option.kind is Kind.ACTION}
        found = routing.of_project(
            project,
            variable=variable,
            candidates=candidates,
            base=_base(action, steps),
            names=selectors.scope_names(options),
            viewer=self.user,
        )
        return Response(matrix_json(found))


def _base(action: str, steps: set[str]) -> Context:
    if not action:
        return Context(process=DEPLOYMENT_PROCESS)
    number = str(ids.decode(IdKind.ACTION, action)) if ids.is_id(IdKind.ACTION, action) else ""
    base = routing.base_of_step(number) if number in steps else None
    if base is None:
        raise ValidationError({"ActionId": f"The project has no step {action[:80]!r}."})
    return base


def matrix_json(matrix: Matrix) -> dict[str, Any]:
    return {"Variable": matrix.variable, "Cells": [_cell(cell) for row in matrix.rows for cell in row]}


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "EnvironmentId": ids.encode(IdKind.ENVIRONMENT, int(cell.environment)),
        "TenantTag": cell.tag or None,
        **_route(cell.route),
        "Deviations": [_deviation(one) for one in cell.deviations],
    }


def _deviation(one: Deviation) -> dict[str, Any]:
    return {**_route(one.route), "Tenants": list(one.tenants)}


def _route(route: Route) -> dict[str, Any]:
    pool = route.pool
    return {
        "State": _STATES[route.state.value],
        "WorkerPoolId": ids.encode(IdKind.WORKER_POOL, int(pool.id)) if pool else None,
        "WorkerPoolName": pool.name if pool else None,
        "HasLiveWorker": pool is not None and not route.is_unstaffed,
        "Values": reason_rows(route.why),
    }


ROUTES = [
    path(
        "projects/<str:project>/routingmatrix",
        RoutingMatrixView.as_view({"get": "saved", "post": "unsaved"}),  # type: ignore[arg-type]
    ),
]
