"""What of lower apps runs and queued runs use, so that it is not deleted under them."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.urls import reverse

from common.usage import NAMED, Use
from tasks.models import UNFINISHED, ServerTask, StepState

_TO_COME = (
    StepState.PENDING,
    StepState.WAITING,
    StepState.RUNNING,
    StepState.RETRYING,
    StepState.INTERRUPTED,
)


def of_pool(pool: models.Model) -> Iterable[Use]:
    """Unfinished tasks with a step that is still to run on this pool: their plans are frozen."""
    return _unfinished(executions__pool_id=pool.pk)


def of_machine(machine: models.Model) -> Iterable[Use]:
    """The same of a deployment target."""
    return _unfinished(executions__target=machine.pk)


def _unfinished(**steps: object) -> Iterable[Use]:
    steps["executions__state__in"] = _TO_COME
    tasks = ServerTask.objects.filter(state__in=UNFINISHED, **steps).distinct()
    for task in tasks.only("name", "state", "space_id")[:NAMED]:
        yield Use(f"{task.get_state_display()} task", str(task), reverse("task_detail", args=[task.pk]))
