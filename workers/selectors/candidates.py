"""The workers that placement may choose from, read in one statement: it is asked for every step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import IntegerField, QuerySet, TextField
from django.db.models.functions import Cast

from common.prepared import Param, Rows
from domain.placement import WorkerFacts
from pools.models import WorkerPool
from workers.models import Machine
from workers.selectors.capacity import tools_in


@dataclass(frozen=True)
class Candidate:
    """A worker that may be given work now: enabled, healthy, not draining, and connected. One whose
    connection broke a moment ago is not given anything: the step would wait for it to come back."""

    id: int
    space_id: int
    channel: str
    facts: WorkerFacts


_reachable = Machine.objects.accepting().filter(is_revoked=False).exclude(channel="").order_by("id")
_COLUMNS = ("id", "space_id", "channel", "name", "slots", "busy_slots", "last_used_at", "known")


def _with_columns(rows: QuerySet[Machine]) -> QuerySet[Machine, Any]:
    # As text, which is parsed once for all workers and all times that say the same.
    return rows.annotate(known=Cast("capabilities", TextField())).values_list(*_COLUMNS)


_in_pool = Rows(lambda: _with_columns(_reachable.filter(pools=Param("pool", IntegerField()))))
_by_id = Rows(lambda: _with_columns(_reachable.filter(pk=Param("machine", IntegerField()))))
_space_of = WorkerPool.objects.filter(pk=Param("pool", IntegerField())).values("space")
_builtin = Rows(lambda: _with_columns(_reachable.filter(is_builtin=True, space__in=_space_of)))


def candidates(pool_id: int) -> list[Candidate]:
    """In a default pool without any worker that is the built-in one."""
    rows = _in_pool(pool=pool_id)
    if not rows and _stands_in(pool_id):
        rows = _builtin(pool=pool_id)
    return [_candidate(*row) for row in rows]


def itself(machine_id: int) -> list[Candidate]:
    """One machine, where it may be given work now."""
    return [_candidate(*row) for row in _by_id(machine=machine_id)]


def _stands_in(pool_id: int) -> bool:
    if not settings.BUILTIN_WORKER or Machine.objects.in_pool(pool_id).exists():
        return False
    return WorkerPool.objects.filter(pk=pool_id, is_default=True).exists()


def _candidate(
    id: int,
    space_id: int,
    channel: str,
    name: str,
    slots: int,
    busy: int,
    last_used: datetime | None,
    known: str,
) -> Candidate:
    facts = WorkerFacts(str(id), name, slots, busy, _tools(known), last_used)
    return Candidate(id, space_id, channel, facts)


@lru_cache(maxsize=1024)
def _tools(known: str) -> frozenset[str]:
    return tools_in(json.loads(known))
