"""From what the service refuses to messages beside the rows of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.labels import Names, article, listed, scope_text
from domain.variables import REFERENCES, TYPE_NOUN, Tie, VariableType
from projects.variables_editor.session import Session
from variables import merging, selectors
from variables.grid import Grid
from variables.models import VariableSet
from variables.services import variable_sets
from variables.services.rows import Row, RowsRefused, TiedValues


@dataclass(frozen=True)
class TiedPair:
    """Two values that nothing decides between, and where they meet."""

    name: str
    first: str
    second: str
    meeting: str


@dataclass(frozen=True)
class Conflict:
    """What somebody else saved; `theirs` is None where the version of the page is too old to compare."""

    by: str
    at: datetime
    theirs: tuple[merging.ValueChange, ...] | None
    mine: tuple[merging.ValueChange, ...]


def mark_refused(grid: Grid, refused: RowsRefused) -> None:
    rows = grid.rows
    for problem in refused.problems:
        rows[problem.index][1].add_error(problem.field, problem.message)


def mark_ties(grid: Grid, tied: TiedValues, session: Session) -> list[TiedPair]:
    """Both rows of each pair say what they are tied with; the pairs go above the table."""
    states, pairs = grid.rows, tied_pairs(grid.to_rows(), tied, session)
    for (first, second, _), pair in zip(tied.pairs, pairs, strict=True):
        states[first][1].add_error("scope", f"Just as specific as {pair.second}.")
        states[second][1].add_error("scope", f"Just as specific as {pair.first}.")
    return pairs


def tied_pairs(rows: Sequence[Row], tied: TiedValues, session: Session) -> list[TiedPair]:
    """The pairs in words; `rows` are those that the service refused."""
    names = selectors.scope_names(session.options)
    return [
        TiedPair(
            name=tie.name,
            first=_described(rows[first], names, session),
            second=_described(rows[second], names, session),
            meeting=_meeting(tie, names, session),
        )
        for first, second, tie in tied.pairs
    ]


def _described(row: Row, names: Names, session: Session) -> str:
    return f"{_shown(row, session)} ({scope_text(row.scope, names)})"


def _shown(row: Row, session: Session) -> str:
    if row.type is VariableType.SENSITIVE:
        return "the sensitive value"
    if row.type in REFERENCES:
        gone = f"{article(TYPE_NOUN[row.type])} that was deleted"
        return session.choices[row.type].get(row.value or "", gone)
    return row.value or "the empty value"


def _meeting(tie: Tie, names: Names, session: Session) -> str:
    if tie.tenants:
        ids = {option.id: option.label for option in session.options if option.kind == "Tenant"}
        return f"Both apply to {listed(sorted(ids.get(one, one) for one in tie.tenants))}."
    where = scope_text(tie.meeting, names)
    return "Both apply everywhere." if where == "everywhere" else f"Both apply in {where}."


def conflict(session: Session, *, version: int, merged: merging.Merged) -> Conflict:
    """Call after the session forgot what it had read."""
    variable_set = session.variable_set
    names = selectors.scope_names(session.options)
    now = variable_sets.freeze(variable_set)
    base = loaded(variable_set, version=version)
    return Conflict(
        by=variable_set.updated_by or "Somebody else",
        at=variable_set.updated_at,
        theirs=merging.compare(base, now, names=names) if base else None,
        mine=merging.compare(now, _frozen(merged, session), names=names),
    )


def loaded(variable_set: VariableSet, *, version: int) -> dict[str, object] | None:
    """The set as the page was loaded with it."""
    revision = variable_set.revisions.filter(version=version).first()
    return revision.content if revision else None


def _frozen(merged: merging.Merged, session: Session) -> dict[str, object]:
    """What would be stored, as a frozen set, for the comparison alone."""
    kept = [row for row in merged.rows if row.id not in merged.gone]
    return {
        "variables": [
            {
                "id": str(row.id or f"new {index}"),
                "name": row.name,
                "type": row.type.value,
                "value": _comparable(row, session),
                "label": session.choices.get(row.type, {}).get(row.value or "", ""),
                "scope": row.scope.to_json(),
                "description": row.description,
            }
            for index, row in enumerate(kept)
        ]
    }


def _comparable(row: Row, session: Session) -> str:
    """A secret that is kept compares as equal, one that is typed anew does not."""
    if row.value is not None:
        return row.value
    return session.stored[row.id].value if row.id in session.stored else ""
