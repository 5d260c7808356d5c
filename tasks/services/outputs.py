"""What later steps know of earlier ones: their output variables, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Q

from common.prepared import Insert, Param, Rows
from domain.progress import Passed, progress_variables
from domain.runs import Place, StepStatus
from protocol import frames
from protocol.outputs import within_limits
from tasks.engine.held import HeldAttempt
from tasks.models import Execution, OutputVariable
from variables.services import sealing


@dataclass(frozen=True)
class Output:
    """A value under one of the names by which later steps know it."""

    name: str
    value: str
    is_sensitive: bool


@dataclass(frozen=True)
class Before:
    """What a step can know of those before it; `progress` are Octopus's variables about them."""

    outputs: Sequence[Output] = ()
    progress: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, str]:
        return {**self.progress, **{one.name: one.value for one in self.outputs}}

    @property
    def public(self) -> dict[str, str]:
        return {**self.progress, **{one.name: one.value for one in self.outputs if not one.is_sensitive}}


_insert = Insert(OutputVariable)
# What has ended before a unit begins. Steps without outputs come once, those with some once for each.
_before = Rows(
    lambda: (
        Execution.objects.filter(
            Q(number__lt=Param("stage")) | Q(number__gte=Param("lane"), number__lt=Param("number")),
            task=Param("task"),
        )
        .order_by("number", "outputs__id")
        .values_list(
            "number",
            "name",
            "state",
            "message",
            "outputs__machine_name",
            "outputs__name",
            "outputs__value",
            "outputs__is_sensitive",
        )
    )
)


def store(attempt: HeldAttempt, reported: Sequence[frames.OutputValue]) -> None:
    """Keeps what the script of an attempt has set, for its target or else its worker, in the transaction that
    ends it. A later try of the
    same step on the same worker takes the place of an earlier one's values."""
    store_for(attempt.execution_id, machine=attempt.target or attempt.worker, reported=reported)


def store_for(execution_id: int, *, machine: str, reported: Sequence[frames.OutputValue]) -> None:
    """The same for a step that the server did: `machine` is empty."""
    if not reported:
        return
    latest = {one.name: one for one in within_limits(reported)}
    OutputVariable.objects.filter(execution=execution_id, machine_name=machine, name__in=latest).delete()
    _insert(
        {
            "execution_id": execution_id,
            "machine_name": machine,
            "name": one.name,
            "value": sealing.seal(one.value) if one.sensitive else one.value,
            "is_sensitive": one.sensitive,
        }
        for one in latest.values()
    )


def before(task_id: int, number: int, place: Place) -> Before:
    """Of the steps before a unit, `Octopus.Action[Step].Output.name`, the same per worker, and what became of
    them. Raises `sealing.CannotUnseal`."""
    if number == 1:
        return Before()
    rows = _before(task=task_id, number=number, stage=place.stage, lane=place.lane)
    passed = {row[0]: Passed(row[1], StepStatus(row[2]), row[3]) for row in rows}
    found = [output for row in rows if row[5] is not None for output in _named(row[1], *row[4:])]
    return Before(found, progress_variables(passed.values()))


def _named(step: str, machine: str, name: str, value: str, is_sensitive: bool) -> Iterator[Output]:
    plain = sealing.unseal(value) if is_sensitive else value
    names: Iterable[str] = (f"Output.{name}", f"Output[{machine}].{name}")
    return (Output(f"Octopus.Action[{step}].{one}", plain, is_sensitive) for one in names)
