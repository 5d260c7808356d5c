"""From the steps of a plan to the units of a run: which of them go beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.plans import PlannedStep
from domain.step_rules import Start
from domain.targets import PlannedTarget
from domain.units import Place


@dataclass(frozen=True, slots=True)
class Unit:
    """What runs at once: a step, or a step for one of its deployment targets. `number` is its place in the
    run, from 1, which is the step's own as long as no step before it has several targets."""

    number: int
    step: PlannedStep
    place: Place
    target: PlannedTarget | None = None


def stages(steps: Sequence[PlannedStep]) -> Iterator[list[PlannedStep]]:
    """Steps that start together, in order. The first one has none before it to start with."""
    stage: list[PlannedStep] = []
    for step in steps:
        if stage and step.start is Start.AFTER_PREVIOUS:
            yield stage
            stage = []
        stage.append(step)
    if stage:
        yield stage


def units(steps: Sequence[PlannedStep], *, abreast: int) -> tuple[Unit, ...]:
    """Of a plan's steps, in order; at most `abreast` steps of a stage run at once, and at most so many
    targets of a step that names no window of its own. The same plan always gives the same units."""
    found: list[Unit] = []
    for stage in stages(steps):
        first = len(found) + 1
        beside = abreast if len(stage) > 1 else 0
        for step in stage:
            found += _of_step(step, number=len(found) + 1, stage=first, beside=beside, window=abreast)
    return tuple(found)


def _of_step(step: PlannedStep, *, number: int, stage: int, beside: int, window: int) -> Iterator[Unit]:
    """One for each target; they are lanes, that go beside each other."""
    if not step.targets:
        yield Unit(number, step, Place(stage, number, number, abreast=beside))
    for lane, target in enumerate(step.targets, start=number):
        is_alone = len(step.targets) == 1
        place = Place(stage, number, lane, abreast=beside, window=0 if is_alone else step.window or window)
        yield Unit(lane, step, place, target)
