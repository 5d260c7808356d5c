"""Deployment processes and the variables of projects."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.views import ApiView
from accounts.permissions import Permission
from domain import ids
from domain.ids import IdKind
from processes import api as wire
from processes.models import OwnerKind, Process
from processes.services import processes
from projects.api import selected_packages
from projects.api.projects import InProject, variable_set_of
from projects.models import Project
from projects.package_versions import choices_of
from projects.services import releases
from variables.api import EXAMPLE as VARIABLES_EXAMPLE
from variables.api import SET_SCHEMA, VariableSetBody, VariableSetsView, to_json


def process_json(project: Project, process: Process) -> dict[str, Any]:
    project_id, space_id = ids.encode(IdKind.PROJECT, project.pk), ids.encode(IdKind.SPACE, project.space_id)
    own = ids.derived(ids.DEPLOYMENT_PROCESS, IdKind.PROJECT, project.pk)
    base = f"/api/{space_id}"
    return {
        "Id": own,
        "SpaceId": space_id,
        "ProjectId": project_id,
        "Steps": wire.steps_of(process),
        "Version": process.version,
        "LastSnapshotId": None,
        "Links": {
            "Self": f"{base}/projects/{project_id}/deploymentprocesses",
            "Project": f"{base}/projects/{project_id}",
            "Template": f"{base}/projects/{project_id}/deploymentprocesses/template",
        },
    }


class ProcessesView(InProject, ViewSetMixin, ApiView):
    tag = "deploymentprocesses"

    def _process(self, project: Project) -> Process:
        return processes.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=project.space)

    def _by_id(self, ref: str) -> Project:
        try:
            number = ids.underived(ids.DEPLOYMENT_PROCESS, IdKind.PROJECT, ref)
        except ids.BadId as error:
            raise Http404(f"The deployment process {ref[:80]!r} was not found.") from error
        return self.project_of(ids.encode(IdKind.PROJECT, number))

    @extend_schema(responses=wire.PROCESS_SCHEMA)
    def retrieve(self, request: Request, ref: str) -> Response:
        return self._shown(self._by_id(ref))

    @extend_schema(request=wire.ProcessBody, responses=wire.PROCESS_SCHEMA, examples=[wire.EXAMPLE])
    def update(self, request: Request, ref: str) -> Response:
        """Replaces all steps. `Version` must be that of the process as it is."""
        return self._saved(self._by_id(ref))

    @extend_schema(responses=wire.PROCESS_SCHEMA)
    def of_project(self, request: Request, project: str) -> Response:
        return self._shown(self.project_of(project))

    @extend_schema(request=wire.ProcessBody, responses=wire.PROCESS_SCHEMA, examples=[wire.EXAMPLE])
    def update_of_project(self, request: Request, project: str) -> Response:
        """Replaces all steps. `Version` must be that of the process as it is."""
        return self._saved(self.project_of(project))

    @extend_schema(responses={"type": "object", "additionalProperties": {}})
    def template(self, request: Request, project: str) -> Response:
        """What a new release would be called, and what has to be chosen for it."""
        found = self.project_of(project)
        return Response(
            {
                "DeploymentProcessId": ids.derived(ids.DEPLOYMENT_PROCESS, IdKind.PROJECT, found.pk),
                "NextVersionIncrement": releases.suggest_version(found),
                "VersioningPackageStepName": None,
                "Packages": selected_packages.template(
                    choices_of(found.space, processes.freeze(self._process(found)))
                ),
                "GitResources": [],
            }
        )

    def _shown(self, project: Project) -> Response:
        return Response(process_json(project, self._process(project)))

    def _saved(self, project: Project) -> Response:
        self.require(Permission.EDIT_PROJECT, project)
        process = self._process(project)
        wire.save(process, self.body(wire.ProcessBody), user=self.user)
        return Response(process_json(project, process))


class ProjectVariablesView(InProject, VariableSetsView):
    tag = "projects"

    @extend_schema(responses=SET_SCHEMA)
    def of_project(self, request: Request, project: str) -> Response:
        return Response(to_json(variable_set_of(self.project_of(project))))

    @extend_schema(request=VariableSetBody, responses=SET_SCHEMA, examples=[VARIABLES_EXAMPLE])
    def update_of_project(self, request: Request, project: str) -> Response:
        return self.saved(variable_set_of(self.project_of(project)))


_BY_ID = {"get": "retrieve", "put": "update"}
_BY_PROJECT: Any = {"get": "of_project", "put": "update_of_project"}

ROUTES = [
    path("deploymentprocesses/<str:ref>", ProcessesView.as_view(_BY_ID)),  # type: ignore[arg-type]
    path("projects/<str:project>/deploymentprocesses", ProcessesView.as_view(_BY_PROJECT)),
    path("projects/<str:project>/deploymentprocesses/template", ProcessesView.as_view({"get": "template"})),
    path("projects/<str:project>/variables", ProjectVariablesView.as_view(_BY_PROJECT)),
]
