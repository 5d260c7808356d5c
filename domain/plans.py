"""The plan of a run: its steps with their pools and the reasons, its values, its problems.

A plan is frozen as JSON when a run is created and is then all that the run looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain import codec
from domain.labels import ScopeLabel, counted
from domain.processes import (
    CONDITION_TEXT,
    MANUAL_ACTION,
    MANUAL_INSTRUCTIONS,
    SCRIPT_BODY,
    SCRIPT_SYNTAX,
    Location,
    Syntax,
    is_on_server,
    number_label,
    rules_of,
    rules_text,
)
from domain.scopes import Context
from domain.step_rules import Condition, Start, StepRules
from domain.targets import PlannedTarget, tag_key
from domain.variables import Candidate, expanded, resolve_all

SCHEMA = 1
MOST_ABREAST = 10
"""Steps, or targets of one step, that run beside each other, unless a variable says otherwise."""


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
    UNEVALUATED_TOKEN = "unsupported-template"  # noqa: S105 - of a template; the name that stored plans know
    BAD_RULE = "bad-rule"
    DELETED_CREDENTIAL = "deleted-credential"
    BAD_SETTING = "bad-setting"
    REQUIRED_STEP = "required-step"
    NO_EXPRESSION = "no-expression"
    NO_TARGET_TAGS = "no-target-tags"
    NO_TARGETS = "no-targets"
    TARGET_NOT_AVAILABLE = "target-not-available"
    TARGET_LACKS_TOOLS = "target-lacks-tools"
    BAD_ANSWER = "bad-answer"
    PASTED_ANSWER = "pasted-answer"
    MISSING_PACKAGE = "missing-package"
    MISSING_TENANT_VALUE = "missing-tenant-value"


class FixKind(StrEnum):
    """The page on which a problem is put right."""

    POOL = "pool"
    WORKERS = "workers"
    VARIABLE = "variable"
    PROCESS = "process"
    TARGETS = "targets"
    PACKAGES = "packages"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True)
class FixHint:
    """Where to put a problem right.

    `id` is a pool's id (POOL, WORKERS), a variable's name (VARIABLE), a package's ID (PACKAGES), a tenant's
    id (TENANT) or a step's id (PROCESS; "" for the process as a whole); TARGETS has none.
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
    `workers_returning` lost their connection a moment ago; they usually come back.
    """

    workers_total: int
    workers_available: int
    slots_total: int
    slots_free: int
    reason: str = ""
    workers_returning: int = 0

    @property
    def is_returning(self) -> bool:
        """Whether work has to wait for a worker to come back."""
        return self.workers_available == 0 and self.workers_returning > 0

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
class PlannedPackage:
    """A package that a step gets. `name` is what the step calls it, "" for its own; `version` is "" only if
    `problems` of the plan say why."""

    name: str
    package_id: str
    version: str
    extract: bool = True

    @property
    def label(self) -> str:
        return f"{self.package_id} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One action of the process, with the pool that it runs on.

    `skipped` says why the step does not run; it has no pool then, and neither has a manual one, nor one
    that runs on its targets themselves. Another step that runs has no pool only if `problems` of the plan
    say why. `needs` names what the worker must have ("bash", "python"). `targets_why` says why it has
    these `targets`,
    of which at most `window` are at work at once, 0 for the usual number.

    `child` counts the child steps of a step from 1, of which `parent` is the name, and `gate` with
    `gate_expression` the condition; 0 is one that is no child.
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
    condition: Condition = Condition.SUCCESS
    expression: str = ""
    is_required: bool = False
    start: Start = Start.AFTER_PREVIOUS
    location: Location = Location.WORKER
    target_tags: tuple[str, ...] = ()
    targets: tuple[PlannedTarget, ...] = ()
    targets_why: str = ""
    window: int = 0
    packages: tuple[PlannedPackage, ...] = ()
    child: int = 0
    parent: str = ""
    gate: Condition = Condition.SUCCESS
    gate_expression: str = ""
    notes: str = ""

    @property
    def label(self) -> str:
        """Its number, such as "2", or "2.1" for the first child of step 2."""
        return number_label(self.number, self.child)

    @property
    def script(self) -> str:
        """The inline script, not substituted."""
        return self.properties.get(SCRIPT_BODY, "")

    @property
    def syntax(self) -> Syntax:
        """The script's language; Bash where none is stated. Raises ValueError if unknown."""
        return Syntax(self.properties.get(SCRIPT_SYNTAX) or Syntax.BASH)

    @property
    def is_manual(self) -> bool:
        """Whether it waits for a person instead of a worker."""
        return self.action_type == MANUAL_ACTION

    @property
    def is_on_server(self) -> bool:
        """Whether the server itself does it."""
        return is_on_server(self.action_type, self.properties)

    @property
    def instructions(self) -> str:
        """What a manual step asks a person to do, not substituted."""
        return self.properties.get(MANUAL_INSTRUCTIONS, "")

    @property
    def rules(self) -> StepRules:
        """What the step declares about when it runs, tries, time and unknown outcomes."""
        own = rules_of(self.action_type, self.properties)
        gate = self.gate if self.child else None
        return replace(own, condition=self.condition, required=self.is_required, gate=gate)


def step_text(step: PlannedStep, *, with_person: bool = True) -> str:
    """When a step starts and what its rules say, in one line. `with_person`: that it waits for one, too."""
    starts = [] if step.child else _starts(step)
    rules = step.rules if with_person else replace(step.rules, manual=False)
    return "; ".join(part for part in (*starts, rules_text(rules)) if part)


def parent_text(child: PlannedStep) -> str:
    """When the step that a child step belongs to starts and under which condition, in one line."""
    condition = CONDITION_TEXT[child.gate]
    return "; ".join([*_starts(child), *([condition] if condition else [])])


def _starts(step: PlannedStep) -> list[str]:
    together = step.start is Start.WITH_PREVIOUS and step.number > 1
    starts = ["together with the step before it"] if together else []
    if step.window and len(step.targets) > 1:
        starts.append(f"{counted(step.window, 'target')} at a time")
    return starts


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
    sensitive values as the ciphertext that they came as. `left_out` are the ids of the actions that were not
    wanted this time; `abreast` is how many steps may run beside each other."""

    context: Context
    labels: PlanLabels
    steps: tuple[PlannedStep, ...]
    problems: tuple[Problem, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    left_out: frozenset[str] = frozenset()
    abreast: int = MOST_ABREAST
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

    @staticmethod
    def left_out_of(data: codec.Json) -> frozenset[str]:
        """Of a stored plan, also of one that this version cannot read."""
        return frozenset(map(str, data.get("left_out", ())))


def step_context(plan: RunPlan, step: PlannedStep, target: PlannedTarget | None = None) -> Context:
    """Where one step of the run happens, for one of its targets."""
    return action_context(plan.context, step.action_id, target)


def action_context(context: Context, action_id: str, target: PlannedTarget | None) -> Context:
    """Of a run's context, that of one action, for one of its targets."""
    if target is None:
        return replace(context, action=action_id)
    return replace(
        context,
        action=action_id,
        machine=target.id,
        roles=frozenset(map(tag_key, target.tags)),
        targeted_roles=frozenset(map(tag_key, target.matched)),
    )


def step_values(
    plan: RunPlan, step: PlannedStep, target: PlannedTarget | None = None
) -> dict[str, Candidate]:
    """The value of each variable at one step, keyed by the variable's name, with those that accounts give;
    for a step with targets, those of one target.

    Names without a value here are left out, and so are tied ones: a plan with a tie
    cannot start.
    """
    resolutions = resolve_all(plan.candidates, step_context(plan, step, target))
    return expanded(one.winner for one in resolutions.values() if one.winner is not None)
