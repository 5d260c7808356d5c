"""What keeps a worker or a deployment target from being given work, check by check."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from common.api.serializers import STRING
from common.times import ago_words
from domain import ids
from domain.ids import IdKind
from domain.worker_checks import Verdict, WorkerState, checks, worst
from workers.api.targets import TargetsView
from workers.api.workers import WorkersView
from workers.models import ONLINE, Health, Machine
from workers.selectors import capabilities

_VERDICT = {"type": "string", "enum": [one.value for one in Verdict]}
_CHECK = {
    "type": "object",
    "properties": {"Name": STRING, "Verdict": _VERDICT, "Message": STRING, "Advice": STRING},
    "required": ["Name", "Verdict", "Message", "Advice"],
}


def state_of(machine: Machine) -> WorkerState:
    seen = machine.last_seen_at
    places = [*machine.pools.all(), *machine.environments.all()]
    return WorkerState(
        is_revoked=machine.is_revoked,
        is_connected=machine.is_connected,
        seen=ago_words((timezone.now() - seen).total_seconds()) if seen else "",
        is_fit=machine.health in ONLINE,
        health=_health(machine),
        is_disabled=machine.is_disabled,
        is_draining=machine.is_draining,
        places=tuple(place.name for place in places) or ("empty default pools",) * machine.is_builtin,
        slots=machine.slots,
        busy=machine.busy_slots,
        agent_version=machine.agent_version,
        server_version=settings.SERVER_VERSION,
        shells=tuple(capabilities.read(machine.capabilities).shells),
    )


def _health(machine: Machine) -> str:
    if machine.health == Health.HEALTHY:
        return ""
    reason = f": {machine.health_reason}" if machine.health_reason else ""
    return f"{machine.get_health_display()}{reason}."


class Doctor:
    """The check of a machine, for views of either kind."""

    kind: IdKind

    @extend_schema(
        responses={
            "type": "object",
            "properties": {"Id": STRING, "Verdict": _VERDICT, "Checks": {"type": "array", "items": _CHECK}},
            "required": ["Id", "Verdict", "Checks"],
        }
    )
    def doctor(self: Any, request: Request, ref: str) -> Response:
        """Looks at what the server knows of it: nothing is run on the machine."""
        machine = self.object(ref)
        found = checks(state_of(machine))
        rows = [
            {"Name": one.name, "Verdict": one.verdict, "Message": one.message, "Advice": one.advice}
            for one in found
        ]
        own = ids.encode(self.kind, machine.pk)
        return Response({"Id": own, "Verdict": worst(found), "Checks": rows})


class WorkerDoctorView(Doctor, WorkersView):
    pass


class TargetDoctorView(Doctor, TargetsView):
    pass


ROUTES = [
    path("workers/<str:ref>/doctor", WorkerDoctorView.as_view({"get": "doctor"})),
    path("machines/<str:ref>/doctor", TargetDoctorView.as_view({"get": "doctor"})),
]
