"""The plan of a run: its steps with their pools and the reasons, its values, its problems.

A plan is frozen as JSON when a run is created and is then all that the run looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain import codec
from domain.labels import ScopeLabel, counted
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX, Syntax
from domain.scopes import Context
from domain.variables import Candidate, resolve_all

SCHEMA = 1


class Severity(StrEnum):
    """An error keeps a run from starting, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class ProblemCode(StrEnum):
    """What is wrong with a plan."""

    EMPTY_PROCESS = "empty-process"
    UNKNOWN_STEP_TYPE = "unknown-step-type"
    UNKNOWN_SYNTAX = "unknown-syntax"
    NO_DEFAULT_POOL = "no-default-pool"
    DELETED_POOL = "deleted-pool"
    NO_SUCH_VARIABLE = "no-such-variable"
    NO_VALUE_IN_SCOPE = "no-value-in-scope"
    NOT_A_POOL = "not-a-pool"
    TIED_VALUES = "tied-values"
    POOL_WITHOUT_WORKERS = "pool-without-workers"
    NO_AVAILABLE_WORKER = "no-available-worker"
    POOL_FULL = "pool-full"
    MISSING_VALUE = "missing-value"
    BAD_VALUE = "bad-value"
    UNSUPPORTED_TEMPLATE = "unsupported-template"


class FixKind(StrEnum):
    """The page on which a problem is put right."""

    POOL = "pool"
    WORKERS = "workers"
    VARIABLE = "variable"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class FixHint:
    """Where to put a problem right.

    `id` is a pool's id (POOL, WORKERS), a variable's name (VARIABLE) or a step's id
    (PROCESS; "" for the process as a whole).
    """

    kind: FixKind
    id: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence that stands for itself, the first step number that it concerns, the fix."""

    code: ProblemCode
    message: str
    severity: Severity = Severity.ERROR
    step: int | None = None
    fix: FixHint | None = None


@dataclass(frozen=True, slots=True)
class PoolInfo:
    """A worker pool that exists."""

    id: str
    name: str
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class PoolCapacity:
    """What a pool could do at the moment of planning.

    `workers_available` counts enabled, healthy, not draining workers and the slots are
    theirs alone. A built-in worker that stands in for an empty default pool counts as a
    worker. `reason` says why workers are not available ("1 offline, 1 disabled").
    """

    workers_total: int
    workers_available: int
    slots_total: int
    slots_free: int
    reason: str = ""

    @property
    def is_full(self) -> bool:
        """Whether work has to wait although workers are there."""
        return self.workers_available > 0 and self.slots_free <= 0

    @property
    def sentence(self) -> str:
        """How much room there is: "2 free slots", "0 of 2 slots free", "no workers"."""
        if self.workers_total == 0:
            return "no workers"
        if self.workers_available == 0:
            return self.reason or "no worker available"
        if self.is_full:
            return f"0 of {counted(self.slots_total, 'slot')} free"
        return counted(self.slots_free, "free slot")


class ReasonKind(StrEnum):
    """How a step comes to its pool."""

    FIXED = "fixed"
    DEFAULT = "default"
    VARIABLE = "variable"


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """One value of the pool variable: the pool, its scope, and what became of it."""

    value: str
    labels: tuple[ScopeLabel, ...]
    result: str
    used: bool = False


@dataclass(frozen=True, slots=True)
class PoolReason:
    """Why a step has its pool, or why it has none."""

    kind: ReasonKind
    sentence: str
    variable: str | None = None
    rows: tuple[ReasonRow, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One action of the process, with the pool that it runs on.

    `skipped` says why the step does not run; it has no pool then. A step that runs has no
    pool only if `problems` of the plan say why. `needs` names the shells that the worker
    must have ("bash", "python").
    """

    number: int
    step_id: str
    action_id: str
    name: str
    action_type: str
    slug: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    skipped: str | None = None
    pool_id: str | None = None
    pool_name: str = ""
    why: PoolReason | None = None
    capacity: PoolCapacity | None = None

    @property
    def script(self) -> str:
        """The inline script, not substituted."""
        return self.properties.get(SCRIPT_BODY, "")

    @property
    def syntax(self) -> Syntax:
        """The script's language; Bash where none is stated. Raises ValueError if unknown."""
        return Syntax(self.properties.get(SCRIPT_SYNTAX) or Syntax.BASH)


@dataclass(frozen=True, slots=True)
class PlanLabels:
    """The names of the context at the moment of planning."""

    environment: str = ""
    tenant: str = ""
    process: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The same for preview, run and API. `candidates` are those that this run can use,
    sensitive values as the ciphertext that they came as."""

    context: Context
    labels: PlanLabels
    steps: tuple[PlannedStep, ...]
    problems: tuple[Problem, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    schema: int = SCHEMA

    @property
    def can_start(self) -> bool:
        """Whether nothing but warnings stands against it."""
        return all(problem.severity is not Severity.ERROR for problem in self.problems)

    @property
    def running_steps(self) -> tuple[PlannedStep, ...]:
        """The steps that are not skipped."""
        return tuple(step for step in self.steps if step.skipped is None)

    @property
    def pool_ids(self) -> frozenset[str]:
        """The pools that the run uses, for a check of the right to use them."""
        return frozenset(step.pool_id for step in self.running_steps if step.pool_id)

    def to_json(self) -> codec.Json:
        """The JSON object that a task stores."""
        return codec.encode_fields(self)

    @classmethod
    def from_json(cls, data: codec.Json) -> RunPlan:
        """Read a stored plan; raises codec.Malformed or codec.UnsupportedSchema."""
        codec.check_schema(data, supported=SCHEMA)
        return codec.decode_fields(cls, data)


def step_context(plan: RunPlan, step: PlannedStep) -> Context:
    """Where one step of the run happens."""
    return replace(plan.context, action=step.action_id)


def step_values(plan: RunPlan, step: PlannedStep) -> dict[str, Candidate]:
    """The value of each variable at one step, keyed by the variable's name.

    Names without a value here are left out, and so are tied ones: a plan with a tie
    cannot start.
    """
    resolutions = resolve_all(plan.candidates, step_context(plan, step))
    return {name: one.winner for name, one in resolutions.items() if one.winner is not None}
