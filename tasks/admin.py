"""Tasks in the Django admin: to look at. A run is moved on by the engine alone."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin import GuardedAdmin, act_on_all
from accounts.permissions import Permission, can
from tasks.models import Attempt, Execution, ServerTask, TaskEvent
from tasks.services import tasks


class ReadOnlyInline(admin.TabularInline):  # type: ignore[type-arg]  # not subscriptable at run time
    extra = 0
    can_delete = False
    show_change_link = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can(request.user, Permission.VIEW, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ExecutionInline(ReadOnlyInline):
    model = Execution
    fields = ["number", "name", "state", "pool_name", "machine_name", "started_at", "completed_at", "message"]


class TaskEventInline(ReadOnlyInline):
    model = TaskEvent
    fields = ["occurred_at", "number", "level", "message"]


class AttemptInline(ReadOnlyInline):
    model = Attempt
    fields = ["epoch", "state", "machine", "outcome", "exit_code", "log_lines", "log_sha256", "message"]


@admin.register(ServerTask)
class ServerTaskAdmin(GuardedAdmin):
    list_display = [
        "id",
        "name",
        "space",
        "project_name",
        "environment",
        "tenant",
        "state",
        "created_by_name",
        "queued_at",
        "completed_at",
    ]
    list_display_links = ["id", "name"]
    list_filter = ["state", "kind", "space", "environment"]
    list_select_related = ["space", "environment", "tenant"]
    search_fields = ["=id", "name", "project_name", "created_by_name"]
    date_hierarchy = "queued_at"
    show_full_result_count = False
    # The plan is long, and holds sensitive values, if only sealed.
    exclude = ["plan"]
    inlines = [ExecutionInline, TaskEventInline]
    actions = ["cancel"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ServerTask]:
        return super().get_queryset(request).defer("plan")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return can(request.user, Permission.CANCEL)

    @admin.action(description="Cancel", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[ServerTask]) -> None:
        act_on_all(self, request, queryset, partial(tasks.cancel, now=timezone.now()))


@admin.register(Execution)
class ExecutionAdmin(GuardedAdmin):
    list_display = ["id", "task", "number", "name", "state", "pool_name", "machine_name", "waiting_for"]
    list_filter = ["state"]
    list_select_related = ["task"]
    search_fields = ["=task__id", "name", "pool_name", "machine_name"]
    show_full_result_count = False
    inlines = [AttemptInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Execution]:
        return super().get_queryset(request).defer("task__plan")


@admin.register(Attempt)
class AttemptAdmin(GuardedAdmin):
    list_display = ["id", "execution", "epoch", "state", "machine", "outcome", "exit_code", "log_lines"]
    list_filter = ["state", "outcome"]
    list_select_related = ["execution", "machine"]
    search_fields = ["=id", "=execution__task__id", "machine__name"]
    show_full_result_count = False
