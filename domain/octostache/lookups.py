"""Ways from a place to another one: through repetitions, the tree of variables, and JSON."""

from __future__ import annotations

from domain.octostache import json_values
from domain.octostache.bindings import Binding
from domain.octostache.json_values import Json
from domain.octostache.nodes import Index


class Scope:
    """What the repetitions around a token have given names to."""

    def __init__(self, parent: Scope | None, variable: str, item: Binding, place: tuple[int, int]) -> None:
        index, count = place
        self.parent = parent
        self.variable = variable.casefold()
        self.item = item
        self.specials = {
            "octopus.template.each.index": str(index),
            "octopus.template.each.first": str(index == 0),
            "octopus.template.each.last": str(index == count - 1),
        }


def walked(place: Binding | None, steps: tuple[str | Index, ...]) -> Binding | None:
    """The place at the end of the steps, None where they lead nowhere."""
    for step in steps:
        place = place and place.below(step)
    return place


def step_text(step: str | Index) -> str:
    """A step as the name of a property, or the number of an element."""
    return step if isinstance(step, str) else str(step.value).strip()


def within(text: str, steps: list[str]) -> str | None:
    """What a path leads to in a JSON document; a property or an element that is not there is empty."""
    value: Json = text
    for step in steps:
        if isinstance(value, str):
            value = json_values.document(value)
        if isinstance(value, dict) and step:
            value = value.get(step, "")
        elif isinstance(value, list) and step.isdecimal():
            value = value[int(step)] if len(step) < 10 and int(step) < len(value) else ""
        elif isinstance(value, list) and step[:1] == "-" and step[1:].isdecimal():
            value = ""
        else:
            return None
    return json_values.leaf_text(value)


def is_true(text: str) -> bool:
    """Empty, 0, No and False are false, the words in any case and with any space around."""
    return text not in ("", "0") and text.strip().lower() not in ("no", "false")
