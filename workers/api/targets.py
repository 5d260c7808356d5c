"""Deployment targets, which Octopus calls machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.http import Http404
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.resources import kept, numbers, routes
from accounts.api.views import ApiView
from accounts.permissions import Permission
from common.api.serializers import STRINGS, Always, Body, Refs
from domain.ids import IdKind
from domain.targets import BadTag, clean_tags
from environments.models import Environment
from tenants.models import Tenant
from workers.api.workers import CODE, MachineResource, MachinesView, code_answer
from workers.models import Machine, Participation, TargetTag
from workers.selectors.targets import tags_in
from workers.services import enrolment, targets
from workers.services.targets import Registration


class Roles(serializers.ListField):
    """Target tags, in any case; each counts once."""

    child = serializers.CharField(max_length=200)

    def to_internal_value(self, data: Any) -> list[str]:
        try:
            return list(clean_tags(super().to_internal_value(data)))
        except BadTag as error:
            raise ValidationError(str(error)) from error

    def to_representation(self, data: Any) -> list[str]:
        return list(data)


def _participation() -> serializers.ChoiceField:
    return serializers.ChoiceField(Participation.choices, source="participation", required=False)


class TargetResource(MachineResource):
    kind = IdKind.MACHINE
    path = "machines"

    EnvironmentIds = Refs(IdKind.ENVIRONMENT, Environment, source="environments", required=False)
    Roles = Roles(source="tags", required=False)
    TenantedDeploymentParticipation = _participation()
    TenantIds = Refs(IdKind.TENANT, Tenant, source="tenants", required=False)
    #: Tenants are named one by one here.
    TenantTags = Always([])


class TargetsView(MachinesView):
    kind = IdKind.MACHINE
    item_type = "DeploymentTarget"
    serializer_class = TargetResource
    tag = "machines"
    filters = {
        "environmentIds": "Ids of environments, joined by commas.",
        "roles": "Target tags, joined by commas; one of them is enough.",
        "tenantIds": "Ids of tenants, joined by commas.",
        **MachinesView.filters,
    }

    def rows(self) -> Any:
        rows = Machine.objects.visible_to(self.user).targets()
        return rows.prefetch_related("environments", "target_tags", "tenants")

    def narrowed(self, rows: Any) -> Any:
        rows = super().narrowed(rows)
        if environments := self.query.words("environmentIds"):
            rows = rows.filter(environments__in=numbers(IdKind.ENVIRONMENT, environments))
        if tenants := self.query.words("tenantIds"):
            rows = rows.filter(tenants__in=numbers(IdKind.TENANT, tenants))
        if roles := self.query.words("roles"):
            rows = rows.filter(pk__in=_with_any(roles))
        return rows.distinct()

    def change(self, row: Machine, data: dict[str, Any]) -> None:
        with transaction.atomic():
            registration = Registration(
                environments=data.get("environments", list(row.environments.all())),
                tags=data.get("tags", row.tags),
                participation=data.get("participation", row.participation),
                tenants=data.get("tenants", list(row.tenants.all())),
            )
            _check(registration)
            values = kept(row, data, "name", "description", "slots")
            targets.edit(row, registration=registration, user=self.user, **values)
            self.decide(row, data)


def _with_any(roles: Sequence[str]) -> list[int]:
    """Machines that have one of these tags. Ignoring case is Python's: databases differ in it."""
    wanted = {role.casefold() for role in roles}
    rows = TargetTag.objects.values_list("machine_id", "name")
    return [machine for machine, name in rows if name.casefold() in wanted]


def _check(registration: Registration) -> None:
    if not registration.environments:
        raise ValidationError({"EnvironmentIds": "Name at least one environment."})
    if not registration.tags:
        raise ValidationError({"Roles": "Name at least one target tag."})
    if registration.participation == Participation.TENANTED and not registration.tenants:
        raise ValidationError({"TenantIds": "Name the tenants whose runs it takes part in."})


class EnvironmentTargetsView(TargetsView):
    """The deployment targets of one environment."""

    tag = "environments"

    def listed(self) -> Any:
        environments = Environment.objects.visible_to(self.user)
        if self.names_space:
            environments = environments.in_space(self.space)
        wanted = self.kwargs["environment"]
        found = environments.filter(pk__in=numbers(IdKind.ENVIRONMENT, [wanted])).first()
        if found is None:
            raise Http404(f"The environment {wanted[:80]!r} was not found.")
        return self.narrowed(self.rows().filter(environments=found))


class TargetCodeBody(Body):
    EnvironmentIds = Refs(IdKind.ENVIRONMENT, Environment, source="environments")
    Roles = Roles(source="tags")
    TenantedDeploymentParticipation = _participation()
    TenantIds = Refs(IdKind.TENANT, Tenant, source="tenants", required=False, default=list)
    Slots = serializers.IntegerField(
        source="slots", default=targets.DEFAULT_SLOTS, min_value=1, max_value=1000
    )


class TargetCodesView(ApiView):
    """Lets one agent join as a deployment target, once, within a quarter of an hour."""

    @extend_schema(request=TargetCodeBody, responses=CODE, tags=["machines"])
    def post(self, request: Request) -> Response:
        self.require(Permission.EDIT_WORKER)
        data = self.body(TargetCodeBody)
        registration = Registration(
            environments=data["environments"],
            tags=data["tags"],
            participation=data.get("participation", Participation.UNTENANTED),
            tenants=data["tenants"],
        )
        _check(registration)
        code, plain = enrolment.issue(
            space=self.space,
            pools=(),
            slots=data["slots"],
            user=self.user,
            now=timezone.now(),
            target=registration,
        )
        return code_answer(request, code, plain)


class RolesView(ApiView):
    """The target tags that machines of the space have."""

    @extend_schema(responses=STRINGS, tags=["machines"])
    def get(self, request: Request) -> Response:
        return Response(tags_in(self.space))


ROUTES = [
    path("environments/<str:environment>/machines", EnvironmentTargetsView.as_view({"get": "list"})),
    path("machines/enrolment-codes", TargetCodesView.as_view()),
    path("machineroles/all", RolesView.as_view()),
    *routes(TargetsView, "machines"),
    path("machines/<str:ref>/connection", TargetsView.as_view({"get": "connection"})),
]
