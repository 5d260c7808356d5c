"""Pools and workers in the Django admin. Pools stand here too, since their list tells of their workers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts.admin import GuardedAdmin, ServiceAdmin, act_on_all
from accounts.models import User
from accounts.permissions import Permission
from common.times import ago_words
from pools.models import WorkerPool
from pools.services import pools
from workers.models import EnrolmentCode, Machine
from workers.selectors import capabilities
from workers.selectors.capacity import PoolLoad, pool_loads
from workers.services import machines

EDITABLE = ["space", "name", "description", "pools", "slots"]
READ_ONLY = [
    "state",
    "health",
    "health_reason",
    "busy",
    "agent_id",
    "agent_version",
    "thumbprint",
    "boot_id",
    "connected_at",
    "last_seen_at",
    "last_used_at",
    "capabilities",
]


@admin.register(WorkerPool)
class WorkerPoolAdmin(ServiceAdmin):
    edit_permission = Permission.EDIT_POOL
    list_display = ["name", "space", "is_default", "workers", "slots", "trouble"]
    list_filter = ["space", "is_default"]
    search_fields = ["name", "description"]
    list_select_related = ["space"]
    fields = ["space", "name", "description", "is_default"]
    readonly_fields = ["is_default"]
    actions = ["make_default"]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """The loads of all pools on the page in one query."""
        changelist = super().get_changelist_instance(request)
        loads = pool_loads(changelist.result_list)
        for pool in changelist.result_list:
            pool.load = loads[pool.pk]
        return changelist

    @admin.display(description="workers online")
    def workers(self, obj: WorkerPool) -> str:
        load = _load(obj)
        return f"{load.online} of {load.workers}"

    @admin.display(description="slots busy")
    def slots(self, obj: WorkerPool) -> str:
        load = _load(obj)
        return f"{load.busy} of {load.total}"

    @admin.display(description="not available", empty_value="")
    def trouble(self, obj: WorkerPool) -> str:
        return _load(obj).reason

    @admin.action(description="Make default", permissions=["change"])
    def make_default(self, request: HttpRequest, queryset: QuerySet[WorkerPool]) -> None:
        chosen = list(queryset)
        if len({pool.space_id for pool in chosen}) < len(chosen):
            self.message_user(request, "Choose one pool per space.", messages.ERROR)
            return
        act_on_all(self, request, chosen, pools.make_default)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        values = {"name": obj.name, "description": obj.description, "user": request.user}
        if change:
            pools.edit(WorkerPool.objects.get(pk=obj.pk), **values)
        else:
            obj.pk = pools.create(space=obj.space, **values).pk

    def refusals(self, obj: WorkerPool) -> list[str]:
        default = ["it is the default pool"] if obj.is_default else []
        return [*default, *super().refusals(obj)]

    def service_delete(self, obj: WorkerPool, user: User) -> None:
        pools.delete(obj, user=user)


def _load(pool: WorkerPool) -> PoolLoad:
    load: PoolLoad = pool.load  # type: ignore[attr-defined]  # set for the list above
    return load


@admin.register(Machine)
class MachineAdmin(ServiceAdmin):
    edit_permission = Permission.EDIT_WORKER
    list_display = [
        "name",
        "space",
        "state",
        "health",
        "pool_names",
        "busy",
        "agent",
        "seen",
    ]
    list_filter = ["health", "is_disabled", "is_draining", "is_revoked", "is_builtin", "pools", "space"]
    search_fields = ["name", "description", "thumbprint"]
    list_select_related = ["space"]
    autocomplete_fields = ["pools"]
    fields = [*EDITABLE, *READ_ONLY]
    readonly_fields = READ_ONLY
    actions = ["enable", "disable", "drain", "resume", "check_health"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Workers add themselves, with a code."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Machine]:
        return super().get_queryset(request).prefetch_related("pools")

    @admin.display(description="state")
    def state(self, obj: Machine) -> str:
        return obj.status

    @admin.display(description="pools")
    def pool_names(self, obj: Machine) -> str:
        return ", ".join(pool.name for pool in obj.pools.all())

    @admin.display(description="slots busy", ordering="busy_slots")
    def busy(self, obj: Machine) -> str:
        return f"{obj.busy_slots} of {obj.slots}"

    @admin.display(description="agent", ordering="agent_version")
    def agent(self, obj: Machine) -> str:
        """Its version and the system that it runs on."""
        return ", ".join(part for part in (obj.agent_version, capabilities.read(obj.capabilities).os) if part)

    @admin.display(description="last seen", ordering="last_seen_at")
    def seen(self, obj: Machine) -> str:
        if obj.last_seen_at is None:
            return "never"
        return ago_words((timezone.now() - obj.last_seen_at).total_seconds())

    @admin.action(description="Enable", permissions=["change"])
    def enable(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        act_on_all(self, request, queryset, machines.enable)

    @admin.action(description="Disable", permissions=["change"])
    def disable(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        act_on_all(self, request, queryset, machines.disable)

    @admin.action(description="Drain", permissions=["change"])
    def drain(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        act_on_all(self, request, queryset, machines.drain)

    @admin.action(description="Stop draining", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        act_on_all(self, request, queryset, machines.resume)

    @admin.action(description="Check health", permissions=["change"])
    def check_health(self, request: HttpRequest, queryset: QuerySet[Machine]) -> None:
        act_on_all(self, request, queryset, machines.request_check, refused=machines.NotConnected)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        data = form.cleaned_data
        machines.edit(
            Machine.objects.get(pk=obj.pk),
            name=data["name"],
            description=data["description"],
            pools=data["pools"],
            slots=data["slots"],
            user=request.user,  # type: ignore[arg-type]  # the admin is for users
        )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The service has set the pools."""

    def refusals(self, obj: Machine) -> list[str]:
        busy = [str(machines.Busy(obj))] if obj.busy_slots else []
        return [*busy, *super().refusals(obj)]

    def service_delete(self, obj: Machine, user: User) -> None:
        machines.delete(obj, user=user)


@admin.register(EnrolmentCode)
class EnrolmentCodeAdmin(GuardedAdmin):
    list_display = ["id", "space", "created_by", "created_at", "expires_at", "used_at", "machine"]
    list_filter = ["space"]
    list_select_related = ["space", "created_by", "machine"]
    exclude = ["code_hash"]
