"""What a person wants to know of a run without reading its log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from common.times import duration_words
from domain.codec import Malformed
from domain.plans import RunPlan
from domain.waits import WORTH_SAYING, waited_since
from protocol.log import Level
from tasks.models import Artifact, Attempt, Execution, OutputVariable, ServerTask, TaskState
from tasks.selectors import artifacts, comparison, log_context, log_frames, logs, steps
from tasks.selectors.comparison import Changes, Similar
from tasks.selectors.fingerprints import of_sealed
from tasks.selectors.log_archives import LogGone
from tasks.selectors.log_context import Line
from tasks.selectors.logs import Mark
from tasks.selectors.values import UsedValue, named_values

#: Lines that are set apart, of one kind.
MOST_LINES = 30
#: Lines around an error.
AROUND = 6


@dataclass(frozen=True)
class Noteworthy:
    """A line that is set apart, with its address on the log's page."""

    anchor: str
    step: str
    text: str


@dataclass(frozen=True)
class Output:
    step: str
    name: str
    shown: str
    is_sensitive: bool


@dataclass(frozen=True)
class Wait:
    """`step` is empty for the queue."""

    step: str
    words: str


@dataclass(frozen=True)
class Step:
    """`usual` says how long it usually takes; empty where nobody knows."""

    execution: Execution
    usual: str


@dataclass(frozen=True)
class Summary:
    """`error` are the lines around where the failed step went wrong."""

    failure: Execution | None
    error_anchor: str
    error: list[Line]
    changes: Changes | None
    similar: Similar | None
    steps: list[Step]
    highlights: list[Noteworthy]
    warnings: list[Noteworthy]
    errors: list[Noteworthy]
    waits: list[Wait]
    values: list[UsedValue]
    outputs: list[Output]
    artifacts: list[Artifact]
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def lines(self) -> list[tuple[str, str, list[Noteworthy], int]]:
        """(title, mark, the first lines, how many there are) of each kind."""
        return [
            ("Highlights", "h", self.highlights, self.counts["h"]),
            ("Warnings", "w", self.warnings, self.counts["w"]),
            ("Errors", "e", self.errors, self.counts["e"]),
        ]


def of(task: ServerTask, executions: list[Execution]) -> Summary:
    tries = log_frames.named_attempts(task)
    found, counts = _noteworthy(tries)
    failure = steps.failure(executions) if task.state in (TaskState.FAILED, TaskState.TIMED_OUT) else None
    anchor, error = _error(tries, failure)
    usual = comparison.usual_steps(task)
    return Summary(
        failure=failure,
        error_anchor=anchor,
        error=error,
        changes=comparison.changes(task) if task.is_completed else None,
        similar=comparison.similar_failures(task, failure) if failure else None,
        steps=[Step(one, duration_words(usual[one.name]) if one.name in usual else "") for one in executions],
        highlights=found[Mark.HIGHLIGHT],
        warnings=found[Mark.WARNING],
        errors=found[Mark.ERROR],
        waits=list(_waits(task)),
        values=_values(task),
        outputs=_outputs(task),
        artifacts=list(artifacts.of(task)),
        counts=counts,
    )


def _noteworthy(tries: list[tuple[str, Attempt]]) -> tuple[dict[Mark, list[Noteworthy]], Counter[str]]:
    found: dict[Mark, list[Noteworthy]] = {Mark.HIGHLIGHT: [], Mark.WARNING: [], Mark.ERROR: []}
    counts: Counter[str] = Counter()
    for anchor, attempt in tries:
        for first, last, mark in _marks(attempt):
            if mark not in found:
                continue
            counts[mark.value] += last - first + 1
            room = MOST_LINES - len(found[mark])
            if room > 0:
                found[mark] += _lines(anchor, attempt, first, min(last - first + 1, room))
    return found, counts


def _marks(attempt: Attempt) -> list[tuple[int, int, Mark]]:
    try:
        return logs.marks(attempt.pk, total=attempt.log_lines)
    except LogGone:
        return []


def _lines(anchor: str, attempt: Attempt, first: int, count: int) -> list[Noteworthy]:
    step = f"{attempt.execution.label}. {attempt.execution.title}"
    return [
        Noteworthy(f"{anchor}L{line.seq + 1}", step, logs.plain(line.text))
        for line in logs.lines(attempt.pk, first, count)
    ]


def _error(tries: list[tuple[str, Attempt]], failure: Execution | None) -> tuple[str, list[Line]]:
    """Around the last error of the failed step, or else its last lines."""
    own = [(anchor, one) for anchor, one in tries if failure and one.execution_id == failure.pk]
    if not own or not own[-1][1].log_lines:
        return "", []
    anchor, attempt = own[-1]
    errors = [last for _, last, mark in _marks(attempt) if mark is Mark.ERROR]
    at = errors[-1] if errors else attempt.log_lines - 1
    try:
        lines = log_context.around(attempt, at, at, hits=frozenset([at]), lines=AROUND)
    except LogGone:
        return "", []
    return f"{anchor}L{at + 1}", lines


def _waits(task: ServerTask) -> Iterator[Wait]:
    """What it waited for, in the queue and at its steps, until now or the end."""
    names = dict(task.executions.values_list("number", "name"))
    events = list(task.events.filter(level=Level.WAIT).order_by("id").values_list("number", "message"))
    since = waited_since(task.queued_at, task.start_at)
    has_reason = any(number is None for number, _ in events)
    if not has_reason and task.started_at and task.started_at - since >= WORTH_SAYING:
        # Of a run that left the queue before reasons were kept.
        yield Wait("", f"Waited {duration_words(task.started_at - since)} in the queue.")
    for number, message in events:
        yield Wait(f"{number}. {names.get(number, '')}" if number else "", message)


def _values(task: ServerTask) -> list[UsedValue]:
    try:
        return named_values(RunPlan.from_json(task.plan))
    except Malformed:
        return []


def _outputs(task: ServerTask) -> list[Output]:
    rows = OutputVariable.objects.filter(execution__task=task).select_related("execution")
    return [
        Output(one.execution.title, one.name, _shown(one), one.is_sensitive)
        for one in rows.order_by("execution__number", "name")
    ]


def _shown(one: OutputVariable) -> str:
    """A secret by its fingerprint: whether it is the same as elsewhere, and nothing else."""
    if not one.is_sensitive:
        return one.value
    found = of_sealed(one.value)
    return f"fingerprint {found}" if found else "cannot be read"
