"""Which variables a step uses: those that it names, and those that these refer to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from domain import octostache
from domain.plans import PlannedStep
from domain.variables import name_key


def used_names(step: PlannedStep, values: Mapping[str, str]) -> frozenset[str]:
    """Of these variables, given as they stand before substitution, those that a script or a setting of the
    step names as a word of its own or refers to, the one that chose its pool, and what the values of all
    these refer to. A script that puts a name together while it runs is not seen through."""
    names = {name_key(name): name for name in values}
    # The longest name first: `Login.Username` is a part of `Login` only where there is none of that name.
    keys = "|".join(re.escape(key) for key in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w.])(?:{keys})(?!\w)")
    waiting = _named(pattern, _texts(step)) if names else []
    found: set[str] = set()
    while waiting:
        name = names[waiting.pop()]
        if name not in found:
            found.add(name)
            waiting += _named(pattern, octostache.references(values[name]))
    return frozenset(found)


def _texts(step: PlannedStep) -> Iterable[str]:
    return (*step.properties.values(), step.expression, (step.why.variable or "") if step.why else "")


def _named(pattern: re.Pattern[str], texts: Iterable[str]) -> list[str]:
    return [key for text in texts for key in pattern.findall(name_key(text))]
