"""Tenants, with the projects that each is connected to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSetMixin

from accounts.api.resources import NamedResource, ResourceView, kept, numbers, routes
from accounts.api.views import ApiView
from accounts.permissions import Permission
from common.api.serializers import Always, find
from domain import ids
from domain.ids import IdKind
from environments.models import Environment
from projects.models import Project, TenantLink
from projects.services import tenant_links
from tenants.api import TagNames
from tenants.models import Tag, Tenant
from tenants.services import tenants


def _links(tenant: Tenant) -> dict[str, list[str]]:
    return {
        ids.encode(IdKind.PROJECT, link.project_id): [
            ids.encode(IdKind.ENVIRONMENT, one.pk) for one in link.environments.all()
        ]
        for link in tenant.project_links.all()
    }


class LinksOfTenant(serializers.DictField):
    """Ids of projects to those of the environments in which the tenant gets them."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.ListField(child=serializers.CharField(max_length=200), max_length=1000)
        super().__init__(child=child, **kwargs)

    def to_internal_value(self, data: Any) -> dict[Project, list[Environment]]:
        found = super().to_internal_value(data)
        return {
            self._row(Project, IdKind.PROJECT, name): [
                self._row(Environment, IdKind.ENVIRONMENT, one) for one in chosen
            ]
            for name, chosen in found.items()
        }

    def _row(self, model: Any, kind: IdKind, text: str) -> Any:
        row = find(self.context["visible"](model), kind, text)
        if row is None:
            raise ValidationError(f"There is no {model._meta.verbose_name} {text[:80]} in this space.")
        return row

    def to_representation(self, value: Any) -> Any:
        return value


class TenantResource(NamedResource):
    kind = IdKind.TENANT
    path = "tenants"

    TenantTags = TagNames(source="tags", required=False)
    ProjectEnvironments = LinksOfTenant(source="project_environments", required=False)
    IsDisabled = serializers.BooleanField(source="is_disabled", default=False)
    ClonedFromTenantId = Always(None)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        instance.project_environments = _links(instance)
        return super().to_representation(instance)

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Web": f"/tenants/{row.slug}/"}


class TenantsView(ResourceView):
    model = Tenant
    kind = IdKind.TENANT
    item_type = "Tenant"
    serializer_class = TenantResource
    queryset = Tenant.objects.none()
    edit = Permission.EDIT_TENANT
    filters = {
        "projectId": "The project that tenants are connected to.",
        "tags": "Canonical names of tags, joined by commas; any of a set, one of each set.",
    }

    def rows(self) -> Any:
        return super().rows().prefetch_related("tags__tag_set", "project_links__environments")

    def narrowed(self, rows: Any) -> Any:
        rows = super().narrowed(rows)
        if project := self.query.text("projectId"):
            linked = TenantLink.objects.filter(project__in=numbers(IdKind.PROJECT, [project]))
            rows = rows.filter(pk__in=linked.values("tenant_id"))
        return with_tags(rows, self.query.words("tags"))

    def make(self, data: dict[str, Any]) -> Tenant:
        links = data.pop("project_environments", {})
        with transaction.atomic():
            tenant = tenants.create(space=self.space, user=self.user, **data)
            self._connect(tenant, links)
        return tenant

    def change(self, row: Tenant, data: dict[str, Any]) -> None:
        with transaction.atomic():
            tags = data.get("tags", list(row.tags.all()))
            values = kept(row, data, "name", "description", "is_disabled")
            tenants.edit(row, tags=tags, user=self.user, **values)
            if "project_environments" in data:
                self._connect(row, data["project_environments"])

    def _connect(self, tenant: Tenant, links: Mapping[Project, list[Environment]]) -> None:
        """Who connects a tenant to a project changes the project too."""
        before = {link.project: set(link.environments.all()) for link in tenant.project_links.all()}
        if {project: set(found) for project, found in links.items() if found} == before:
            return
        self.require(Permission.EDIT_PROJECT)
        tenant_links.replace_for_tenant(tenant, links=links, user=self.user)

    def remove(self, row: Tenant) -> None:
        tenants.delete(row, user=self.user)


def with_tags(rows: Any, names: list[str]) -> Any:
    """Those with any of the named tags of each set that is named."""
    by_set: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        tag_set, _, tag = name.partition("/")
        by_set[tag_set].append(tag)
    for tag_set, tags in by_set.items():
        found = Tag.objects.filter(tag_set__name__iexact=tag_set, name__in=tags)
        rows = rows.filter(tags__in=found).distinct()
    return rows


class TenantPartsView(ViewSetMixin, ApiView):
    tag = "tenants"

    @extend_schema(
        responses={"type": "object", "additionalProperties": {}},
        description="Whether tenants have all of these tags: `tenantIds` and `tags`, both joined by commas.",
    )
    def tag_test(self, request: Request) -> Response:
        wanted = numbers(IdKind.TENANT, self.query.words("tenantIds"))
        rows = self.visible(Tenant).filter(pk__in=wanted)
        matching = set(with_tags(rows, self.query.words("tags")).values_list("pk", flat=True))
        return Response(
            {
                ids.encode(IdKind.TENANT, pk): {"IsMatched": pk in matching, "MissingTags": {}}
                for pk in rows.values_list("pk", flat=True)
            }
        )


ROUTES = [
    path("tenants/tag-test", TenantPartsView.as_view({"get": "tag_test"})),
    *routes(TenantsView, "tenants"),
    # As one client spells it.
    path("tenant/<str:ref>", TenantsView.as_view({"get": "retrieve"})),
]
