"""The Django admin: raw data, for administrators. It asks `can` like every page, and its changes go
through the services, so that the same refusals and audit lines hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest

from accounts.forms import SignInForm
from accounts.models import Event, User
from accounts.permissions import Permission, can
from accounts.services import users
from common.usage import CannotDelete, InUse, uses_of
from domain.labels import counted


class AdminSignInForm(SignInForm, AdminAuthenticationForm):
    """The admin's own sign-in page counts failed attempts too."""


admin.site.login_form = AdminSignInForm
admin.site.site_header = admin.site.site_title = "Octoworkers"
admin.site.index_title = "Raw data"
# Roles decide who may what; a group would change nothing.
admin.site.unregister(Group)


class GuardedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Rights as on the pages: everybody of the staff sees, `edit_permission` changes (None: nobody)."""

    edit_permission: ClassVar[Permission | None] = None

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(getattr(request.user, "is_staff", False)) and can(request.user, Permission.VIEW)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_edit(request)

    def _may_edit(self, request: HttpRequest) -> bool:
        return self.edit_permission is not None and can(request.user, self.edit_permission)


class SpaceOwnedForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic at run time
    """Checks names within the space also while the space itself is not a field."""

    def _get_validation_exclusions(self) -> set[str]:
        exclude: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # not in the stubs
        return exclude - {"space"}


class ServiceAdmin(GuardedAdmin):
    """For rows that have services: deleting obeys what the services refuse, in lists too."""

    form = SpaceOwnedForm

    def service_delete(self, obj: Any, user: User) -> None:
        raise NotImplementedError

    def refusals(self, obj: Any) -> list[str]:
        """What stands against deleting, shown before anybody confirms."""
        return [f"{use.kind}: {use.label}" for use in uses_of(obj)]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        deleted, counts, _, protected = super().get_deleted_objects(objs, request)
        refused = [f"{obj}: {reason}" for obj in objs for reason in self.refusals(obj)]
        return deleted, counts, set[str](), [*protected, *refused]

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        try:
            self.service_delete(obj, request.user)  # type: ignore[arg-type]  # the admin is for users
        except (InUse, CannotDelete) as refusal:
            # The page refused before; this is for what changed between the two requests.
            self.message_user(request, str(refusal), messages.ERROR)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        for obj in queryset:
            self.delete_model(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row never changes its space."""
        readonly = super().get_readonly_fields(request, obj)
        return (*readonly, "space") if obj is not None else readonly


def act_on_all(
    modeladmin: GuardedAdmin,
    request: HttpRequest,
    rows: Iterable[Any],
    act: Callable[..., None],
    *,
    refused: type[Exception] = CannotDelete,
) -> None:
    """An admin action: one service call per row, and what came of it."""
    done = 0
    for row in rows:
        try:
            act(row, user=request.user)
            done += 1
        except refused as refusal:
            modeladmin.message_user(request, str(refusal), messages.WARNING)
    if done:
        names = modeladmin.model._meta
        words = counted(done, str(names.verbose_name), str(names.verbose_name_plural))
        modeladmin.message_user(request, f"Done for {words}.", messages.SUCCESS)


@admin.register(User)
class UserAdmin(GuardedAdmin):
    """Passwords and new users are on the pages, where passwords are checked."""

    edit_permission = Permission.EDIT_USER
    list_display = ["username", "display_name", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    search_fields = ["username", "display_name", "email"]
    fields = ["username", "display_name", "email", "role", "is_active", "last_login", "date_joined"]
    readonly_fields = ["username", "last_login", "date_joined"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        data = form.cleaned_data
        person = User.objects.get(pk=obj.pk)
        try:
            users.edit(
                person,
                role=data["role"],
                display_name=data["display_name"],
                email=data["email"],
                is_active=data["is_active"],
                user=request.user,  # type: ignore[arg-type]  # the admin is for users
            )
        except users.LastAdministrator as refusal:
            self.message_user(request, str(refusal), messages.ERROR)


@admin.register(Event)
class EventAdmin(GuardedAdmin):
    list_display = ["occurred_at", "username", "category", "message", "space"]
    list_filter = ["category", "space"]
    search_fields = ["message", "username", "subject_id"]
    list_select_related = ["space"]
    date_hierarchy = "occurred_at"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and can(request.user, Permission.VIEW_AUDIT)
