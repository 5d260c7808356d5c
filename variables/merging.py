"""Two edits of one variable set put together, and what to show about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.labels import Names, article, scope_text
from domain.scopes import Scope
from domain.variables import TYPE_NOUN, VariableType
from variables.services.prompts import prompt_of
from variables.services.rows import Row

HIDDEN = "hidden value"


@dataclass(frozen=True)
class Merged:
    """`rows` are those of both, `gone` the ids that I deleted, which are among the rows too."""

    rows: tuple[Row, ...]
    gone: frozenset[int]


@dataclass(frozen=True)
class ValueChange:
    """One value that is not as it was; `before` and `after` are empty where there was or is none."""

    change: str
    name: str
    before: str
    after: str


def row_of(frozen: Mapping[str, Any]) -> Row:
    """A row of a frozen set; a secret stays where it is stored."""
    kind = VariableType(frozen["type"])
    return Row(
        id=int(frozen["id"]),
        prompt=prompt_of(frozen.get("prompt")),
        name=frozen["name"],
        type=kind,
        value=None if kind is VariableType.SENSITIVE else frozen["value"],
        scope=Scope.from_json(frozen["scope"]),
        description=frozen["description"],
    )


def merged(*, base: Mapping[str, Any] | None, mine: Sequence[Row], theirs: Mapping[str, Any]) -> Merged:
    """My rows, with theirs where only they changed, added or removed a value since `base`.

    Where both changed a value, mine stays. What I changed and they removed is added anew, but for a
    secret, which went with the removal unless it was typed again.
    """
    current = {row.id: row for row in map(row_of, theirs["variables"])}
    loaded = {row.id: row for row in map(row_of, base["variables"])} if base else {}
    changed_by_them = _changed(base, theirs)
    rows = [picked for row in mine if (picked := _pick(row, loaded, current, changed_by_them))]
    mine_ids = {row.id for row in mine}
    others = [row for pk, row in current.items() if pk not in mine_ids]
    gone = frozenset(row.id for row in others if row.id in loaded and row.id is not None)
    return Merged((*rows, *others), gone)


def _pick(
    row: Row, loaded: Mapping[int | None, Row], current: Mapping[int | None, Row], changed: set[int | None]
) -> Row | None:
    is_mine = row.id not in loaded or row != loaded[row.id]
    if row.id is None:
        return row
    if row.id in current:
        return row if is_mine or row.id not in changed else current[row.id]
    if not is_mine or row.value is None:
        return None
    return replace(row, id=None)


def _changed(base: Mapping[str, Any] | None, theirs: Mapping[str, Any]) -> set[int | None]:
    if base is None:
        return set()
    before = {one["id"]: one for one in base["variables"]}
    return {int(one["id"]) for one in theirs["variables"] if before.get(one["id"]) != one}


def compare(before: Mapping[str, Any], after: Mapping[str, Any], *, names: Names) -> tuple[ValueChange, ...]:
    """What happened between two frozen sets, sorted by name. Secrets are told apart, never shown."""
    old = {one["id"]: one for one in before["variables"]}
    new = {one["id"]: one for one in after["variables"]}
    changes = [
        _value_change(old.get(id), new.get(id), names) for id in {**old, **new} if old.get(id) != new.get(id)
    ]
    return tuple(sorted(changes, key=lambda one: one.name.casefold()))


def _value_change(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, names: Names) -> ValueChange:
    change = "added" if old is None else "removed" if new is None else "changed"
    name = (new or old or {})["name"]
    before, after = _shown(old, names), _shown(new, names)
    if old is not None and new is not None:
        after = ", ".join([after, *_unseen(old, new)])
    return ValueChange(change, name, before, after)


def _unseen(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it was and does not show in the value and its scope."""
    if old["name"] != new["name"]:
        yield f"formerly {old['name']}"
    if old["type"] != new["type"]:
        yield f"now {article(TYPE_NOUN[VariableType(new['type'])])}"
    elif old["type"] == VariableType.SENSITIVE and old["value"] != new["value"]:
        yield "set anew"
    if old["description"] != new["description"]:
        yield "with another description"
    if old.get("prompt") != new.get("prompt"):
        yield "with another prompt" if new.get("prompt") else "no longer asked for"


def _shown(frozen: Mapping[str, Any] | None, names: Names) -> str:
    if frozen is None:
        return ""
    is_secret = frozen["type"] == VariableType.SENSITIVE
    value = HIDDEN if is_secret else frozen["label"] or frozen["value"] or "nothing"
    return f"{value} ({scope_text(Scope.from_json(frozen['scope']), names)})"
