"""Projects and their groups."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.resources import NamedResource, ResourceView, kept, numbers, routes
from accounts.api.views import ApiView
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import STRING, Always, Computed, Ref, Refs
from domain import ids
from domain.ids import IdKind
from environments.models import Lifecycle
from projects.models import Project, ProjectGroup, TenantedMode
from projects.services import project_groups, project_variables, projects
from projects.services.project_variables import SetsTied, tie_sentence
from projects.services.projects import NameTaken
from tasks.models import GuidedFailure
from variables.models import LibraryVariableSet, OwnerKind, VariableSet
from variables.services import templates
from variables.templates_api import TemplatesField

errors.refuse(NameTaken, words=lambda error: ["Name: This name is taken. Choose another one."])
errors.refuse(SetsTied, words=lambda error: [tie_sentence(one) for one in getattr(error, "ties", ())])


class ProjectGroupResource(NamedResource):
    kind = IdKind.PROJECT_GROUP
    path = "projectgroups"

    EnvironmentIds = Always([])
    RetentionPolicyId = Always(None)

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Projects": f"{own}/projects"}


class ProjectGroupsView(ResourceView):
    model = ProjectGroup
    kind = IdKind.PROJECT_GROUP
    item_type = "ProjectGroup"
    serializer_class = ProjectGroupResource
    queryset = ProjectGroup.objects.none()
    edit = Permission.EDIT_PROJECT

    def make(self, data: dict[str, Any]) -> ProjectGroup:
        return project_groups.create(space=self.space, user=self.user, **data)

    def change(self, row: ProjectGroup, data: dict[str, Any]) -> None:
        project_groups.edit(row, user=self.user, **kept(row, data, "name", "description"))

    def remove(self, row: ProjectGroup) -> None:
        project_groups.delete(row, user=self.user)


class ProjectResource(NamedResource):
    """`ProjectGroupId` and `LifecycleId` are the defaults of the space where a project names none."""

    kind = IdKind.PROJECT
    path = "projects"

    ProjectGroupId = Ref(IdKind.PROJECT_GROUP, ProjectGroup, source="group", required=False, allow_null=True)
    LifecycleId = Ref(IdKind.LIFECYCLE, Lifecycle, source="lifecycle", required=False, allow_null=True)
    VariableSetId = Computed(lambda row: ids.derived(ids.VARIABLE_SET, IdKind.PROJECT, row.pk), STRING)
    DeploymentProcessId = Computed(
        lambda row: ids.derived(ids.DEPLOYMENT_PROCESS, IdKind.PROJECT, row.pk), STRING
    )
    IncludedLibraryVariableSetIds = Refs(
        IdKind.LIBRARY_VARIABLE_SET, LibraryVariableSet, source="library_sets", required=False
    )
    TenantedDeploymentMode = serializers.ChoiceField(
        TenantedMode.choices, source="tenanted_mode", default=TenantedMode.UNTENANTED
    )
    PersistenceSettings = Always({"Type": "Database"})
    IsVersionControlled = Always(False)
    IsDisabled = Always(False)
    DiscreteChannelRelease = Always(False)
    AutoCreateRelease = Always(False)
    Templates = TemplatesField(OwnerKind.PROJECT)
    AutoDeployReleaseOverrides = Always([])
    ReleaseCreationStrategy = Always({})
    VersioningStrategy = Always({"Template": "#{Octopus.Version.LastMajor}.#{Octopus.Version.LastMinor}.i"})
    DefaultGuidedFailureMode = serializers.ChoiceField(
        GuidedFailure.choices, source="guided_failure", default=GuidedFailure.ENVIRONMENT
    )
    DefaultToSkipIfAlreadyInstalled = Always(False)
    ProjectConnectivityPolicy = Always({"AllowDeploymentsToNoTargets": True, "SkipMachineBehavior": "None"})
    ReleaseNotesTemplate = Always(None)
    ExtensionSettings = Always([])
    ClonedFromProjectId = Always(None)
    ProjectTags = Always([])

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        group, lifecycle = self.context["defaults"](instance.space_id)
        shown["ProjectGroupId"] = shown["ProjectGroupId"] or group
        shown["LifecycleId"] = shown["LifecycleId"] or lifecycle
        return shown

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        space = own.rpartition("/projects/")[0]
        parts = {
            name: f"{own}/{name.lower()}" for name in ("Channels", "Releases", "Runbooks", "RunbookSnapshots")
        }
        return {
            "Self": own,
            **parts,
            "Variables": f"{space}/variables/{ids.derived(ids.VARIABLE_SET, IdKind.PROJECT, row.pk)}",
            "DeploymentProcess": f"{own}/deploymentprocesses",
            "DeploymentSettings": f"{own}/deploymentsettings",
            "Web": f"/projects/{row.slug}/",
        }


class ProjectsView(ResourceView):
    model = Project
    kind = IdKind.PROJECT
    item_type = "Project"
    serializer_class = ProjectResource
    queryset = Project.objects.none()
    edit = Permission.EDIT_PROJECT

    def rows(self) -> Any:
        return super().rows().select_related("group", "lifecycle", "space").prefetch_related("library_sets")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "defaults": self._defaults}

    def _defaults(self, space_id: int) -> tuple[str | None, str | None]:
        """Ids of the default group and lifecycle of a space, looked up once per request."""
        known: dict[int, tuple[str | None, str | None]] = self.__dict__.setdefault("_known", {})
        if space_id not in known:
            known[space_id] = (
                _default(ProjectGroup, IdKind.PROJECT_GROUP, space_id),
                _default(Lifecycle, IdKind.LIFECYCLE, space_id),
            )
        return known[space_id]

    def make(self, data: dict[str, Any]) -> Project:
        guided, included = data.pop("guided_failure"), data.pop("library_sets", [])
        asked = data.pop("template_rows", [])
        with transaction.atomic():
            project = projects.create(space=self.space, user=self.user, **_without_defaults(data))
            projects.configure_runs(project, values={"guided_failure": guided}, user=self.user)
            project_variables.include(project, included, user=self.user)
            templates.replace_all(variable_set_of(project), asked, user=self.user)
        return project

    def change(self, row: Project, data: dict[str, Any]) -> None:
        data = _without_defaults(data)
        with transaction.atomic():
            projects.edit(row, user=self.user, **kept(row, data, "name", "description", "tenanted_mode"))
            projects.place(row, user=self.user, **kept(row, data, "group", "lifecycle"))
            projects.configure_runs(row, values=kept(row, data, "guided_failure"), user=self.user)
            if "library_sets" in data:
                project_variables.include(row, data["library_sets"], user=self.user)
            if "template_rows" in data:
                templates.replace_all(variable_set_of(row), data["template_rows"], user=self.user)

    def remove(self, row: Project) -> None:
        projects.delete(row, user=self.user)


class ProjectsOfView(ProjectsView):
    """The projects of a group, or of a lifecycle."""

    owner: Any = None
    owner_kind: IdKind
    field: str

    @property
    def tag(self) -> str:
        return f"{self.field}s"

    def listed(self) -> Any:
        owners = self.owner.objects.visible_to(self.user)
        if self.names_space:
            owners = owners.in_space(self.space)
        found = owners.filter(pk__in=numbers(self.owner_kind, [self.kwargs["ref"]])).first()
        if found is None:
            raise Http404(f"{self.kwargs['ref'][:80]!r} was not found.")
        rows = self.rows().filter(space=found.space, **{self.field: found})
        if found.is_default:
            rows |= self.rows().filter(space=found.space, **{self.field: None})
        return self.narrowed(rows)


class ProjectsOfGroupView(ProjectsOfView):
    owner, owner_kind, field = ProjectGroup, IdKind.PROJECT_GROUP, "group"


class ProjectsOfLifecycleView(ProjectsOfView):
    owner, owner_kind, field = Lifecycle, IdKind.LIFECYCLE, "lifecycle"


def _default(model: Any, kind: IdKind, space_id: int) -> str | None:
    pk = model.objects.filter(space_id=space_id, is_default=True).values_list("pk", flat=True).first()
    return ids.encode(kind, pk) if pk else None


def _without_defaults(data: dict[str, Any]) -> dict[str, Any]:
    """A project that names the defaults of its space follows them, also when they change."""
    return {
        name: None if isinstance(value, (ProjectGroup, Lifecycle)) and value.is_default else value
        for name, value in data.items()
    }


class InProject:
    """For views below a project of the address."""

    kwargs: dict[str, Any]
    edit_project = Permission.EDIT_PROJECT

    def project_of(self: Any, ref: str) -> Project:
        """By id, slug or name. A 404 where there is none."""
        rows = Project.objects.visible_to(self.user).select_related("space", "lifecycle")
        is_id = ids.is_id(IdKind.PROJECT, ref)
        if self.names_space or not is_id:
            rows = rows.in_space(self.space)
        by = {"pk": ids.decode(IdKind.PROJECT, ref)} if is_id else {"slug__iexact": ref}
        found = rows.filter(**by).first() or (None if is_id else rows.filter(name__iexact=ref).first())
        if found is None:
            raise Http404(f"The project {ref[:80]!r} was not found.")
        self.space = found.space
        project: Project = found
        return project


class ProjectPartsView(InProject, ViewSetMixin, ApiView):
    tag = "projects"

    @extend_schema(
        responses={"type": "object", "additionalProperties": {}},
        description="What clients ask about how deployments of the project behave.",
    )
    def deployment_settings(self, request: Request, project: str) -> Response:
        found = self.project_of(project)
        project_id = ids.encode(IdKind.PROJECT, found.pk)
        return Response(
            {
                "Id": f"deploymentsettings-{project_id}",
                "ProjectId": project_id,
                "SpaceId": ids.encode(IdKind.SPACE, found.space_id),
                "DefaultGuidedFailureMode": found.guided_failure,
                "DefaultToSkipIfAlreadyInstalled": False,
                "ConnectivityPolicy": {"AllowDeploymentsToNoTargets": True, "SkipMachineBehavior": "None"},
                "VersioningStrategy": {"Template": None},
                "Links": {"Self": f"{request._request.api_path}"},  # type: ignore[attr-defined]
            }
        )


def variable_set_of(project: Project) -> VariableSet:
    return project_variables.variable_set_of(project)


ROUTES = [
    *routes(ProjectGroupsView, "projectgroups"),
    path("projectgroups/<str:ref>/projects", ProjectsOfGroupView.as_view({"get": "list"})),
    path("lifecycles/<str:ref>/projects", ProjectsOfLifecycleView.as_view({"get": "list"})),
    *routes(ProjectsView, "projects"),
    path(
        "projects/<str:project>/deploymentsettings", ProjectPartsView.as_view({"get": "deployment_settings"})
    ),
]
