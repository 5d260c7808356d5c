"""From the steps of a plan to the units of a run: which of them go beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from domain.plans import PlannedStep
from domain.step_rules import Start
from domain.targets import PlannedTarget
from domain.units import Place


@dataclass(frozen=True, slots=True)
class Unit:
    """What runs at once: a step or a child step, for one of its deployment targets if it has any. `number` is
    its place in the run, from 1, which is the step's own as long as no step before it has several targets or
    children."""

    number: int
    step: PlannedStep
    place: Place
    target: PlannedTarget | None = None


def stages(steps: Sequence[PlannedStep]) -> Iterator[list[PlannedStep]]:
    """Steps that start together, in order. The first one has none before it to start with."""
    stage: list[PlannedStep] = []
    for step in steps:
        is_next = bool(stage) and step.number != stage[-1].number
        if is_next and step.start is Start.AFTER_PREVIOUS:
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
        families = [list(family) for _, family in groupby(stage, key=lambda step: step.number)]
        beside = abreast if len(families) > 1 else 0
        for family in families:
            found += _of_step(family, number=len(found) + 1, stage=first, beside=beside, window=abreast)
    return tuple(found)


def _of_step(
    family: Sequence[PlannedStep], *, number: int, stage: int, beside: int, window: int
) -> Iterator[Unit]:
    """A step, or its children, one after the other: once, or as a lane for each target. Lanes go beside each
    other."""
    targets = next((step.targets for step in family if step.targets), ())
    usual = next((step.window for step in family if step.targets), 0) or window
    place = Place(stage, number, number, abreast=beside, window=usual if len(targets) > 1 else 0)
    at = number
    if targets:
        # Children that are skipped have no targets: each is alone in a lane that never opens.
        for step in (step for step in family if not step.targets):
            yield Unit(at, step, replace(place, lane=at))
            at += 1
    for target in targets:
        lane = at
        for step in (step for step in family if step.targets):
            yield Unit(at, step, replace(place, lane=lane), target)
            at += 1
    if not targets:
        for step in family:
            yield Unit(at, step, place)
            at += 1
