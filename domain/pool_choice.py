"""Which pool a step runs on, and why: fixed, the default, or picked by a variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.labels import Names, listed, scope_labels, scope_text, spelled
from domain.plans import (
    FixHint,
    FixKind,
    PoolInfo,
    PoolReason,
    Problem,
    ProblemCode,
    ReasonKind,
    ReasonRow,
)
from domain.processes import ActionDef, StepDef
from domain.scopes import Context
from domain.variables import Candidate, Outcome, Resolution, VariableType, Verdict, resolve

Pools = Mapping[str, PoolInfo]
"""Pool id to the pool, for every pool of the space."""

_LISTED = 5


@dataclass(frozen=True, slots=True)
class PoolChoice:
    """The pool of a step, or the problem that keeps it from having one."""

    reason: PoolReason
    pool: PoolInfo | None = None
    problem: Problem | None = None


def choose_pool(
    step: StepDef,
    action: ActionDef,
    *,
    candidates: Sequence[Candidate],
    context: Context,
    pools: Pools,
    names: Names,
) -> PoolChoice:
    """Choose the pool of an action; `context` names the action itself.

    `candidates` may hold the values of other variables too. `names` are those of the
    scopes' ids, for the labels in the reason.
    """
    if action.worker_pool_variable:
        resolution = resolve(action.worker_pool_variable, candidates, context)
        return _by_variable(step, resolution, pools=pools, names=names)
    if action.worker_pool_id:
        return _fixed(step, action, pools)
    return _default(step, pools)


def _fixed(step: StepDef, action: ActionDef, pools: Pools) -> PoolChoice:
    reason = PoolReason(ReasonKind.FIXED, f"Step {step.label} names this pool itself.")
    pool = pools.get(action.worker_pool_id or "")
    if pool is not None:
        return PoolChoice(reason, pool)
    name = action.worker_pool_name or f"with id {action.worker_pool_id}"
    return PoolChoice(
        reason,
        problem=Problem(
            ProblemCode.DELETED_POOL,
            f"Step {step.label} runs on the pool {name}, which has been deleted.",
            step=step.number,
            fix=FixHint(FixKind.PROCESS, step.id),
        ),
    )


def _default(step: StepDef, pools: Pools) -> PoolChoice:
    reason = PoolReason(ReasonKind.DEFAULT, f"Step {step.label} names no pool, so it uses the default pool.")
    pool = next((one for one in pools.values() if one.is_default), None)
    if pool is not None:
        return PoolChoice(reason, pool)
    return PoolChoice(
        reason,
        problem=Problem(
            ProblemCode.NO_DEFAULT_POOL,
            f"Step {step.label} uses the default pool, and no pool is the default.",
            step=step.number,
            fix=FixHint(FixKind.POOL),
        ),
    )


def _by_variable(step: StepDef, resolution: Resolution, *, pools: Pools, names: Names) -> PoolChoice:
    reason = PoolReason(
        ReasonKind.VARIABLE,
        f"Step {step.label} takes its pool from {resolution.name}. {_tally(resolution)}",
        variable=resolution.name,
        rows=reason_rows(resolution, pools, names),
    )
    winner = resolution.winner
    if winner is not None and winner.type is VariableType.WORKER_POOL and winner.value in pools:
        return PoolChoice(reason, pools[winner.value])
    code, what = _objection(resolution, pools, names)
    message = f"Step {step.label} takes its pool from {resolution.name}, {what}."
    fix = FixHint(FixKind.VARIABLE, resolution.name)
    return PoolChoice(reason, problem=Problem(code, message, step=step.number, fix=fix))


def _tally(resolution: Resolution) -> str:
    defined, matching = len(resolution.verdicts), resolution.matching
    if defined == 0:
        return "No value is defined."
    if defined == 1:
        return f"Its only value {'matches' if matching else 'does not match'} this run."
    match = {0: "none matches", 1: "one matches"}.get(matching, f"{spelled(matching)} match")
    used = " The most specific one is used." if matching > 1 and resolution.winner else ""
    return f"{spelled(defined).capitalize()} values are defined and {match} this run.{used}"


def reason_rows(resolution: Resolution, pools: Pools, names: Names) -> tuple[ReasonRow, ...]:
    """What became of each value of the variable."""
    return tuple(_row(verdict, pools, names) for verdict in resolution.verdicts)


def _row(verdict: Verdict, pools: Pools, names: Names) -> ReasonRow:
    return ReasonRow(
        value=pool_name(verdict.candidate, pools),
        labels=scope_labels(verdict.candidate.scope, names),
        result=verdict.sentence,
        used=verdict.outcome is Outcome.USED,
    )


def pool_name(candidate: Candidate, pools: Pools) -> str:
    """The name as it is now; of a pool that was deleted, as it was when the value was kept."""
    if candidate.type is VariableType.WORKER_POOL and candidate.value in pools:
        return pools[candidate.value].name
    return candidate.shown


def _objection(resolution: Resolution, pools: Pools, names: Names) -> tuple[ProblemCode, str]:
    """Why the variable gives no pool, as the second half of a sentence."""
    if not resolution.verdicts:
        return ProblemCode.NO_SUCH_VARIABLE, "and there is no such variable"
    if resolution.tie:
        tied = [_described(one, pools, names) for one in resolution.tie]
        what = f"and {spelled(len(tied))} values are equally specific here: {listed(tied)}"
        return ProblemCode.TIED_VALUES, what
    winner = resolution.winner
    if winner is None:
        return ProblemCode.NO_VALUE_IN_SCOPE, _no_value(resolution, pools, names)
    if winner.type is not VariableType.WORKER_POOL:
        what = f"whose value here is of the type {winner.type.value}, not a worker pool"
        return ProblemCode.NOT_A_POOL, what
    return ProblemCode.DELETED_POOL, f"which picks {winner.shown} here, a pool that was deleted"


def _no_value(resolution: Resolution, pools: Pools, names: Names) -> str:
    shown = [
        f"{_described(verdict.candidate, pools, names)}: {verdict.sentence.lower()}"
        for verdict in resolution.verdicts[:_LISTED]
    ]
    more = len(resolution.verdicts) - len(shown)
    rest = f"; and {more} more" if more else ""
    return f"and no value of it applies here. {'; '.join(shown)}{rest}"


def _described(candidate: Candidate, pools: Pools, names: Names) -> str:
    return f"{pool_name(candidate, pools)} ({scope_text(candidate.scope, names)})"
