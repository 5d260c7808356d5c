"""The variables as a tree: below `Octopus.Action` is all that its names go on with."""

from __future__ import annotations

from collections.abc import Iterable

from domain.octostache.compiler import steps_of_name
from domain.octostache.json_values import Json, leaf_text
from domain.octostache.nodes import Index


class Binding:
    """A place in the tree: its text, and what is below it. `key` is the variable's, "" for none.

    `label` is what stood in the brackets of an index.
    """

    __slots__ = ("children", "indexed", "key", "label", "text")

    def __init__(self, text: str | None = None, *, key: str = "", label: str = "") -> None:
        self.text = text
        self.key = key
        self.label = label
        self.children: dict[str, Binding] = {}
        self.indexed: dict[str, Binding] = {}

    def below(self, step: str | Index) -> Binding | None:
        """One step further, or None; the index * is the first there is."""
        if isinstance(step, str):
            return self.children.get(step.casefold())
        index = str(step.value).strip().casefold()
        if index == "*" and self.indexed:
            return next(iter(self.indexed.values()))
        return self.indexed.get(index)

    def add(self, step: str | Index) -> Binding:
        """One step further, made where it is missing. An index without a value has itself as its text."""
        if isinstance(step, str):
            return self.children.setdefault(step.casefold(), Binding())
        label = str(step.value).strip()
        return self.indexed.setdefault(label.casefold(), Binding(label, label=label))


def tree_of(names: Iterable[tuple[str, str, str]]) -> Binding:
    """The tree of (name, key, value); a name that no reference can reach is left out."""
    root = Binding()
    for name, key, value in names:
        place = root
        for step in steps_of_name(name) or ():
            place = place.add(step)
        if place is not root:
            place.text, place.key = value, key
    return root


def items_of_tree(place: Binding) -> list[Binding]:
    """What a repetition over indexes goes through; `Key` is the index, unless there is a variable for it."""
    return [_with_key(item) for item in place.indexed.values()]


def _with_key(item: Binding) -> Binding:
    copy = Binding(item.text, key=item.key, label=item.label)
    copy.indexed = item.indexed
    copy.children = {"key": Binding(item.label), **item.children}
    return copy


def items_of_json(found: dict[str, Json] | list[Json]) -> list[Binding]:
    """The elements of an array, or Key and Value of each property."""
    if isinstance(found, list):
        return [Binding(leaf_text(one)) for one in found]
    items = []
    for name, value in found.items():
        item = Binding(name)
        item.children = {"key": Binding(name), "value": Binding(leaf_text(value))}
        items.append(item)
    return items
