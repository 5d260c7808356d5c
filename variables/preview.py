"""What a run would get: the value of each variable in a place, and why that one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain import octostache
from domain.labels import Names, scope_text, spelled
from domain.scopes import Context
from domain.variables import (
    MASK,
    Candidate,
    Outcome,
    Resolution,
    SubValue,
    VariableType,
    Verdict,
    expanded,
    resolve_all,
)


@dataclass(frozen=True)
class Trace:
    """What became of one value."""

    shown: str
    scope: str
    sentence: str
    is_used: bool


@dataclass(frozen=True)
class Resolved:
    """One variable in the place. `kind` is ok, plain or bad; `shown` is empty where it has no value.
    `has_beaten`: other values apply there too and are less specific."""

    name: str
    shown: str
    kind: str
    reason: str
    is_sensitive: bool
    traces: tuple[Trace, ...]
    has_beaten: bool = False
    parts: tuple[SubValue, ...] = ()


def resolved(
    candidates: Sequence[Candidate], context: Context, *, names: Names, known: Mapping[str, str]
) -> list[Resolved]:
    """Every variable, sorted by name; values are filled into each other, secrets stay hidden. `known` are
    the system variables that a run in this place has."""
    resolutions = resolve_all(candidates, context)
    filled = _filled(_texts(resolutions, known))
    found = [_resolved(name, one, filled, names) for name, one in resolutions.items()]
    return sorted(found, key=lambda one: one.name.casefold())


def evaluated(
    expression: str, candidates: Sequence[Candidate], context: Context, *, known: Mapping[str, str]
) -> octostache.Explanation:
    """What the expression would be in this place, and what each of its tokens read. Secrets stay hidden."""
    return octostache.explain(expression, _texts(resolve_all(candidates, context), known))


def _texts(resolutions: Mapping[str, Resolution], known: Mapping[str, str]) -> dict[str, str]:
    """The text of each name, not filled in yet."""
    winners = expanded(one.winner for one in resolutions.values() if one.winner is not None)
    return dict(known) | {
        name: MASK if one.type is VariableType.SENSITIVE else one.value for name, one in winners.items()
    }


def _filled(texts: Mapping[str, str]) -> Mapping[str, str]:
    """The texts with their values put in; as they are written where that would be too much."""
    try:
        return octostache.expand_all(texts).values
    except octostache.TemplateError:
        return texts


def _resolved(name: str, resolution: Resolution, filled: Mapping[str, str], names: Names) -> Resolved:
    kind, reason = _reason(resolution)
    winner = resolution.winner
    return Resolved(
        name=name,
        shown=_shown(winner, filled[name]) if winner else "",
        kind=kind,
        reason=reason,
        is_sensitive=winner is not None and winner.type is VariableType.SENSITIVE,
        traces=tuple(_trace(verdict, names) for verdict in resolution.verdicts),
        has_beaten=any(verdict.outcome is Outcome.LOST for verdict in resolution.verdicts),
        parts=winner.parts if winner else (),
    )


def _reason(resolution: Resolution) -> tuple[str, str]:
    if resolution.tie:
        return "bad", f"{spelled(len(resolution.tie)).capitalize()} values are equally specific here."
    used = next((one for one in resolution.verdicts if one.outcome is Outcome.USED), None)
    if used is None:
        return "bad", "None of its values applies here."
    beaten = [one for one in resolution.verdicts if one.outcome is Outcome.LOST]
    kind = "ok" if used.candidate.scope else "plain"
    reason = used.sentence.removeprefix("Used. ")
    if not beaten:
        return kind, f"{reason}."
    others = beaten[0].candidate.shown if len(beaten) == 1 else f"{spelled(len(beaten))} other values"
    return kind, f"{reason}. Beats {others}."


def _shown(winner: Candidate, filled: str) -> str:
    if winner.type is VariableType.SENSITIVE or winner.label:
        return winner.shown
    return filled


def _trace(verdict: Verdict, names: Names) -> Trace:
    return Trace(
        shown=verdict.candidate.shown,
        scope=scope_text(verdict.candidate.scope, names),
        sentence=verdict.sentence,
        is_used=verdict.outcome is Outcome.USED,
    )
