"""Whose turn it is: the one mechanism behind steps in a row, parallel groups, targets and windows.

Stages, steps and lanes nest (see `domain.units.Place`), and each level is the same: what has begun goes on,
and as many more begin as there is room for. A unit's condition is decided when its turn comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice, takewhile
from typing import Protocol

from domain.step_rules import Condition, Executor
from domain.units import BAD, ENDED, Question, Run, Step, StepStatus


class Judge(Protocol):
    """Whether the expression of a unit's condition is true in a run as it stands; with `of_parent`, that of
    the step that it is a child of. Raises CannotJudge."""

    def __call__(self, run: Run, step: Step, *, of_parent: bool = False) -> bool: ...


class CannotJudge(Exception):
    """An expression cannot be evaluated; the message says why."""


def no_expressions(run: Run, step: Step, *, of_parent: bool = False) -> bool:
    """The judge of runs of which no unit has an expression."""
    raise CannotJudge("Nobody evaluates expressions here.")


AFTER_A_FAILURE = "Not run, because a step before it failed."
WITHOUT_A_FAILURE = "Not run, because no step before it failed."
NOT_TRUE = "Not run, because its condition is not true."


def take_turns(run: Run, judge: Judge) -> tuple[Run, tuple[Step, ...]]:
    """The run with everything begun whose turn it is, and what does not apply skipped; the units that have
    begun, in their order."""
    turns = _Turns(run, judge)
    turns.take()
    return turns.run, tuple(turns.begun)


Group = Sequence[int]
"""Numbers of units."""


class _Turns:
    def __init__(self, run: Run, judge: Judge) -> None:
        self._before, self._judge = run, judge
        self._units = {step.number: step for step in run.steps}
        self._has_failed = False
        self.begun: list[Step] = []

    @property
    def run(self) -> Run:
        return replace(self._before, steps=tuple(self._units.values()))

    def take(self) -> None:
        steps, at = self._before.steps, 0
        while at < len(steps):
            if steps[at].place is None and steps[at].status in ENDED:
                # Most of a long run, on which no time is to be lost after every step.
                self._has_failed = self._has_failed or steps[at].status in BAD
                at += 1
                continue
            stage = self._stage_from(at)
            if not self._is_over(stage):
                self._stage(stage)
                if not self._is_over(stage):
                    return
            self._has_failed = self._has_failed or self._has_bad(stage)
            at += len(stage)

    def _stage_from(self, at: int) -> Group:
        steps = self._before.steps
        own = steps[at].at.stage
        return [step.number for step in takewhile(lambda step: step.at.stage == own, islice(steps, at, None))]

    def _stage(self, stage: Group) -> None:
        steps = self._grouped(stage, lambda unit: unit.at.step)
        self._side_by_side(steps, self._units[stage[0]].at.abreast, lambda step: self._step(step, stage))

    def _step(self, step: Group, stage: Group) -> None:
        lanes = self._grouped(step, lambda unit: unit.at.lane)
        self._side_by_side(lanes, self._units[step[0]].at.window, lambda lane: self._lane(lane, stage))

    def _side_by_side(self, groups: Sequence[Group], limit: int, go: Callable[[Group], None]) -> None:
        """What is open goes on; what is not begins where there is room."""
        is_open = [self._is_open(group) for group in groups]
        room = (limit or len(groups)) - sum(is_open)
        for opened in (True, False):
            for group in (group for group, one in zip(groups, is_open, strict=True) if one is opened):
                if opened or room > 0:
                    go(group)
                    room += opened - self._is_open(group)

    def _lane(self, lane: Group, stage: Group) -> None:
        """Up to the first unit that is at work."""
        for number in lane:
            unit = self._units[number]
            if unit.status is StepStatus.PENDING:
                self._units[number] = unit = self._turn(unit, lane, stage)
            if unit.status not in ENDED:
                return

    def _turn(self, unit: Step, lane: Group, stage: Group) -> Step:
        try:
            reason = self._reason_to_skip(unit, lane, stage)
        except CannotJudge as problem:
            return replace(unit, status=StepStatus.FAILED, message=str(problem))
        if reason:
            return replace(unit, status=StepStatus.SKIPPED, message=reason)
        unit = _begun(unit)
        self.begun.append(unit)
        return unit

    def _reason_to_skip(self, unit: Step, lane: Group, stage: Group) -> str:
        """A lane is judged by what was before it and by itself, so that a target on which work has begun is
        not left half done because of another one. None begins after a failure beside it. Child steps begin as
        the step that they belong to says; from then on they look at one another."""
        failed_here, is_open = self._has_bad(lane), self._is_open(lane)
        failed_beside = not is_open and self._has_bad(stage)
        condition, gate = unit.rules.condition, unit.rules.gate
        if gate is None:
            return self._refusal(unit, condition, self._has_failed or failed_here, failed_beside)
        if not is_open and (
            reason := self._refusal(unit, gate, self._has_failed, failed_beside, of_parent=True)
        ):
            return reason
        return self._refusal(unit, condition, failed_here, failed_beside=False)

    def _refusal(
        self,
        unit: Step,
        condition: Condition,
        has_failed: bool,
        failed_beside: bool,
        *,
        of_parent: bool = False,
    ) -> str:
        match condition:
            case Condition.SUCCESS:
                return AFTER_A_FAILURE if has_failed or failed_beside else ""
            case Condition.FAILURE:
                return "" if has_failed else WITHOUT_A_FAILURE
            case Condition.VARIABLE:
                return "" if self._judge(self.run, unit, of_parent=of_parent) else NOT_TRUE
        return ""

    def _grouped(self, numbers: Iterable[int], key: Callable[[Step], int]) -> list[Group]:
        groups: dict[int, list[int]] = {}
        for number in numbers:
            groups.setdefault(key(self._units[number]), []).append(number)
        return list(groups.values())

    def _is_over(self, group: Group) -> bool:
        return all(self._units[number].status in ENDED for number in group)

    def _has_bad(self, group: Group) -> bool:
        return any(self._units[number].status in BAD for number in group)

    def _is_open(self, group: Group) -> bool:
        """Whether it is at work, or between two of its units. One of which parts are skipped, and nothing
        was done yet, has not begun."""
        states = {self._units[number].status for number in group}
        done = states & (ENDED - {StepStatus.SKIPPED})
        return bool(states - ENDED - {StepStatus.PENDING}) or bool(done and StepStatus.PENDING in states)


def _begun(unit: Step) -> Step:
    """As its executor takes it over."""
    match unit.rules.executor:
        case Executor.PERSON:
            return replace(unit, status=StepStatus.INTERRUPTED, question=Question.MANUAL)
        case Executor.WORKER | Executor.SERVER:
            return replace(unit, status=StepStatus.WAITING)
