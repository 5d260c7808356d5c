"""What changed between the plan that a person looked at and the plan that would run now.

What was shown is kept short: ids and names for the sentences, fingerprints for everything else, so that
it says nothing about a secret and fits into a form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from domain import codec
from domain.labels import listed
from domain.plans import PlannedStep, RunPlan, step_values
from domain.processes import MANUAL_INSTRUCTIONS, SCRIPT_BODY, number_label
from domain.scopes import Kind
from domain.step_rules import Condition, Start
from domain.tags import tag_key
from domain.variables import Candidate, name_key, resolve_all

SCHEMA = 1

Fingerprint = Callable[[str], str]
"""A short text that differs where the given one does, and does not give it away."""


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step of a plan. `id` is that of its action; `text` and `settings` are fingerprints of its script
    (or instructions) and of everything else that makes it what it is; `targets` are names by id; `values`
    are those of the variables that differ from step to step, `packages` are IDs with versions."""

    id: str
    number: int
    name: str
    text: str
    settings: str
    manual: bool = False
    skipped: bool = False
    pool_id: str = ""
    pool_name: str = ""
    pool_variable: str = ""
    targets: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    packages: tuple[str, ...] = ()
    child: int = 0

    @property
    def label(self) -> str:
        return f"{number_label(self.number, self.child)} {self.name}"


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """The plan of one place; `place` is its key, `label` what people call it. `values` are fingerprints by
    the variable's name, of those that are the same at every step."""

    place: str
    label: str
    steps: tuple[ShownStep, ...]
    values: Mapping[str, str] = field(default_factory=dict)

    def value(self, step: ShownStep, name: str) -> str | None:
        return step.values.get(name, self.values.get(name))


@dataclass(frozen=True, slots=True)
class Shown:
    """All plans that a person looked at. `source` is what runs ("Snapshot 3"); `current` is what was the
    one to run at that moment, such as the published snapshot."""

    source: str
    current: str
    plans: tuple[ShownPlan, ...]
    schema: int = SCHEMA

    def to_json(self) -> codec.Json:
        return codec.encode_fields(self)

    @classmethod
    def from_json(cls, data: codec.Json) -> Shown:
        """Raises codec.Malformed."""
        codec.check_schema(data, supported=SCHEMA)
        return codec.decode_fields(cls, data)


@dataclass(frozen=True, slots=True)
class Difference:
    """A sentence that stands for itself; `places` names where, unless it holds for all of them."""

    sentence: str
    places: tuple[str, ...] = ()


# --- What was shown -------------------------------------------------------------------------------


def describe(place: str, label: str, plan: RunPlan, *, fingerprint: Fingerprint) -> ShownPlan:
    """What to keep of a plan that is shown."""
    varying = {name_key(one.name) for one in plan.candidates if Kind.ACTION in one.scope}
    constant = [one for one in plan.candidates if name_key(one.name) not in varying]
    found = resolve_all(constant, plan.context)
    return ShownPlan(
        place=place,
        label=label,
        steps=tuple(_shown_step(plan, step, varying, fingerprint) for step in plan.steps),
        values={name: _value(one.winner, fingerprint) for name, one in found.items() if one.winner},
    )


def _shown_step(plan: RunPlan, step: PlannedStep, varying: set[str], fingerprint: Fingerprint) -> ShownStep:
    texts = {SCRIPT_BODY, MANUAL_INSTRUCTIONS}
    rest = sorted((name, value) for name, value in step.properties.items() if name not in texts)
    values = step_values(plan, step) if varying and step.skipped is None else {}
    return ShownStep(
        id=step.action_id,
        number=step.number,
        child=step.child,
        name=step.name,
        text=fingerprint(step.instructions if step.is_manual else step.script),
        settings=fingerprint(repr((step.action_type, rest, *_when(step)))),
        manual=step.is_manual,
        skipped=step.skipped is not None,
        pool_id=step.pool_id or "",
        pool_name=step.pool_name,
        pool_variable=(step.why.variable or "") if step.why else "",
        targets={one.id: one.name for one in step.targets},
        values={name: _value(one, fingerprint) for name, one in values.items() if name_key(name) in varying},
        packages=tuple(one.label for one in step.packages),
    )


def _when(step: PlannedStep) -> Iterator[object]:
    """When it runs, where that is not as for most steps."""
    if step.rules.condition is not Condition.SUCCESS:
        yield step.condition.value, step.expression
    if step.start is not Start.AFTER_PREVIOUS:
        yield step.start.value
    if step.child:
        yield step.parent, step.gate.value, step.gate_expression
    if step.location.has_targets:
        yield step.location.value, sorted(map(tag_key, step.target_tags)), step.window


def _value(winner: Candidate, fingerprint: Fingerprint) -> str:
    """What somebody answers comes from the form that was looked at, and may be sealed anew each time."""
    if winner.prompt is not None:
        return fingerprint("prompt")
    return fingerprint(repr((winner.type.value, winner.value)))


# --- What changed since ---------------------------------------------------------------------------


def differences(shown: Shown, now: Shown) -> list[Difference]:
    """In the order in which a person would look: what runs, where, the steps, the values. Empty where what
    would run now is what was shown."""
    before = {plan.place: plan for plan in shown.plans}
    after = {plan.place: plan for plan in now.plans}
    found = [Difference(sentence) for sentence in _source(shown, now)]
    found += [
        Difference(f"{plan.label} was not in the plan that you looked at.")
        for place, plan in after.items()
        if place not in before
    ]
    found += [
        Difference(f"{plan.label} was in the plan that you looked at, and would not be run.")
        for place, plan in before.items()
        if place not in after
    ]
    return found + _in_places([(before[one], after[one]) for one in after if one in before])


def _source(shown: Shown, now: Shown) -> Iterator[str]:
    if shown.source == shown.current != now.current:
        yield f"{now.current} was published meanwhile; you looked at {_lower(shown.source)}."
    elif shown.source != now.source:
        yield f"You looked at {_lower(shown.source)}; this is {_lower(now.source)}."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _in_places(pairs: list[tuple[ShownPlan, ShownPlan]]) -> list[Difference]:
    """What holds for all places is said once."""
    where: dict[str, list[str]] = {}
    for before, after in pairs:
        for sentence in dict.fromkeys(_changes(before, after)):
            where.setdefault(sentence, []).append(after.label)
    return [
        Difference(sentence, () if len(labels) == len(pairs) else tuple(labels))
        for sentence, labels in where.items()
    ]


def _changes(before: ShownPlan, after: ShownPlan) -> Iterator[str]:
    old = {step.id: step for step in before.steps}
    new = {step.id: step for step in after.steps}
    pairs = [(old[id], step) for id, step in new.items() if id in old]
    changed = _changed_values(before, after, pairs)
    explained: set[str] = set()
    for id, step in new.items():
        if id not in old:
            yield f"Step {step.label} was added."
            continue
        yield from _step_changes(old[id], step, changed)
        if old[id].pool_id != step.pool_id:
            explained.add(name_key(step.pool_variable))
    yield from (f"Step {step.label} was removed." for id, step in old.items() if id not in new)
    if moved := _moved(pairs):
        yield f"The steps run in another order: {', '.join(one.label for one in moved)}."
    for name, sentence in changed.items():
        if name_key(name) not in explained:
            yield sentence


def _step_changes(old: ShownStep, new: ShownStep, changed: Mapping[str, str]) -> Iterator[str]:
    if old.name != new.name:
        yield f"Step {old.label} is now called {new.name}."
    if old.skipped != new.skipped:
        yield f"Step {new.label} {'is skipped now' if new.skipped else 'runs now; it was skipped'}."
        return
    if old.text != new.text:
        yield f"The {'instructions' if new.manual else 'script'} of step {new.label} changed."
    if old.settings != new.settings:
        yield f"The settings of step {new.label} changed."
    yield from _target_changes(old, new)
    if old.packages != new.packages and old.settings == new.settings:
        yield f"Step {new.label} gets {listed(new.packages)} now (was {listed(old.packages)})."
    if old.pool_id != new.pool_id:
        yield f"Step {new.label}: {_pool_change(old, new)}{_reason(old, new, changed)}."


def _target_changes(old: ShownStep, new: ShownStep) -> Iterator[str]:
    changes = ((new.targets, old.targets, "for"), (old.targets, new.targets, "no longer for"))
    for one, other, words in changes:
        if names := [name for id, name in one.items() if id not in other]:
            yield f"Step {new.label} runs {words} {listed(sorted(names))}."


def _pool_change(old: ShownStep, new: ShownStep) -> str:
    if not new.pool_id:
        return f"it has no pool now (was {old.pool_name})"
    return f"the pool is now {new.pool_name} (was {old.pool_name or 'none'})"


def _reason(old: ShownStep, new: ShownStep, changed: Mapping[str, str]) -> str:
    variable = new.pool_variable
    if variable != old.pool_variable:
        return f", because it is picked by variable {variable} now" if variable else ""
    names = {name_key(name) for name in changed}
    return f", because variable {variable} changed" if variable and name_key(variable) in names else ""


def _moved(pairs: list[tuple[ShownStep, ShownStep]]) -> list[ShownStep]:
    """All common steps in their new order, where that is not the old one."""
    new = [after for _, after in pairs]
    old = sorted(pairs, key=lambda pair: (pair[0].number, pair[0].child))
    return new if [after for _, after in old] != new else []


def _changed_values(
    before: ShownPlan, after: ShownPlan, pairs: list[tuple[ShownStep, ShownStep]]
) -> dict[str, str]:
    """A sentence by the name of each variable that does not have the same value at every common step."""
    names = {name: None for plan in (before, after) for name in _names(plan)}
    found = {}
    for name in names:
        values = [
            (before.value(old, name), after.value(new, name))
            for old, new in pairs
            if not (old.skipped or new.skipped)
        ]
        if any(one != other for one, other in values):
            found[name] = _value_sentence(name, values)
    return found


def _names(plan: ShownPlan) -> list[str]:
    return [*plan.values, *(name for step in plan.steps for name in step.values)]


def _value_sentence(name: str, values: list[tuple[str | None, str | None]]) -> str:
    if all(before is None for before, _ in values):
        return f"Variable {name} has a value now."
    if all(after is None for _, after in values):
        return f"Variable {name} has no value any more."
    return f"Variable {name} changed."
