"""The plan of a run before it starts, arranged for the right side of the dialog."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format

from common.times import MINUTE, ago_words
from domain.labels import ScopeLabel, counted
from domain.plans import PlannedStep, PoolReason, parent_text, step_text
from domain.scopes import Kind
from environments.models import Environment
from pools.models import WorkerPool
from projects.places import Place
from projects.run_dialog.dialog import RunDialog
from projects.run_dialog.fixes import ProblemLine, problem_lines
from projects.run_dialog.outlook import Outlook, outlooks
from projects.run_dialog.workers import StepWorkers, Workers
from projects.services import runs, shown_plans
from projects.services.runs import PlacePlan, Runnable
from tasks.services.options import Wishes


@dataclass(frozen=True)
class Verdict:
    """Whether and when a task would start. `kind` is a CSS class of the design system; `sentence` says
    more, and `task_id` is the task that it is about."""

    kind: str
    icon: str
    label: str
    sentence: str = ""
    task_id: int | None = None


ScopeGroup = tuple[tuple[ScopeLabel, Environment | None], ...]
"""The ids of one kind in a scope, of which any may match; environments with their colour."""


@dataclass(frozen=True)
class ReasonLine:
    """A value of the pool variable: its pool, its scope as chips, and what became of it."""

    value: str
    scopes: tuple[ScopeGroup, ...]
    result: str
    used: bool


@dataclass(frozen=True)
class StepLine:
    step: PlannedStep
    pool_slug: str
    slots: str
    is_full: bool
    reason: PoolReason | None
    rows: tuple[ReasonLine, ...]
    workers: StepWorkers
    same_as: str | None
    is_open: bool = False

    @property
    def over(self) -> str:
        """What stands above the first child of a step: how many follow, and when they start."""
        if self.step.child != 1:
            return ""
        return "; ".join(
            ["Child steps, one after the other", *([text] if (text := parent_text(self.step)) else [])]
        )

    @property
    def rules(self) -> str:
        """When it starts and what its rules say, beyond that a person is asked."""
        return step_text(self.step, with_person=False)

    @property
    def sentence(self) -> tuple[str, str, str]:
        """The reason in three parts, of which the second is the name of the variable."""
        if self.reason is None:
            return "", "", ""
        return self.reason.sentence.partition(self.reason.variable or "\n")


@dataclass(frozen=True)
class TaskPreview:
    """One task: where, whether it can start, its steps, and what stands against it."""

    place: Place
    verdict: Verdict
    steps: tuple[StepLine, ...]
    problems: tuple[ProblemLine, ...]

    @property
    def blocked(self) -> bool:
        return any(problem.blocks and not problem.is_answer for problem in self.problems)


@dataclass(frozen=True)
class Preview:
    """All tasks of the choice, or the sentence that says why there are none. `shown` goes into the form:
    what the start is compared with."""

    tasks: tuple[TaskPreview, ...] = ()
    message: str = ""
    shown: str = ""

    @property
    def blocked(self) -> bool:
        return not self.tasks or any(task.blocked for task in self.tasks)

    @property
    def environment_count(self) -> int:
        return len({task.place.environment for task in self.tasks})

    @property
    def headline(self) -> str:
        steps = {len(task.steps) for task in self.tasks}
        each = (
            f", {counted(steps.pop(), 'step')}{' each' if len(self.tasks) > 1 else ''}"
            if len(steps) == 1 and 0 not in steps
            else ""
        )
        return f"{counted(len(self.tasks), 'task')}{each}."

    @property
    def objection(self) -> str:
        """What the footer says next to a button that cannot be pressed."""
        names = [task.place.label for task in self.tasks if task.blocked]
        if not names:
            return ""
        others = f" and {counted(len(names) - 1, 'other')}" if len(names) > 1 else ""
        return f"{names[0]}{others} cannot run"


@dataclass(frozen=True)
class _Surroundings:
    """What the lines are drawn from, read once for all tasks."""

    dialog: RunDialog
    pool_slugs: Mapping[str, str]
    workers: Workers
    environments: Mapping[str, Environment]
    start_at: datetime | None


def arrange(
    plans: Sequence[PlacePlan],
    *,
    dialog: RunDialog,
    runnable: Runnable,
    environments: Sequence[Environment],
    wishes: Wishes,
    now: datetime,
) -> Preview:
    """`environments` are all of the space, for the colours of scopes."""
    pools = list(WorkerPool.objects.in_space(dialog.project.space))
    used = {id for one in plans for id in one.plan.pool_ids}
    around = _Surroundings(
        dialog=dialog,
        pool_slugs={str(pool.pk): pool.slug for pool in pools},
        workers=Workers((pool for pool in pools if str(pool.pk) in used), now=now),
        environments={str(environment.pk): environment for environment in environments},
        start_at=wishes.start_at,
    )
    ahead = outlooks(plans, runnable, wishes=wishes, now=now)
    return Preview(
        tuple(_task(one, outlook, around) for one, outlook in zip(plans, ahead, strict=True)),
        shown=shown_plans.dump(runs.shown(runnable, plans)),
    )


def _task(planned: PlacePlan, outlook: Outlook | None, around: _Surroundings) -> TaskPreview:
    verdict = _verdict(planned, outlook, around)
    return TaskPreview(
        place=planned.place,
        verdict=verdict,
        steps=_steps(planned, around, opened=verdict.kind != "ok"),
        problems=tuple(
            problem_lines(planned.plan.problems, dialog=around.dialog, pool_slugs=around.pool_slugs)
        ),
    )


def _verdict(planned: PlacePlan, outlook: Outlook | None, around: _Surroundings) -> Verdict:
    if not planned.plan.can_start:
        return Verdict("bad", "circle-x", "Cannot run")
    if around.start_at is not None:
        moment = date_format(timezone.localtime(around.start_at), "D j M, H:i")
        return Verdict("idle", "calendar-clock", f"Starts {moment}")
    if outlook is not None:
        return Verdict("warn", outlook.icon, outlook.label, outlook.sentence, outlook.task_id)
    first = next(iter(planned.plan.running_steps), None)
    if first and first.capacity and first.capacity.is_full:
        return Verdict("warn", "clock", _wait_words(around.workers.wait(first)))
    if first and first.capacity and first.capacity.is_returning:
        return Verdict("warn", "unplug", "Waits for a worker to reconnect")
    return Verdict("ok", "circle-check", "Starts at once")


def _wait_words(length: timedelta | None) -> str:
    if length is None:
        return "Waits for a free slot"
    return f"Waits about {ago_words(-max(length.total_seconds(), MINUTE)).removeprefix('in ')}"


def _steps(planned: PlacePlan, around: _Surroundings, *, opened: bool) -> tuple[StepLine, ...]:
    """A reason that repeats is told once, at the first step that has it; open where it matters."""
    told: dict[tuple[object, ...], str] = {}
    lines = []
    for step in planned.plan.steps:
        key = (step.pool_id, step.why.variable, step.why.rows) if step.why and step.why.variable else None
        same_as = told.get(key) if key else None
        is_first = key is not None and not told
        if key and same_as is None:
            told[key] = step.label
        lines.append(_step(step, around, same_as=same_as, is_open=opened and is_first))
    return tuple(lines)


def _step(step: PlannedStep, around: _Surroundings, *, same_as: str | None, is_open: bool) -> StepLine:
    capacity = step.capacity
    rows = step.why.rows if step.why else ()
    return StepLine(
        step=step,
        pool_slug=around.pool_slugs.get(step.pool_id or "", ""),
        slots=capacity.sentence if capacity else "",
        is_full=bool(capacity and not capacity.slots_free),
        reason=step.why,
        rows=tuple(
            ReasonLine(row.value, _scopes(row.labels, around), row.result, row.used)
            for row in sorted(rows, key=lambda row: not row.used)
        ),
        workers=around.workers.of(step),
        same_as=same_as,
        is_open=is_open,
    )


def _scopes(labels: Sequence[ScopeLabel], around: _Surroundings) -> tuple[ScopeGroup, ...]:
    """By kind, environments first: that is what a person looks for."""
    groups: dict[Kind, list[tuple[ScopeLabel, Environment | None]]] = defaultdict(list)
    for label in labels:
        known = around.environments.get(label.id) if label.kind is Kind.ENVIRONMENT else None
        groups[label.kind].append((label, known))
    order = sorted(groups, key=lambda kind: kind is not Kind.ENVIRONMENT)
    return tuple(tuple(groups[kind]) for kind in order)
