"""The conditions of steps that only the run itself can tell, when their turn comes."""

from __future__ import annotations

from common.prepared import Param, Rows
from domain import octostache
from domain.flow import CannotJudge
from domain.progress import Passed, is_true, progress_variables
from domain.runs import BAD, Run, Step
from tasks.engine import script
from tasks.models import Execution
from variables.services import sealing

_failures = Rows(
    lambda: (
        Execution.objects.filter(task=Param("task"), state__in=[status.value for status in BAD])
        .order_by("number")
        .values_list("message", "name")
    )
)


def judge(task_id: int, run: Run, step: Step, *, of_parent: bool = False) -> bool:
    """Whether the expression of a step, or of the one that it is a child of, is true in a run that is held.
    Raises `CannotJudge`."""
    try:
        now = _now(task_id, run)
        expression, values = script.condition(task_id, step.number, step.at, now, of_parent=of_parent)
        return is_true(expression, values)
    except (octostache.TemplateError, sealing.CannotUnseal) as error:
        raise CannotJudge(f"Its condition cannot be evaluated. {error}") from error


def first_failure(task_id: int) -> str:
    """What went wrong first in a run; empty where nothing says so."""
    found = _failures.first(task=task_id)
    return found[0] if found else ""


def _now(task_id: int, run: Run) -> dict[str, str]:
    """What the steps of a run have come to. It is not stored yet, except for what went wrong before."""
    stored = {name: message for message, name in _failures(task=task_id)}
    passed = (Passed(step.name, step.status, step.message or stored.get(step.name, "")) for step in run.steps)
    return progress_variables(passed)
