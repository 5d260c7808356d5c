"""What has to be changed so that a server is as a folder says, with the differences in lines."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from octo.folder import texts
from octo.folder.shapes import REFERENCE
from octo.folder.things import (
    CHANNEL,
    LISTS,
    PROCESS,
    PROJECT,
    RUNBOOK,
    VARIABLES,
    Everything,
    Forms,
    Key,
    Thing,
    tidied,
)


class Verb(StrEnum):
    CREATE = "create"
    CHANGE = "change"
    ORDER = "order"
    DELETE = "delete"


@dataclass(frozen=True)
class Change:
    """`before` and `after` are as files have them. `wanted` is None for what is to go, `current` for what is
    to come, both for an order."""

    verb: Verb
    key: Key
    before: Any = None
    after: Any = None
    wanted: Thing | None = None
    current: Thing | None = None

    @property
    def id_there(self) -> str:
        """The id of what is on the server; empty where nothing is."""
        return str(self.current.raw["Id"]) if self.current else ""

    def lines(self, *, backward: bool = False) -> list[str]:
        """The difference; `backward` shows what the server has that the folder does not."""
        pair = [texts.write(one).splitlines() if one else [] for one in (self.before, self.after)]
        first, second = reversed(pair) if backward else pair
        return list(difflib.unified_diff(first, second, lineterm="", n=2))[2:]


def changes(wanted: Everything, current: Everything, forms: Forms) -> list[Change]:
    """In the order in which they are made: what others name comes first, and goes last."""
    found = [change for thing in wanted for change in _of(thing, current, forms)]
    found += _orders(wanted, current)
    gone = [Change(Verb.DELETE, thing.key, thing.body, None, None, thing) for thing in _gone(wanted, current)]
    return found + sorted(gone, key=lambda change: change.key.order, reverse=True)


def _of(thing: Thing, current: Everything, forms: Forms) -> Iterator[Change]:
    there = current.get(thing.key)
    after = _settled(thing, there, forms)
    if there is None:
        # A new project has a process and variables of its own, which are empty.
        if after or thing.key.kind not in (PROCESS, VARIABLES):
            yield Change(Verb.CREATE, thing.key, None, after, thing)
    elif after != there.body:
        yield Change(Verb.CHANGE, thing.key, there.body, after, thing, there)


def _settled(thing: Thing, there: Thing | None, forms: Forms) -> Any:
    """As it will be read again. What a project leaves out of where it belongs stays where it is."""
    schema = forms[thing.key.kind]
    body = tidied(thing.key.kind, forms.shapes.written(schema, thing.body))
    if thing.key.kind == PROJECT and there is not None:
        for name, member in forms.shapes.members(schema).items():
            if REFERENCE in member and name not in body and name in there.body:
                body[name] = there.body[name]
        body = {name: body[name] for name in forms.shapes.members(schema) if name in body}
    return body


def _orders(wanted: Everything, current: Everything) -> Iterator[Change]:
    for kind in LISTS:
        names = wanted.orders.get(kind.name)
        if not kind.is_ordered or names is None:
            continue
        known = {name.casefold() for name in names}
        before = [name for name in current.orders.get(kind.name, []) if name.casefold() in known]
        there = {name.casefold() for name in before}
        # What is new comes at the end, until it is put into its place.
        before += [name for name in names if name.casefold() not in there]
        if [name.casefold() for name in before] != [name.casefold() for name in names]:
            yield Change(Verb.ORDER, Key(kind.name), before, names)


def _gone(wanted: Everything, current: Everything) -> Iterator[Thing]:
    """What the folder would have if it were to stay: entries of lists, and runbooks and channels of its
    projects."""
    for thing in current:
        kind, project = thing.key.kind, thing.key.project
        is_told = kind in wanted.whole_kinds or (kind == RUNBOOK and wanted.get(Key(PROJECT, project)))
        is_told = is_told or (kind == CHANNEL and wanted.of(CHANNEL, project))
        if is_told and wanted.get(thing.key) is None:
            yield thing
