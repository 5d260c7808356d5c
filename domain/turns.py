"""Under which name a run counts: its concurrency tag and its locks, with the run's values put in."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from domain import octostache
from domain.plans import RunPlan
from domain.system_variables import RunFacts, system_variables
from domain.variables import VariableType, resolve, resolve_all

#: Octopus's name: runs with the same value take turns instead of those of the same process and place.
CONCURRENCY_TAG = "Octopus.Task.ConcurrencyTag"


def run_values(plan: RunPlan, facts: RunFacts) -> dict[str, str]:
    """What is known before any step: values without a step in their scope, and none that is sensitive,
    because keys and names of locks are shown."""
    resolutions = resolve_all(plan.candidates, plan.context)
    winners = (one.winner for one in resolutions.values())
    own = {one.name: one.value for one in winners if one and one.type is not VariableType.SENSITIVE}
    return {**system_variables(facts, None), **own}


def concurrency_tag(plan: RunPlan, values: Mapping[str, str]) -> str:
    """The value of the tag, empty where there is none."""
    winner = resolve(CONCURRENCY_TAG, plan.candidates, plan.context).winner
    if winner is None or winner.type is VariableType.SENSITIVE:
        return ""
    return filled(winner.value, values)


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with values put in; what has none stays as it is written."""
    return octostache.evaluate_detailed(template, values).text.strip()


def fitted(text: str, *, most: int) -> str:
    """At most so many characters, and still a different text for each different one."""
    if len(text) <= most:
        return text
    digest = sha256(text.encode()).hexdigest()[:16]
    return f"{text[: most - len(digest) - 1]}~{digest}"
