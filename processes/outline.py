"""The order of steps and their children: pure, on ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

Branch = tuple[int, list[int]]
"""A step, and its children in order."""


class Way(StrEnum):
    """Where a step is moved: before or behind its neighbour, into the step before it, out of its parent."""

    UP = "up"
    DOWN = "down"
    IN = "in"
    OUT = "out"


class BadOutline(Exception):
    """Steps that would be children of a child, or of what is not there."""


def branches(ids: Sequence[int], parents: Mapping[int, int]) -> list[Branch]:
    """The steps as they stand: children follow their parent in their order, wherever they were named.
    Raises BadOutline."""
    children: dict[int, list[int]] = {id: [] for id in ids if id not in parents}
    for id in ids:
        if id in parents:
            if parents[id] not in children:
                raise BadOutline
            children[parents[id]].append(id)
    return list(children.items())


def flat(found: Iterable[Branch]) -> tuple[list[int], dict[int, int]]:
    """All ids in order, and the parents of those that have one."""
    ids: list[int] = []
    parents: dict[int, int] = {}
    for id, children in found:
        ids += [id, *children]
        parents |= dict.fromkeys(children, id)
    return ids, parents


def moved(found: Sequence[Branch], id: int, way: Way) -> list[Branch]:
    """With one step moved one place; as it was where there is no such place."""
    rows = [(one, list(children)) for one, children in found]
    tops = [one for one, _ in rows]
    if id in tops:
        return _top_moved(rows, tops.index(id), way)
    at = next((at for at, (_, children) in enumerate(rows) if id in children), None)
    if at is None:
        return rows
    siblings = rows[at][1]
    if way is Way.OUT:
        siblings.remove(id)
        rows.insert(at + 1, (id, []))
    elif way in (Way.UP, Way.DOWN):
        _shift(siblings, siblings.index(id), way)
    return rows


def _top_moved(rows: list[Branch], at: int, way: Way) -> list[Branch]:
    if way in (Way.UP, Way.DOWN):
        _shift(rows, at, way)
    elif way is Way.IN and at > 0 and not rows[at][1]:
        rows[at - 1][1].append(rows.pop(at)[0])
    return rows


def _shift(rows: list[int] | list[Branch], at: int, way: Way) -> None:
    to = max(0, min(len(rows) - 1, at + (1 if way is Way.DOWN else -1)))
    rows.insert(to, rows.pop(at))  # type: ignore[arg-type]  # the same kind of row goes back in
