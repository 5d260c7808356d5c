"""Goes on from a step of a run that has ended badly: a new run with the same frozen plan, which takes over
the results of the steps before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from domain import arrangement
from domain.arrangement import Unit
from domain.codec import Malformed
from domain.flow import AFTER_A_FAILURE
from domain.labels import counted, listed
from domain.plans import PlannedStep, RunPlan
from domain.units import Place
from pools.models import WorkerPool
from protocol.log import Level
from tasks.engine import advance
from tasks.models import Execution, OutputVariable, ServerTask, StepState, TaskState
from tasks.services.options import Resume
from workers.models import Machine

#: Results that a later run can build on, but for what was passed over because of the failure.
_GOOD = (StepState.SUCCESS, StepState.IGNORED, StepState.SKIPPED)
#: Ends after which a run can be gone on with.
_ENDS = (TaskState.FAILED, TaskState.CANCELED, TaskState.TIMED_OUT)


class CannotResume(ValueError):
    """The run cannot be gone on with from there; the message says why."""


@dataclass(frozen=True)
class ResumePoint:
    """The step from which a run can be gone on with. `taken` are those before it, whose results count."""

    number: int
    name: str
    taken: Sequence[Execution]
    is_unknown: bool

    @property
    def consequence(self) -> str:
        """What is run again and what is not."""
        numbers = [one.number for one in self.taken]
        before = [] if self.number == 1 else ["1"] if self.number == 2 else [f"1 to {self.number - 1}"]
        beside = [str(number) for number in numbers if number > self.number]
        kept = f"{'Step' if len(numbers) == 1 else 'Steps'} {listed([*before, *beside])}"
        is_one = len(numbers) == 1
        whose = "its result and output variables are" if is_one else "their results and output variables are"
        rest = "all others after it" if beside else "all after it"
        text = (
            f"{kept} {'is' if is_one else 'are'} not run again: {whose} taken over. "
            f"Step {self.number}, {self.name}, and {rest} run, with the plan of this task: "
            "the same steps, values and pools."
        )
        again = f" Nobody knows how far step {self.number} came, so it may do its work twice."
        return text + again if self.is_unknown else text


def resume_point(task: ServerTask, executions: Sequence[Execution]) -> ResumePoint | None:
    """Where the run went wrong, or None where there is nothing to take over. `executions` are all of its
    steps in order."""
    if task.state not in _ENDS:
        return None
    at = next((one for one in executions if not _is_good(one)), None)
    taken = _taken(executions, at.number) if at else []
    if at is None or not any(one.state != StepState.SKIPPED for one in taken):
        return None
    return ResumePoint(at.number, at.name, taken, is_unknown=at.state == StepState.UNKNOWN)


def _is_good(one: Execution) -> bool:
    was_passed_over = one.state == StepState.SKIPPED and one.message == AFTER_A_FAILURE
    return one.state in _GOOD and not was_passed_over


def _taken(executions: Sequence[Execution], step: int) -> list[Execution]:
    """Those whose results count when a run goes on from a step: all before it, and what has succeeded
    beside it."""
    stage = next(_stage(one) for one in executions if one.number == step)
    return [
        one
        for one in executions
        if one.number < step or (_stage(one) == stage and one.state in (StepState.SUCCESS, StepState.IGNORED))
    ]


def _stage(one: Execution) -> int:
    return Place.from_json(one.number, one.place).stage


def plan_of(resume: Resume) -> RunPlan:
    """The frozen plan to go on with. Raises `CannotResume` where the run or a pool of its is not as it
    would have to be."""
    task = resume.task
    if task.state not in _ENDS:
        raise CannotResume(f"Task {task.pk} has not failed, so there is nothing to resume.")
    executions = list(task.executions.order_by("number"))
    open_steps = [one.number for one in executions if one.number < resume.step and not _is_good(one)]
    if open_steps or resume.step not in [one.number for one in executions]:
        raise CannotResume(f"Task {task.pk} cannot be resumed from step {resume.step}.")
    try:
        plan = RunPlan.from_json(task.plan)
    except Malformed as error:
        raise CannotResume("Its plan was made by another version of the server.") from error
    again = [one for one in arrangement.units(plan.steps, abreast=plan.abreast) if one.number >= resume.step]
    _check_pools(one.step for one in again if one.step.skipped is None)
    _check_targets(again)
    return plan


def _check_targets(units: Sequence[Unit]) -> None:
    wanted = {int(one.target.id): (one.step, one.target) for one in units if one.target}
    there = set(Machine.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    for id in sorted(wanted.keys() - there):
        step, target = wanted[id]
        raise CannotResume(f"Step {step.label} is for {target.name}, which has been deleted.")


def _check_pools(steps: Iterator[PlannedStep]) -> None:
    wanted = {int(step.pool_id): step for step in steps if step.pool_id}
    for pool_id in _missing(wanted):
        step = wanted[pool_id]
        raise CannotResume(f"Step {step.label} runs in {step.pool_name}, which has been deleted.")


def _missing(pool_ids: Collection[int]) -> list[int]:
    there = set(WorkerPool.objects.filter(pk__in=pool_ids).values_list("pk", flat=True))
    return sorted(set(pool_ids) - there)


@transaction.atomic
def take_over(task: ServerTask, resume: Resume, *, now: datetime) -> None:
    """Gives a run that was just created the results and output variables of the earlier one."""
    taken = _taken(list(resume.task.executions.order_by("number")), resume.step)
    earlier = {one.number: one for one in taken}
    steps = list(task.executions.filter(number__in=earlier))
    for step in steps:
        _copy_result(step, earlier[step.number], now=now)
    Execution.objects.bulk_update(steps, _COPIED)
    outputs = OutputVariable.objects.filter(execution__in=earlier.values()).select_related("execution")
    own = {step.number: step for step in steps}
    OutputVariable.objects.bulk_create(
        OutputVariable(
            execution=own[one.execution.number],
            machine_name=one.machine_name,
            name=one.name,
            value=one.value,
            is_sensitive=one.is_sensitive,
        )
        for one in outputs
    )
    ServerTask.objects.filter(pk=task.pk).update(resumed_at_step=resume.step)
    task.resumed_at_step = resume.step
    said = f"Took over the results of {counted(len(steps), 'step')} of task {resume.task.pk}."
    advance.note(task.pk, said, level=Level.INFO, now=now)


_COPIED = (
    "state",
    "message",
    "machine",
    "machine_name",
    "has_warnings",
    "failures",
    "completed_at",
    "reused_from",
)


def _copy_result(step: Execution, earlier: Execution, *, now: datetime) -> None:
    step.state = earlier.state
    step.message = earlier.message
    step.machine = earlier.machine
    step.machine_name = earlier.machine_name
    step.has_warnings = earlier.has_warnings
    step.failures = earlier.failures
    step.completed_at = now
    # Where it really ran, also after several resumes. A step that was skipped has no result.
    if earlier.state != StepState.SKIPPED:
        step.reused_from = earlier.reused_from or earlier
