"""What can be told to be wrong with a step only with a database: asked for every plan, before it starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from accounts.models import User
from domain.plans import FixHint, FixKind, PlannedStep, Problem, ProblemCode, RunPlan, Severity
from environments.models import Environment
from spaces.models import Space
from tenants.models import Tenant


@dataclass(frozen=True)
class Checked:
    """A step that would run. `user` starts the run, None where nobody has been named yet; `process_ref` is
    the process that it is a step of, with the id of its project."""

    step: PlannedStep
    space: Space
    environment: Environment
    tenant: Tenant | None
    user: User | None
    process_ref: str
    project_id: int | None

    @property
    def properties(self) -> Mapping[str, str]:
        return self.step.properties


@dataclass(frozen=True)
class Finding:
    """`sentence` goes on from "Step 3 "."""

    sentence: str
    severity: Severity = Severity.ERROR


Check = Callable[[Checked], Iterable[Finding]]
_checks: dict[str, list[Check]] = {}


def register(action_type: str, check: Check) -> None:
    """Called in an AppConfig's `ready`."""
    if check not in _checks.setdefault(action_type, []):
        _checks[action_type].append(check)


def problems(
    plan: RunPlan,
    *,
    space: Space,
    environment: Environment,
    tenant: Tenant | None,
    user: User | None,
    process_ref: str,
    project_id: int | None,
) -> Iterator[Problem]:
    for step in plan.running_steps:
        if any(one.step == step.number and one.severity is Severity.ERROR for one in plan.problems):
            continue
        checked = Checked(step, space, environment, tenant, user, process_ref, project_id)
        for check in _checks.get(step.action_type, ()):
            for one in check(checked):
                yield Problem(
                    ProblemCode.BAD_SETTING,
                    f"Step {step.number} {one.sentence}",
                    one.severity,
                    step.number,
                    FixHint(FixKind.PROCESS, step.step_id),
                )
