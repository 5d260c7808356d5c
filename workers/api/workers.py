"""Workers, and the policy that all of them follow."""

from __future__ import annotations

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

from accounts.api.resources import InSpace, NamedResource, ResourceView, any_of, kept, numbers, routes
from accounts.api.views import ApiView
from accounts.permissions import Permission
from common.api.serializers import (
    STRING,
    STRING_OR_NULL,
    Always,
    Body,
    Computed,
    IdField,
    LinksField,
    Refs,
    Text,
)
from domain import ids
from domain.ids import IdKind
from pools.models import WorkerPool
from spaces.models import Space
from workers.models import EnrolmentCode, Health, Machine
from workers.selectors import capabilities
from workers.services import enrolment, machines
from workers.views.enrolment import base_url, lines

POLLING = "TentacleActive"
NEVER_LISTENS = (
    "A machine of Octoworkers joins with a code, and its agent dials out: POST workers/enrolment-codes or "
    "machines/enrolment-codes makes one. Machines cannot be made from an address and a thumbprint."
)
MINUTES = "00:{:02d}:00"


def endpoint(machine: Machine) -> dict[str, Any]:
    """Our agents dial out, as Octopus's polling ones do."""
    return {
        "CommunicationStyle": POLLING,
        "Uri": f"poll://{machine.agent_id}/",
        "Thumbprint": machine.thumbprint,
        "TentacleVersionDetails": {
            "Version": machine.agent_version,
            "UpgradeLocked": False,
            "UpgradeSuggested": False,
            "UpgradeRequired": False,
        },
    }


def _system(machine: Machine) -> str:
    return capabilities.read(machine.capabilities).os


class MachineResource(NamedResource):
    """What workers and deployment targets have in common."""

    IsDisabled = serializers.BooleanField(source="is_disabled", required=False)
    IsDraining = serializers.BooleanField(source="is_draining", required=False)
    Slots = serializers.IntegerField(source="slots", required=False, min_value=1, max_value=1000)
    BusySlots = serializers.IntegerField(source="busy_slots", read_only=True)
    MachinePolicyId = IdField(IdKind.MACHINE_POLICY, source="space_id")
    HealthStatus = serializers.ChoiceField(Health.choices, source="health", read_only=True)
    StatusSummary = Text(source="health_reason", read_only=True)
    IsInProcess = Computed(lambda row: row.is_builtin, {"type": "boolean"})
    HasLatestCalamari = Always(True)
    SkipInitialHealthCheck = Always(False)
    OperatingSystem = Computed(_system, STRING)
    Architecture = Computed(lambda row: capabilities.read(row.capabilities).arch, STRING)
    ShellName = Computed(lambda row: "Bash", STRING)
    ShellVersion = Always("Unknown")
    Thumbprint = Text(source="thumbprint", read_only=True)
    Uri = Computed(lambda row: f"poll://{row.agent_id}/", STRING_OR_NULL)
    Endpoint = Computed(endpoint, {"type": "object", "additionalProperties": {}})

    def links(self, row: Any) -> dict[str, str]:
        own = self.address(row)
        return {"Self": own, "Connection": f"{own}/connection", "Doctor": f"{own}/doctor"}


class WorkerResource(MachineResource):
    kind = IdKind.WORKER
    path = "workers"

    WorkerPoolIds = Refs(IdKind.WORKER_POOL, WorkerPool, source="pools", required=False)


class MachinesView(ResourceView):
    """What is done with workers and deployment targets alike."""

    model = Machine
    queryset = Machine.objects.none()
    edit = Permission.EDIT_WORKER
    filters = {
        "healthStatuses": "Healthy, HasWarnings, Unhealthy, Unavailable, Unknown; joined by commas.",
        "isDisabled": "true or false.",
        "thumbprint": "The thumbprint of the agent's key.",
        "commStyles": f"Joined by commas; all machines are {POLLING}.",
    }

    def narrowed(self, rows: Any) -> Any:
        rows = super().narrowed(rows)
        if styles := self.query.words("commStyles"):
            rows = rows if POLLING in styles else rows.none()
        if self.query.text("thumbprint"):
            rows = rows.filter(thumbprint__iexact=self.query.text("thumbprint"))
        if (flag := self.query.flag("isDisabled")) is not None:
            rows = rows.filter(is_disabled=flag)
        return rows.filter(any_of("health", self.query.words("healthStatuses")))

    def make(self, data: dict[str, Any]) -> Machine:
        raise ValidationError(NEVER_LISTENS)

    def decide(self, row: Machine, data: dict[str, Any]) -> None:
        """Enables, disables, drains and resumes it, where the body says something else than is so."""
        acts = {
            ("is_disabled", True): machines.disable,
            ("is_disabled", False): machines.enable,
            ("is_draining", True): machines.drain,
            ("is_draining", False): machines.resume,
        }
        for name in ("is_disabled", "is_draining"):
            if name in data and data[name] != getattr(row, name):
                acts[name, data[name]](row, user=self.user)

    def remove(self, row: Machine) -> None:
        machines.delete(row, user=self.user)

    @extend_schema(
        responses={
            "type": "object",
            "properties": {
                "Id": STRING,
                "MachineId": STRING,
                "Status": {"type": "string", "enum": ["Online", "Offline"]},
                "LastChecked": {"type": "string", "format": "date-time", "nullable": True},
                "CurrentTentacleVersion": STRING,
            },
        }
    )
    def connection(self, request: Request, ref: str) -> Response:
        machine = self.object(ref)
        machine_id = ids.encode(self.kind, machine.pk)
        return Response(
            {
                "Id": machine_id,
                "MachineId": machine_id,
                "Status": "Online" if machine.is_connected else "Offline",
                "LastChecked": machine.last_seen_at,
                "CurrentTentacleVersion": machine.agent_version,
            }
        )


class WorkersView(MachinesView):
    kind = IdKind.WORKER
    item_type = "Worker"
    serializer_class = WorkerResource
    filters = {"workerPoolIds": "Ids of pools, joined by commas.", **MachinesView.filters}

    def rows(self) -> Any:
        return Machine.objects.visible_to(self.user).workers().prefetch_related("pools")

    def narrowed(self, rows: Any) -> Any:
        rows = super().narrowed(rows)
        if pools := self.query.words("workerPoolIds"):
            wanted = Machine.pools.through.objects.filter(
                workerpool_id__in=numbers(IdKind.WORKER_POOL, pools)
            )
            rows = rows.filter(pk__in=wanted.values("machine_id"))
        return rows

    def change(self, row: Machine, data: dict[str, Any]) -> None:
        with transaction.atomic():
            values = kept(row, data, "name", "description", "slots")
            pools = data.get("pools", list(row.pools.all()))
            machines.edit(row, pools=pools, user=self.user, **values)
            self.decide(row, data)


class PoolWorkersView(WorkersView):
    """The workers of one pool."""

    take = 20
    tag = "workerpools"

    def listed(self) -> Any:
        pools = WorkerPool.objects.visible_to(self.user)
        if self.names_space:
            pools = pools.in_space(self.space)
        found = pools.filter(pk__in=numbers(IdKind.WORKER_POOL, [self.kwargs["pool"]])).first()
        if found is None:
            raise Http404(f"The worker pool {self.kwargs['pool'][:80]!r} was not found.")
        return self.narrowed(self.rows().filter(pools=found))


class CodeBody(Body):
    WorkerPoolIds = Refs(IdKind.WORKER_POOL, WorkerPool, source="pools")
    Slots = serializers.IntegerField(source="slots", default=10, min_value=1, max_value=1000)


CODE = {
    "201": {
        "type": "object",
        "properties": {"Code": STRING, "ExpiresAt": STRING, "Command": STRING, "ServiceCommand": STRING},
    }
}


def code_answer(request: Request, code: EnrolmentCode, plain: str) -> Response:
    """The code, which is shown once, with the lines to paste."""
    shown = lines(base_url(request._request), code, plain)
    return Response(
        {
            "Code": plain,
            "ExpiresAt": code.expires_at,
            "Command": shown.run,
            "ServiceCommand": shown.service,
        },
        status=201,
    )


class CodesView(ApiView):
    """Lets one agent join, once, within a quarter of an hour."""

    @extend_schema(request=CodeBody, responses=CODE, tags=["workers"])
    def post(self, request: Request) -> Response:
        self.require(Permission.EDIT_WORKER)
        data = self.body(CodeBody)
        if not data["pools"]:
            raise ValidationError({"WorkerPoolIds": "Name at least one pool."})
        code, plain = enrolment.issue(
            space=self.space, pools=data["pools"], slots=data["slots"], user=self.user, now=timezone.now()
        )
        return code_answer(request, code, plain)


class PolicyResource(InSpace):
    """The one policy of a space: it is the same everywhere and cannot be changed."""

    kind = IdKind.MACHINE_POLICY
    path = "machinepolicies"

    Id = IdField(IdKind.MACHINE_POLICY, source="pk")
    SpaceId = IdField(IdKind.SPACE, source="pk")
    Name = Always("Default Machine Policy")
    Description = Always("Agents report their health themselves, every 15 seconds.")
    IsDefault = Always(True)
    MachineHealthCheckPolicy = Always({"HealthCheckInterval": "00:00:15", "HealthCheckType": "RunScript"})
    MachineConnectivityPolicy = Always({"MachineConnectivityBehavior": "ExpectedToBeOnline"})
    MachineCleanupPolicy = Always({"DeleteMachinesBehavior": "DoNotDelete"})
    MachineUpdatePolicy = Always({"TentacleUpdateBehavior": "NeverUpdate"})
    PollingRequestQueueTimeout = Always(MINUTES.format(2))
    ConnectionRetryTimeLimit = Always(MINUTES.format(5))
    Links = LinksField()


class PoliciesView(ResourceView):
    model = Space
    kind = IdKind.MACHINE_POLICY
    item_type = "MachinePolicy"
    serializer_class = PolicyResource
    queryset = Space.objects.none()
    #: All have the same name.
    name_field = ""

    def narrowed(self, rows: Any) -> Any:
        name, part = self.query.text("name").casefold(), self.query.text("partialName").casefold()
        own = "default machine policy"
        return super().narrowed(rows) if part in own and name in ("", own) else rows.none()

    def by_name(self, rows: Any, ref: str) -> Any:
        return None


ROUTES = [
    path("workerpools/<str:pool>/workers", PoolWorkersView.as_view({"get": "list"})),
    path("workers/enrolment-codes", CodesView.as_view()),
    *routes(WorkersView, "workers"),
    path("workers/<str:ref>/connection", WorkersView.as_view({"get": "connection"})),
    *routes(PoliciesView, "machinepolicies"),
]
