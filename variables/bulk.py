"""One change of scope for many values of the table at once; nothing is saved by it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum

from domain.labels import Names, scope_text
from domain.variables import find_ties, validate_scope
from variables import selectors
from variables.grid import GroupState, RowState, keys_of, scope_from_keys, to_row
from variables.services.rows import candidates_of


class Mode(StrEnum):
    """What becomes of the scope of each picked value; UNDO makes the value what is stored."""

    SET = "set"
    ADD = "add"
    REMOVE = "remove"
    UNDO = "undo"


def picked(groups: Sequence[GroupState], keys: Collection[str]) -> list[tuple[GroupState, RowState]]:
    """The rows of these keys, without those that are to be deleted."""
    return [(group, row) for group in groups for row in group.rows if row.key in keys and not row.is_gone]


def apply(rows: Sequence[tuple[GroupState, RowState]], mode: Mode, scope: Sequence[str]) -> None:
    """`scope` are keys of entries, such as "Environment:3"; no entry with SET means everywhere."""
    for _, row in rows:
        if mode is Mode.UNDO:
            undo(row)
        else:
            row.scope = _changed(row.scope, mode, scope)


def undo(row: RowState) -> None:
    """The value and the scope that are stored; a value that is not stored stays as it is."""
    if row.stored is None:
        return
    row.is_gone = row.is_open = False
    row.value = "" if row.has_secret else row.stored.value
    row.scope = keys_of(selectors.scope_of(row.stored))


def _changed(own: Sequence[str], mode: Mode, scope: Sequence[str]) -> tuple[str, ...]:
    if mode is Mode.SET:
        return tuple(dict.fromkeys(scope))
    if mode is Mode.ADD:
        return tuple(dict.fromkeys([*own, *scope]))
    return tuple(key for key in own if key not in set(scope))


def objections(
    groups: Sequence[GroupState],
    rows: Sequence[tuple[GroupState, RowState]],
    *,
    tags_of_tenants: dict[str, frozenset[str]],
    names: Names,
) -> Iterator[str]:
    """Why the table cannot be as it is now: kinds that a type cannot have, and ties with a picked value."""
    for group, row in rows:
        for problem in validate_scope(group.type, scope_from_keys(row.scope)):
            yield f"{group.name}: {problem.message}"
    left = [(group, row) for group in groups for row in group.rows if not row.is_gone]
    mine = {at for at, (_, row) in enumerate(left) if any(row is one for _, one in rows)}
    candidates = candidates_of([to_row(group, row) for group, row in left])
    for tie in find_ties(candidates, tags_of_tenants):
        if mine & {int(tie.first.id), int(tie.second.id)}:
            first, second = scope_text(tie.first.scope, names), scope_text(tie.second.scope, names)
            yield f"{tie.name} would have two values that are equally specific ({first}; {second})."
