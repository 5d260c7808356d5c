"""Step templates in the REST API, as Octopus Deploy's clients know them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.resources import InSpace, ResourceView, routes
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import ANY_OBJECT, Always, IdField, LinksField, Moment, Text
from domain import step_templates
from domain.ids import IdKind, encode
from domain.step_templates import BadTemplate, Template
from processes.api import Properties
from processes.models import ActionTemplate, OwnerKind
from processes.services import templates
from processes.services.templates import StaleTemplate, TemplateNameTaken

errors.refuse(
    StaleTemplate, code=409, words=lambda error: [f"{error} Read it again and send its new Version."]
)
errors.refuse(TemplateNameTaken, words=lambda error: ["This space has a step template of this name."])


class ActionTemplateResource(InSpace):
    kind = IdKind.ACTION_TEMPLATE
    path = "actiontemplates"

    Id = IdField(IdKind.ACTION_TEMPLATE, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="space_id")
    Name = Text(source="name", required=True, allow_blank=False, max_length=200, trim_whitespace=True)
    Description = Text(source="description", max_length=1_000_000)
    ActionType = Text(source="action_type", required=True, allow_blank=False, max_length=60)
    Version = serializers.IntegerField(source="version", required=False, min_value=1, max_value=10**6)
    CommunityActionTemplateId = Always(None)
    Packages = Always([])
    GitDependencies = Always([])
    Properties = Properties(source="properties", required=False, default=dict)
    Parameters = serializers.ListField(
        child=serializers.DictField(), source="parameters", required=False, default=list, max_length=100
    )
    LastModifiedOn = Moment(source="updated_at", read_only=True)
    Links = LinksField()

    def to_representation(self, instance: ActionTemplate) -> dict[str, Any]:
        content = templates.content_of(instance)
        instance.description, instance.action_type = content.description, content.action_type  # type: ignore[attr-defined]
        instance.properties = content.properties  # type: ignore[attr-defined]
        instance.parameters = [one.to_json() for one in content.parameters]  # type: ignore[attr-defined]
        return super().to_representation(instance)

    def links(self, row: ActionTemplate) -> dict[str, str]:
        base = self.address(row)
        return {**super().links(row), "Usage": f"{base}/usage", "Versions": f"{base}/versions"}


class ActionTemplatesView(ResourceView):
    model = ActionTemplate
    kind = IdKind.ACTION_TEMPLATE
    item_type = "ActionTemplate"
    serializer_class = ActionTemplateResource
    queryset = ActionTemplate.objects.none()
    edit = Permission.EDIT_PROJECT

    def make(self, data: dict[str, Any]) -> ActionTemplate:
        return templates.create(space=self.space, content=_template(data), user=self.user)

    def change(self, row: ActionTemplate, data: dict[str, Any]) -> None:
        """The next version. `Version` is the one that was read, where the body has it."""
        version = data.pop("version", row.version)
        before = templates.content_of(row)
        parameters = data.pop("parameters", None)
        kept = [one.to_json() for one in before.parameters] if parameters is None else parameters
        content = _template({**_known(before), **data, "parameters": kept})
        templates.save(
            row, content=replace(content, shared_id=row.shared_id), version=version, user=self.user
        )

    def remove(self, row: ActionTemplate) -> None:
        templates.delete(row, user=self.user)

    @extend_schema(responses={"type": "array", "items": ANY_OBJECT})
    def usage(self, request: Request, ref: str, **kwargs: Any) -> Response:
        """The steps that were made from it."""
        template = self.object(ref)
        return Response([_usage(template, one) for one in templates.uses_of(template)])

    @extend_schema(responses={"type": "array", "items": ANY_OBJECT})
    def versions(self, request: Request, ref: str, **kwargs: Any) -> Response:
        """All versions, the newest first, in the form in which templates are shared."""
        template = self.object(ref)
        rows = template.versions.all()
        return Response([{**templates.content(row).to_json(), "Id": _id(template)} for row in rows])

    @extend_schema(responses=ANY_OBJECT)
    def version(self, request: Request, ref: str, number: int, **kwargs: Any) -> Response:
        """One version, in the form in which templates are shared."""
        template = self.object(ref)
        row = template.versions.filter(version=number).first()
        if row is None:
            raise Http404(f"The template has no version {number}.")
        return Response({**templates.content(row).to_json(), "Id": _id(template)})


def _id(template: ActionTemplate) -> str:
    return encode(IdKind.ACTION_TEMPLATE, template.pk)


def _known(content: Template) -> dict[str, Any]:
    return {
        "name": content.name,
        "description": content.description,
        "action_type": content.action_type,
        "properties": content.properties,
    }


def _template(data: dict[str, Any]) -> Template:
    try:
        return step_templates.read(
            {
                "Name": data["name"],
                "Description": data.get("description", ""),
                "ActionType": data["action_type"],
                "Properties": data.get("properties", {}),
                "Parameters": data.get("parameters", []),
            }
        )
    except BadTemplate as problem:
        raise ValidationError({"Parameters": str(problem)}) from problem


def _usage(template: ActionTemplate, use: templates.Use) -> dict[str, Any]:
    process = use.action.step.process
    return {
        "ActionTemplateId": _id(template),
        "ActionId": encode(IdKind.ACTION, use.action.pk),
        "ActionName": use.action.name,
        "StepId": encode(IdKind.STEP, use.action.step_id),
        "ProcessType": "Runbook" if process.owner_kind == OwnerKind.RUNBOOK else "Deployment",
        "OwnerId": process.owner_id,
        "Version": str(use.version),
    }


_ONE = "actiontemplates/<str:ref>"
ROUTES = [
    *routes(ActionTemplatesView, "actiontemplates"),
    path(f"{_ONE}/usage", ActionTemplatesView.as_view({"get": "usage"})),
    path(f"{_ONE}/versions", ActionTemplatesView.as_view({"get": "versions"})),
    path(f"{_ONE}/versions/<int:number>", ActionTemplatesView.as_view({"get": "version"})),
]
