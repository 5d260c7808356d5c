"""From tables and words to a process; everything that is wrong is found at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import TypeVar

from domain.process_text.model import ActionText, ProcessText, StepText
from domain.process_text.tree import Entry, Fault, Listing, Node, Table, TextRefused, Word
from domain.process_text.writing import CHILD_EXPRESSION, EXPRESSION
from domain.processes import (
    MAX_PARALLELISM,
    MOST_IN_WINDOW,
    TARGET_ROLES,
    Location,
    location_of,
    window_of,
)
from domain.step_rules import Condition, Start
from domain.targets import BadTag, tags_in
from domain.variables import validate_name

MOST_STEPS = 500
LONGEST_NAME = 120
LONGEST_VALUE = 1_000_000
"""Characters of one setting."""

E = TypeVar("E", bound=StrEnum)


def read(tree: Node) -> ProcessText:
    """Raises TextRefused."""
    faults: list[Fault] = []
    table = tree if isinstance(tree, Table) else Table((), tree.line)
    if not isinstance(tree, Table):
        faults.append(Fault("The text is no process: it has to begin with steps.", tree.line))
    reader = _Reader(table, faults)
    rows = reader.tables("steps")
    if len(rows) > MOST_STEPS:
        faults.append(Fault(f"There are {len(rows):,} steps; at most {MOST_STEPS} are taken.", table.line))
    steps = tuple(_step(row, number, faults) for number, row in enumerate(rows[:MOST_STEPS], start=1))
    reader.finish()
    _refuse_twins(steps, faults)
    if faults:
        raise TextRefused(faults)
    return ProcessText(steps)


def _step(table: Table, number: int, faults: list[Fault]) -> StepText:
    reader = _Reader(table, faults, step=str(number))
    slug = reader.text("slug", longest=140)
    # Octopus leaves the name out where the label says it.
    name = " ".join((reader.text("name", longest=LONGEST_NAME) or slug).split())
    reader.step = name or str(number)
    if not name:
        reader.fault("name", "A step needs a name.")
    properties = reader.texts("properties")
    tags = _tags(reader, properties.pop(TARGET_ROLES, ""))
    window = window_of(properties.pop(MAX_PARALLELISM, ""))
    if window is None:
        reader.fault("properties", f"{MAX_PARALLELISM} has to be a number up to {MOST_IN_WINDOW}.")
    step = StepText(
        name=name,
        slug=slug,
        condition=reader.choice("condition", Condition, Condition.SUCCESS),
        expression=properties.pop(EXPRESSION, ""),
        start=reader.choice("start_trigger", Start, Start.AFTER_PREVIOUS),
        actions=tuple(_action(row, reader.step, faults) for row in reader.tables("actions")),
        target_tags=tags,
        window=window or 0,
        line=table.line,
    )
    step = replace(step, actions=tuple(_located(action, tags) for action in step.actions))
    _check_children(step, faults)
    for one in properties:
        reader.fault("properties", f"A step has no setting {one}.")
    # A package is not fetched before it is needed, so what is said of that makes no difference.
    reader.skip("package_requirement")
    reader.finish()
    return step


def _check_children(step: StepText, faults: list[Fault]) -> None:
    if not step.actions:
        faults.append(Fault("A step needs an action.", step.line, step.name, "actions"))
    if len(step.actions) == 1 and step.actions[0].condition is not Condition.SUCCESS:
        words = "Only one of several actions has a condition of its own; here it is that of the step."
        faults.append(Fault(words, step.actions[0].line, step.name, "condition"))
    for action in step.actions[1:]:
        if not action.name and not action.slug:
            words = "Each of several actions needs a name."
            faults.append(Fault(words, action.line, step.name, "name"))


def _tags(reader: _Reader, text: str) -> tuple[str, ...]:
    try:
        return tags_in(text)
    except BadTag as error:
        reader.fault("properties", str(error))
        return ()


def _located(action: ActionText, tags: Sequence[str]) -> ActionText:
    """Octopus says it by two settings, where this server writes the location."""
    if action.location is not Location.WORKER:
        return action
    return replace(action, location=location_of(action.properties, tags))


def _action(table: Table, step: str, faults: list[Fault]) -> ActionText:
    reader = _Reader(table, faults, step=step)
    variable = reader.optional("worker_pool_variable", longest=200)
    properties = reader.texts("properties")
    action = ActionText(
        slug=reader.text("slug", longest=140),
        name=" ".join(reader.text("name", longest=LONGEST_NAME).split()),
        action_type=reader.text("action_type", longest=60) or ActionText().action_type,
        condition=reader.choice("condition", Condition, Condition.SUCCESS),
        expression=properties.pop(CHILD_EXPRESSION, ""),
        properties=properties,
        location=reader.choice("location", Location, Location.WORKER),
        worker_pool=reader.text("worker_pool"),
        worker_pool_variable=variable,
        is_disabled=reader.flag("is_disabled"),
        is_required=reader.flag("is_required"),
        environments=reader.words("environments"),
        excluded_environments=reader.words("excluded_environments"),
        channels=reader.words("channels"),
        tenant_tags=reader.words("tenant_tags"),
        notes=reader.text("notes"),
        line=table.line,
    )
    reader.finish()
    if action.worker_pool and variable is not None:
        reader.fault("worker_pool", "A pool and a variable that picks one cannot both stand here.")
    if variable and (reason := validate_name(variable)):
        reader.fault("worker_pool_variable", reason)
    return action


def _refuse_twins(steps: Sequence[StepText], faults: list[Fault]) -> None:
    """A step that holds others may be called as one of them."""
    holding = [step for step in steps if len(step.actions) > 1]
    parents: list[tuple[StepText | ActionText, str]] = [(step, step.name) for step in holding]
    others: list[tuple[StepText | ActionText, str]] = [
        (step, step.name) for step in steps if len(step.actions) <= 1
    ]
    others += [(one, one.name or one.slug or step.name) for step in holding for one in step.actions]
    for rows in (parents, others):
        for field in ("name", "slug"):
            seen: dict[str, StepText | ActionText] = {}
            for row, name in rows:
                key = (name if field == "name" else row.slug).casefold()
                if key and key in seen:
                    words = f"Step on line {seen[key].line} has the same {field}."
                    faults.append(Fault(words, row.line, name, field))
                seen.setdefault(key, row)


class _Reader:
    """One table: asked for each key that it may have, then for what is left."""

    def __init__(self, table: Table, faults: list[Fault], *, step: str = "") -> None:
        self._line = table.line
        self._entries: dict[str, Entry] = {}
        self._faults = faults
        self.step = step
        for entry in table.entries:
            if self._entries.setdefault(entry.key, entry) is not entry:
                faults.append(Fault("It stands here twice.", entry.line, step, entry.key))
        self._left = set(self._entries)

    def fault(self, field: str, message: str, line: int = 0) -> None:
        entry = self._entries.get(field)
        self._faults.append(Fault(message, line or (entry.line if entry else self._line), self.step, field))

    def finish(self) -> None:
        """What nothing asked for is a mistake, not something to drop in silence."""
        for key in sorted(self._left, key=lambda one: self._entries[one].line):
            self.fault(key, "This server knows nothing of this name.")

    def skip(self, key: str) -> None:
        self._left.discard(key)

    def _value(self, key: str) -> Node | None:
        self._left.discard(key)
        entry = self._entries.get(key)
        if entry is None or (isinstance(entry.value, Word) and entry.value.is_null):
            return None
        return entry.value

    def optional(self, key: str, *, longest: int = LONGEST_VALUE) -> str | None:
        value = self._value(key)
        return None if value is None else self._text(key, value, longest)

    def text(self, key: str, *, longest: int = LONGEST_VALUE) -> str:
        return self.optional(key, longest=longest) or ""

    def _text(self, key: str, value: Node, longest: int = LONGEST_VALUE) -> str:
        if not isinstance(value, Word):
            self.fault(key, "A text has to stand here.", value.line)
            return ""
        if len(value.text) > longest:
            self.fault(key, f"It is longer than {longest:,} characters.", value.line)
        if "\0" in value.text:
            self.fault(key, "It holds a character that cannot be stored.", value.line)
        return value.text

    def flag(self, key: str) -> bool:
        text = self.text(key).casefold()
        if text not in ("", "true", "false"):
            self.fault(key, "Only true or false can stand here.")
        return text == "true"

    def choice(self, key: str, choices: type[E], default: E) -> E:
        text = self.text(key)
        if not text:
            return default
        if text not in tuple(choices):
            self.fault(key, f'"{text[:40]}" is not one of {", ".join(choices)}.')
            return default
        return choices(text)

    def words(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        if value is None:
            return ()
        if not isinstance(value, Listing):
            self.fault(key, "A list of texts has to stand here.", value.line)
            return ()
        return tuple(self._text(key, one) for one in value.items)

    def texts(self, key: str) -> dict[str, str]:
        value = self._value(key)
        if value is None:
            return {}
        if not isinstance(value, Table):
            self.fault(key, "A table of names and texts has to stand here.", value.line)
            return {}
        found: dict[str, str] = {}
        for entry in value.entries:
            if entry.key in found:
                self.fault(entry.key, "It stands here twice.", entry.line)
            if not (isinstance(entry.value, Word) and entry.value.is_null):
                found[entry.key] = self._text(entry.key, entry.value)
        return found

    def tables(self, key: str) -> list[Table]:
        value = self._value(key)
        if value is None:
            return []
        items = value.items if isinstance(value, Listing) else (value,)
        for one in items:
            if not isinstance(one, Table):
                self.fault(key, "A table of names and values has to stand here.", one.line)
        return [one for one in items if isinstance(one, Table)]
