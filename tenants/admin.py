from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import GuardedAdmin, ServiceAdmin
from accounts.models import User
from accounts.permissions import Permission
from tenants.models import Tag, TagSet, Tenant
from tenants.services import tenants


class TagInline(admin.TabularInline):  # type: ignore[type-arg]  # not generic at run time
    """To look at: renaming a tag renames it in scopes too, which is done on its page."""

    model = Tag
    fields = ["name", "description", "color"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True


@admin.register(TagSet)
class TagSetAdmin(GuardedAdmin):
    list_display = ["name", "space", "sort_order"]
    list_filter = ["space"]
    search_fields = ["name"]
    list_select_related = ["space"]
    inlines = [TagInline]


@admin.register(Tenant)
class TenantAdmin(ServiceAdmin):
    edit_permission = Permission.EDIT_TENANT
    list_display = ["name", "space", "is_disabled", "tag_names"]
    list_filter = ["space", "is_disabled", "tags"]
    search_fields = ["name", "description"]
    list_select_related = ["space"]
    fields = ["space", "name", "description", "is_disabled", "tag_names"]
    readonly_fields = ["tag_names"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        return super().get_queryset(request).prefetch_related("tags__tag_set")

    @admin.display(description="tags")
    def tag_names(self, obj: Tenant) -> str:
        return ", ".join(str(tag) for tag in obj.tags.all()) if obj.pk else ""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values: dict[str, Any] = {
            "name": obj.name,
            "description": obj.description,
            "is_disabled": obj.is_disabled,
            "user": request.user,
        }
        if change:
            tenant = Tenant.objects.get(pk=obj.pk)
            tenants.edit(tenant, tags=list(tenant.tags.all()), **values)
        else:
            obj.pk = tenants.create(space=obj.space, **values).pk

    def service_delete(self, obj: Tenant, user: User) -> None:
        tenants.delete(obj, user=user)
