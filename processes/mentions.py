"""Where a step refers to a variable, and the step with another name there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from domain import octostache, script_names, step_types
from domain.processes import SCRIPT_BODY
from domain.script_sources import GIT_ACCOUNT
from domain.variables import same_name
from processes.services.steps import StepFields


@dataclass(frozen=True)
class Mention:
    """A setting of a step: what people call it, and its text."""

    noun: str
    text: str


def mentions(fields: StepFields, name: str, *, known: Collection[str]) -> list[Mention]:
    """The settings that refer to the variable; `known` are the names of all variables."""
    # Any other name does to find where this one stands.
    return [before for before, after in changes(fields, name, "Octopus.Renamed", known=known) if after]


def changes(
    fields: StepFields, old: str, new: str, *, known: Collection[str]
) -> Iterator[tuple[Mention, str]]:
    """Each setting that refers to the variable, with its text under the new name."""
    labels = step_types.property_names()
    after = renamed(fields, old, new, known=known)
    if after.worker_pool_variable != fields.worker_pool_variable:
        yield Mention("Worker pool variable", fields.worker_pool_variable), after.worker_pool_variable
    if after.expression != fields.expression:
        yield Mention("Condition", fields.expression), after.expression
    for key, text in fields.properties.items():
        if after.properties[key] != text:
            yield Mention(labels.get(key, key), text), after.properties[key]


def renamed(fields: StepFields, old: str, new: str, *, known: Collection[str]) -> StepFields:
    """The step with the new name. Raises `octostache.CannotRefer`."""
    picks = same_name(fields.worker_pool_variable, old)
    return replace(
        fields,
        worker_pool_variable=new if picks else fields.worker_pool_variable,
        expression=octostache.renamed(fields.expression, old, new, known=known),
        properties={key: _text(key, text, old, new, known) for key, text in fields.properties.items()},
    )


def _text(key: str, text: str, old: str, new: str, known: Collection[str]) -> str:
    if not isinstance(text, str):
        return text
    if key == GIT_ACCOUNT:
        # The name itself, not a template.
        return new if same_name(text, old) else text
    found = octostache.renamed(text, old, new, known=known)
    return script_names.with_name(found, old, new) if key == SCRIPT_BODY else found
