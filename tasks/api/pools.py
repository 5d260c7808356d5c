"""Worker pools with their load, their queue and their pause."""

from __future__ import annotations

from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from common.api.serializers import ANY_OBJECT, Body, Text, moment
from domain import ids
from domain.ids import IdKind
from pools.api import WorkerPoolsView
from pools.models import WorkerPool
from tasks.models import PauseMode
from tasks.selectors.pauses import standing
from tasks.selectors.pools import PoolCard, cards_of
from tasks.services import pauses

STATE_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "Id": {"type": "string"},
        "Name": {"type": "string"},
        "IsDefault": {"type": "boolean"},
        "Health": {"type": "string"},
        "Workers": {"type": "integer"},
        "WorkersAvailable": {"type": "integer"},
        "Slots": {"type": "integer"},
        "SlotsFree": {"type": "integer"},
        "WaitingSteps": {"type": "integer"},
        "UsedBy": {"type": "string"},
        "Pause": {**ANY_OBJECT, "nullable": True},
    },
}


class PauseBody(Body):
    """Pause starts nothing, not even the next step; Drain finishes what has begun."""

    Mode = serializers.ChoiceField(PauseMode.choices, source="mode", default=PauseMode.PAUSE)
    Reason = Text(source="reason", required=True, allow_blank=False, max_length=300, trim_whitespace=True)


def state_json(card: PoolCard) -> dict[str, Any]:
    pause = card.pause
    return {
        "Id": ids.encode(IdKind.WORKER_POOL, card.pool.pk),
        "Name": card.pool.name,
        "IsDefault": card.pool.is_default,
        "Health": card.health.label,
        "Workers": card.load.workers,
        "WorkersAvailable": card.load.available,
        "Slots": card.load.slots,
        "SlotsFree": card.load.free,
        "WaitingSteps": card.queue,
        "UsedBy": card.used_by,
        "Pause": {
            "Mode": pause.mode,
            "Reason": pause.reason,
            "By": pause.created_by_name,
            "Since": moment(pause.created_at),
        }
        if pause
        else None,
    }


class PoolStatesView(WorkerPoolsView):
    tag = "workerpools"

    @extend_schema(responses={"type": "array", "items": STATE_SCHEMA})
    def summary(self, request: Request) -> Response:
        """What each pool has, does and waits for."""
        return Response([state_json(card) for card in cards_of(list(self.listed()))])

    @extend_schema(request=PauseBody, responses={"200": STATE_SCHEMA})
    def pause(self, request: Request, ref: str) -> Response:
        """Stops it with a reason; what is stopped already gets the new mode and reason."""
        pool = self._pool(ref)
        data = self.body(PauseBody)
        pauses.pause(
            pool, mode=PauseMode(data["mode"]), reason=data["reason"], user=self.user, now=timezone.now()
        )
        return self._state(pool)

    @extend_schema(request=None, responses={"200": STATE_SCHEMA})
    def resume(self, request: Request, ref: str) -> Response:
        pool = self._pool(ref)
        if standing(pool):
            pauses.resume(pool, user=self.user)
        return self._state(pool)

    def _pool(self, ref: str) -> WorkerPool:
        pool: WorkerPool = self.object(ref)
        self.require(Permission.EDIT_POOL, pool)
        return pool

    def _state(self, pool: WorkerPool) -> Response:
        [card] = cards_of([pool])
        return Response(state_json(card))


ROUTES = [
    path("workerpools/summary", PoolStatesView.as_view({"get": "summary"})),
    path("workerpools/<str:ref>/pause", PoolStatesView.as_view({"post": "pause"})),
    path("workerpools/<str:ref>/resume", PoolStatesView.as_view({"post": "resume"})),
]
