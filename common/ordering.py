"""Sorting rows by hand: a page sends the ids in their new order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.http import QueryDict


class StaleOrder(Exception):
    """The order names a row that is not (or no longer) there."""


def moved(ids: Sequence[int], *, id: int, by: int) -> list[int]:
    """The ids with one of them moved up (-1) or down (1); the ends stay the ends."""
    order = list(ids)
    if id not in order:
        return order
    place = order.index(id)
    order.insert(max(0, min(len(order) - 1, place + by)), order.pop(place))
    return order


def reorder(rows: models.QuerySet[Any], ids: Sequence[int]) -> None:
    """Numbers `sort_order` in the given order from 0; rows that are not named come after, as they
    stood. Call it in a transaction. Raises `StaleOrder`."""
    by_id = {row.pk: row for row in rows}
    if not set(ids) <= set(by_id):
        raise StaleOrder("Something in this list was deleted meanwhile. Here is the list as it is now.")
    order = list(dict.fromkeys([*ids, *by_id]))
    changed = []
    for place, pk in enumerate(order):
        if by_id[pk].sort_order != place:
            by_id[pk].sort_order = place
            changed.append(by_id[pk])
    rows.model._default_manager.bulk_update(changed, ["sort_order"])


def next_place(rows: models.QuerySet[Any]) -> int:
    """The `sort_order` of a row that is added at the end."""
    last = rows.aggregate(last=models.Max("sort_order"))["last"]
    return 0 if last is None else last + 1


def posted_order(data: QueryDict) -> list[int]:
    """The order that a sortable list posts: `id` once per row as drawn, and `up` or `down` with the id
    of the row whose button was pressed. Raises `StaleOrder` for anything but numbers."""
    try:
        ids = [int(value) for value in data.getlist("id")]
        for name, by in (("up", -1), ("down", 1)):
            if name in data:
                ids = moved(ids, id=int(str(data[name])), by=by)
    except ValueError as error:
        raise StaleOrder("This order could not be read. Here is the list as it is.") from error
    return ids
