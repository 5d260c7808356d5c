"""Environments and lifecycles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import path
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.api.ordering import OrderView
from accounts.api.resources import NamedResource, ResourceView, kept, routes
from accounts.permissions import Permission
from common.api.serializers import Always, Body, Computed, Refs, Text
from domain import ids
from domain.ids import IdKind
from environments.models import Environment, Lifecycle, Phase
from environments.services import environments, lifecycles
from environments.services.lifecycles import PhaseFields

#: Nothing is deleted by age yet.
FOREVER = {"Strategy": "Forever", "QuantityToKeep": 0, "ShouldKeepForever": True, "Unit": "Items"}
NO_AUTOMATION = (
    "Octoworkers does not deploy by itself when a phase opens. Name these environments in "
    "OptionalDeploymentTargets."
)


class EnvironmentResource(NamedResource):
    kind = IdKind.ENVIRONMENT
    path = "environments"

    SortOrder = serializers.IntegerField(source="sort_order", read_only=True)
    UseGuidedFailure = serializers.BooleanField(source="guided_failure", default=False)
    AllowDynamicInfrastructure = Always(False)
    EnvironmentTags = Always([])
    ExtensionSettings = Always([])

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Machines": f"{own}/machines"}


class EnvironmentV2Resource(EnvironmentResource):
    Type = Always("Static")


class EnvironmentsView(ResourceView):
    model = Environment
    kind = IdKind.ENVIRONMENT
    item_type = "Environment"
    serializer_class = EnvironmentResource
    queryset = Environment.objects.none()
    edit = Permission.EDIT_ENVIRONMENT

    def make(self, data: dict[str, Any]) -> Environment:
        return environments.create(space=self.space, user=self.user, **data)

    def change(self, row: Environment, data: dict[str, Any]) -> None:
        values = kept(row, data, "name", "description", "guided_failure", "hue")
        environments.edit(row, user=self.user, **values)

    def remove(self, row: Environment) -> None:
        environments.delete(row, user=self.user)


class EnvironmentsV2View(EnvironmentsView):
    serializer_class = EnvironmentV2Resource


class EnvironmentOrderView(OrderView):
    kind = IdKind.ENVIRONMENT
    model = Environment
    edit = Permission.EDIT_ENVIRONMENT
    reorder = staticmethod(environments.reorder)


class PhaseBody(Body):
    """Ids of phases that are not known, such as those of another server, make new phases."""

    Id = serializers.CharField(required=False, allow_blank=True, max_length=100, source="phase_id")
    Name = Text(source="name", required=True, allow_blank=False, max_length=120)
    AutomaticDeploymentTargets = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, source="automatic"
    )
    OptionalDeploymentTargets = Refs(
        IdKind.ENVIRONMENT, Environment, source="environments", required=False, default=list
    )
    MinimumEnvironmentsBeforePromotion = serializers.IntegerField(
        source="minimum", default=0, min_value=0, max_value=10_000
    )
    IsOptionalPhase = serializers.BooleanField(source="is_optional", default=False)
    IsPriorityPhase = Always(False)
    ReleaseRetentionPolicy = Always(None)
    TentacleRetentionPolicy = Always(None)

    def to_representation(self, instance: Phase) -> dict[str, Any]:
        return {
            "Id": f"Phases-{instance.pk}",
            "Name": instance.name,
            "AutomaticDeploymentTargets": [],
            "OptionalDeploymentTargets": [
                ids.encode(IdKind.ENVIRONMENT, one.pk) for one in instance.environments.all()
            ],
            "MinimumEnvironmentsBeforePromotion": instance.minimum,
            "IsOptionalPhase": instance.is_optional,
            "IsPriorityPhase": False,
            "ReleaseRetentionPolicy": None,
            "TentacleRetentionPolicy": None,
        }

    def validate_AutomaticDeploymentTargets(self, value: list[str]) -> list[str]:  # noqa: N802  # DRF's name
        if value:
            raise ValidationError(NO_AUTOMATION)
        return value


class LifecycleResource(NamedResource):
    kind = IdKind.LIFECYCLE
    path = "lifecycles"

    ReleaseRetentionPolicy = Always(FOREVER)
    TentacleRetentionPolicy = Always(FOREVER)
    Phases = PhaseBody(source="phases", many=True, required=False)
    IsDefault = Computed(lambda row: row.is_default, {"type": "boolean"})

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Projects": f"{own}/projects"}


class LifecyclesView(ResourceView):
    model = Lifecycle
    kind = IdKind.LIFECYCLE
    item_type = "Lifecycle"
    serializer_class = LifecycleResource
    queryset = Lifecycle.objects.none()
    edit = Permission.EDIT_ENVIRONMENT

    def rows(self) -> Any:
        return super().rows().prefetch_related("phases__environments")

    def make(self, data: dict[str, Any]) -> Lifecycle:
        phases = _phases(data.pop("phases", []))
        return lifecycles.create(space=self.space, phases=phases, user=self.user, **data)

    def change(self, row: Lifecycle, data: dict[str, Any]) -> None:
        phases = _phases(data["phases"]) if "phases" in data else None
        values = kept(row, data, "name", "description")
        lifecycles.edit(row, phases=phases, user=self.user, **values)

    def remove(self, row: Lifecycle) -> None:
        lifecycles.delete(row, user=self.user)


def _phases(rows: Sequence[dict[str, Any]]) -> list[PhaseFields]:
    return [
        PhaseFields(
            name=row["name"],
            environments=row["environments"],
            minimum=row["minimum"],
            is_optional=row["is_optional"],
            id=_phase_id(row.get("phase_id", "")),
        )
        for row in rows
    ]


def _phase_id(text: str) -> int | None:
    number = text.removeprefix("Phases-")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 18 else None


ROUTES = [
    path("environments/sortorder", EnvironmentOrderView.as_view()),
    path("environments/v2", EnvironmentsV2View.as_view({"get": "list"})),
    *routes(EnvironmentsView, "environments"),
    *routes(LifecyclesView, "lifecycles"),
]
