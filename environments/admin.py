from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin import ServiceAdmin
from accounts.models import User
from accounts.permissions import Permission
from environments.models import Environment
from environments.services import environments


@admin.register(Environment)
class EnvironmentAdmin(ServiceAdmin):
    edit_permission = Permission.EDIT_ENVIRONMENT
    list_display = ["name", "space", "sort_order", "hue"]
    list_filter = ["space"]
    search_fields = ["name", "description"]
    list_select_related = ["space"]
    fields = ["space", "name", "description", "hue", "guided_failure"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values = {
            "name": obj.name,
            "description": obj.description,
            "hue": obj.hue,
            "guided_failure": obj.guided_failure,
            "user": request.user,
        }
        if change:
            environments.edit(Environment.objects.get(pk=obj.pk), **values)
        else:
            obj.pk = environments.create(space=obj.space, **values).pk

    def service_delete(self, obj: Environment, user: User) -> None:
        environments.delete(obj, user=user)
