"""What can be told to be wrong with the values of a plan before it starts."""

from __future__ import annotations

from collections.abc import Iterator

from domain.plan_checks import Actions, StepValues
from domain.plans import FixHint, FixKind, Problem, ProblemCode
from domain.variables import CREDENTIALS, TYPE_NOUN, Candidate


def credential_problems(actions: Actions, *, values: StepValues) -> Iterator[Problem]:
    """One problem for each account or certificate that is gone, at the first step that would get it."""
    seen: set[str] = set()
    for step, action in actions:
        for winner in values.winners_at(action.id):
            if _is_gone(winner) and winner.id not in seen:
                seen.add(winner.id)
                name = f" {winner.label}" if winner.label else ""
                message = f"{winner.name} is the {TYPE_NOUN[winner.type]}{name}, which has been deleted."
                fix = FixHint(FixKind.VARIABLE, winner.name)
                yield Problem(ProblemCode.DELETED_CREDENTIAL, message, step=step.number, fix=fix)


def _is_gone(candidate: Candidate) -> bool:
    return candidate.type in CREDENTIALS and not candidate.parts
