"""Programs and values to text.

Values refer to values to any depth, so the evaluator keeps its own stack: each step is
a generator that yields the steps that it waits for, and `run` drives them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import datetime

from domain.octostache import bindings, json_values
from domain.octostache.bindings import Binding
from domain.octostache.calculations import calculated, names_in
from domain.octostache.compiler import Program, compiled, key_of_name
from domain.octostache.errors import (
    EvaluationTooLong,
    ExpansionTooLarge,
    RecursionDetected,
    TemplateError,
)
from domain.octostache.filters import FILTERS
from domain.octostache.filters.calls import Inputs, Refused
from domain.octostache.lookups import Scope, is_true, step_text, walked, within
from domain.octostache.nodes import (
    Calculation,
    Call,
    Choice,
    Expression,
    Filtered,
    Index,
    Loop,
    Node,
    Symbol,
    Unparsed,
    key_of,
)
from domain.octostache.numbers import double_text, parse_double
from domain.octostache.printing import printed
from domain.octostache.results import Read, Unevaluated
from domain.octostache.running import Step, run

MOST_EXPANDED = 64 * 1024 * 1024
"""Characters that the values put in may come to, counted over all levels."""

MOST_STEPS = 1_000_000
"""Tokens that may be evaluated within repetitions."""


class Evaluator:
    """Evaluates any number of templates with the same variables; each value is expanded once."""

    def __init__(self, variables: Mapping[str, str], *, now: datetime | None = None) -> None:
        self.variables = variables
        self.raw = {key_of_name(name): value for name, value in variables.items()}
        self.expanded = {key: value for key, value in self.raw.items() if "#{" not in value}
        self.active: dict[tuple[int, str], str] = {}
        self.circular: set[str] = set()
        self.missing: dict[str, str] = {}
        self.unevaluated: dict[Unevaluated, None] = {}
        self.errors: list[TemplateError] = []
        self.reads: dict[Read, None] | None = None
        self.inputs = Inputs(
            clock=lambda: now or datetime.now().astimezone(), room=MOST_EXPANDED, steps=MOST_STEPS
        )
        self._level = 0
        self._tree: Binding | None = None

    @property
    def tree(self) -> Binding:
        """The variables as a tree, made when it is first asked for."""
        if self._tree is None:
            triples = ((name, key_of_name(name), value) for name, value in self.variables.items())
            self._tree = bindings.tree_of(triples)
        return self._tree

    def noting(self) -> Evaluator:
        """Another one with the same variables and limits, which notes what is read."""
        other = copy(self)
        other.expanded = {key: value for key, value in self.raw.items() if "#{" not in value}
        other.active, other.missing, other.unevaluated = {}, {}, {}
        other.errors, other.reads, other.circular = [], {}, set()
        return other

    def value(self, name: str) -> str:
        """The expanded value of a variable that there is."""
        return run(self._expanded(key_of_name(name), name)) or ""

    def render(self, program: Program, scope: Scope | None = None) -> Step:
        """The text of a program."""
        if program.parts:
            return self._render_parts(program, scope)
        return self._render_nodes(program.nodes, scope)

    def _render_parts(self, program: Program, scope: Scope | None) -> Step:
        shown: dict[str, str] = {}
        for source, (prefix, node) in program.tokens.items():
            value = self._ready(node, scope)
            if value is None:
                value = yield self._step(node, scope)
            shown[source] = prefix + value
        parts = program.parts.copy()
        parts[1::2] = map(shown.__getitem__, parts[1::2])
        self._count(sum(map(len, parts[1::2])))
        return "".join(parts)

    def _render_nodes(self, nodes: Iterable[Node], scope: Scope | None) -> Step:
        parts: list[str] = []
        for node in nodes:
            if isinstance(node, str):
                parts.append(node)
            else:
                value = self._ready(node, scope)
                if value is None:
                    value = yield self._step(node, scope)
                self._count(len(value))
                parts.append(value)
        return "".join(parts)

    def _ready(self, node: Node, scope: Scope | None) -> str | None:
        """A value that is there already, without the cost of a step."""
        if scope is None and self.reads is None and isinstance(node, Symbol):
            return self.expanded.get(node.key or "")
        return None

    def _step(self, node: Node, scope: Scope | None) -> Step:
        """Chains of plain values are the deepest there are, so they take a short way."""
        if scope is None and self.reads is None and isinstance(node, Symbol) and node.key in self.raw:
            return self._put_in(node, node.key)
        return self.shown(node, scope)

    def _put_in(self, node: Symbol, key: str) -> Step:
        value = yield from self._expanded(key, node.name)
        return printed(node) if value is None else value

    def _count(self, characters: int) -> None:
        self.inputs.room -= characters
        if self.inputs.room < 0:
            raise ExpansionTooLarge(MOST_EXPANDED)

    def shown(self, node: Node, scope: Scope | None) -> Step:
        """What stands in the place of a node."""
        if scope is not None:
            self.inputs.steps -= 1
            if self.inputs.steps < 0:
                raise EvaluationTooLong(MOST_STEPS)
        if isinstance(node, str):
            return node
        if isinstance(node, Symbol):
            return (yield from self._shown_symbol(node, scope))
        if isinstance(node, Filtered):
            return (yield from self._shown_filtered(node, scope))
        return (yield from self._shown_construct(node, scope))

    def _shown_construct(self, node: Calculation | Choice | Loop | Unparsed, scope: Scope | None) -> Step:
        if isinstance(node, Choice):
            return (yield from self._choice(node, scope))
        if isinstance(node, Loop):
            return (yield from self._loop(node, scope))
        if isinstance(node, Calculation):
            return (yield from self._calculation(node, scope))
        return self._echo(node, "it is not written as a reference")

    def _echo(self, node: Node, reason: str) -> str:
        token = printed(node)
        self.unevaluated[Unevaluated(token, reason)] = None
        return token

    def _shown_symbol(self, node: Symbol, scope: Scope | None) -> Step:
        value = yield from self.resolve(node, scope)
        if value is None:
            self._miss(node)
            return printed(node)
        return value

    def _miss(self, node: Symbol) -> None:
        if node.steps and node.key not in self.circular:
            self.missing.setdefault(node.name.casefold(), node.name)

    def _shown_filtered(self, node: Filtered, scope: Scope | None) -> Step:
        if node.calls[-1].name.lower() == "null":
            return ""
        value, reason = yield from self._applied(node, scope)
        if value is not None:
            return value
        if reason:
            return self._echo(node, reason)
        self._miss(node.argument)
        return printed(node)

    def _applied(self, node: Filtered, scope: Scope | None) -> Step:
        """The filtered text and "", or None and why not ("" when only the value is missing)."""
        text = yield from self.resolve(node.argument, scope)
        reason = "" if node.argument.steps else "the filter lacks a value before the |"
        for call in node.calls:
            if (filter := FILTERS.get(call.name.lower())) is None:
                # A filter further on may do without a value: Append, NowDate.
                text, reason = None, f"there is no filter {call.name}"
                continue
            options = yield from self._options(call, scope)
            try:
                text = filter(text, options, self.inputs)
            except Refused as refusal:
                text, reason = None, str(refusal)
            self._count(len(text or ""))
        return (text, "") if text is not None else (None, reason)

    def _options(self, call: Call, scope: Scope | None) -> Step:
        options: list[str] = []
        for option in call.options:
            options.append((yield self.shown(option, scope)))
        return options

    def _calculation(self, node: Calculation, scope: Scope | None) -> Step:
        numbers: dict[str, float] = {}
        for name in names_in(node.operand):
            value = yield from self.resolve(name, scope)
            number = None if value is None else parse_double(value)
            if value is None:
                self._miss(name)
            elif number is None:
                return self._echo(node, f"the value of {name.name} is not a number")
            else:
                numbers[name.name] = number
        result = calculated(node.operand, numbers)
        if result is not None:
            return double_text(result)
        missing = any(name.name not in numbers for name in names_in(node.operand))
        return printed(node) if missing else self._echo(node, "the calculation has no result")

    def _choice(self, node: Choice, scope: Scope | None) -> Step:
        condition = node.condition
        left, refusal = yield from self._operand(condition.left, scope)
        right = condition.right
        if refusal is None and condition.sign and not isinstance(right, str):
            right, refusal = yield from self._operand(right, scope)
        if refusal is not None:
            return self._echo(node, refusal)
        holds = is_true(left) if not condition.sign else (left == right) == (condition.sign == "==")
        return (yield from self._render_nodes(node.when_true if holds else node.when_false, scope))

    def _operand(self, expression: Expression, scope: Scope | None) -> Step:
        """A side of a condition: a name without a value counts as empty. Why not, where it has none."""
        if isinstance(expression, Symbol):
            value = yield from self.resolve(expression, scope)
            return value or "", None
        value, reason = yield from self._applied(expression, scope)
        if value is not None:
            return value, None
        return "", reason or f"{expression.argument.name} has no value"

    def _loop(self, node: Loop, scope: Scope | None) -> Step:
        items = yield from self._items(node.collection, scope)
        parts: list[str] = []
        for number, item in enumerate(items):
            self.inputs.steps -= 1
            inner = Scope(scope, node.variable, item, (number, len(items)))
            text = yield self._render_nodes(node.body, inner)
            parts.append(text)
            if self.inputs.steps < 0:
                raise EvaluationTooLong(MOST_STEPS)
        return "".join(parts)

    def _items(self, collection: Symbol, scope: Scope | None) -> Step:
        steps = yield from self._fixed(collection, scope)
        if steps is None:
            return []
        place = self._place(steps, scope)
        if place is not None and place.text is None and place.indexed:
            return bindings.items_of_tree(place)
        text = yield from self.resolve(collection, scope)
        if text is None:
            return []
        found = json_values.document(text)
        if found is not None:
            return bindings.items_of_json(found)
        return [Binding(one) for one in text.split(",")]

    def _place(self, steps: tuple[str | Index, ...], scope: Scope | None) -> Binding | None:
        """The place that a path leads to within the loops around it or the variables."""
        while scope is not None:
            if steps[0] == scope.variable or str(steps[0]).casefold() == scope.variable:
                place = walked(scope.item, steps[1:])
                if place is not None:
                    return place
            scope = scope.parent
        return walked(self.tree, steps)

    def resolve(self, symbol: Symbol, scope: Scope | None) -> Step:
        """The value of a reference, None where there is none."""
        if scope is None and symbol.key is not None and symbol.key in self.expanded:
            value = self.expanded[symbol.key]
        else:
            value = yield from self._resolved(symbol, scope)
        if self.reads is not None and not self._level and symbol.steps:
            self.reads[Read(symbol.name, value)] = None
        return value

    def _resolved(self, symbol: Symbol, scope: Scope | None) -> Step:
        steps = yield from self._fixed(symbol, scope)
        if not steps:
            return None
        key = symbol.key or key_of(steps)
        while scope is not None:
            if key in scope.specials:
                return scope.specials[key]
            if str(steps[0]).casefold() == scope.variable:
                value = yield from self._along(scope.item, steps[1:], (key, symbol.name), scope)
                if value is not None:
                    return value
            scope = scope.parent
        if key in self.raw:
            return (yield from self._expanded(key, symbol.name))
        return (yield from self._along(self.tree, steps, (key, symbol.name), None))

    def _fixed(self, symbol: Symbol, scope: Scope | None) -> Step:
        """The steps with their indexes looked up, None where one has no value."""
        if symbol.key is not None:
            return symbol.steps
        steps: list[str | Index] = []
        for step in symbol.steps:
            if isinstance(step, Index) and isinstance(step.value, Symbol):
                value = yield self.resolve(step.value, scope)
                if value is None:
                    self._miss(step.value)
                    return None
                step = Index(value)
            steps.append(step)
        return tuple(steps)

    def _expanded(self, key: str, name: str) -> Step:
        """The value of a variable with the values put in that it refers to."""
        if key not in self.expanded:
            text = yield from self._guarded(self.raw[key], (key, name), None)
            if text is None:
                return None
            self.expanded[key] = text
        return self.expanded[key]

    def _guarded(self, text: str, symbol: tuple[str, str], scope: Scope | None) -> Step:
        """The text of a value, None where it refers to itself."""
        if "#{" not in text:
            return text
        mark = (id(scope), symbol[0])
        if mark in self.active:
            self._report_recursion(mark)
            return None
        self.active[mark] = symbol[1]
        self._level += 1
        shown = yield self.render(compiled(text), scope)
        self._level -= 1
        del self.active[mark]
        return shown

    def _along(
        self, place: Binding, steps: tuple[str | Index, ...], symbol: tuple[str, str], scope: Scope | None
    ) -> Step:
        """The value at the end of a path, which may lead into JSON; `symbol` is its key and name."""
        for number, step in enumerate(steps):
            further = place.below(step)
            if further is None:
                return (yield from self._into_json(place, steps[number:], symbol, scope))
            place = further
        if place.text is None:
            return None
        if place.key and place.key in self.expanded:
            return self.expanded[place.key]
        return (yield from self._guarded(place.text, symbol, scope))

    def _into_json(
        self, place: Binding, steps: tuple[str | Index, ...], symbol: tuple[str, str], scope: Scope | None
    ) -> Step:
        text = yield from self._document(place, scope)
        found = None if text is None else within(text, [step_text(step) for step in steps])
        # A value out of JSON is a template of its own; it may refer to what stands beside it.
        return None if found is None else (yield from self._guarded(found, symbol, scope))

    def _document(self, place: Binding, scope: Scope | None) -> Step:
        """The text of a place as JSON; while it is being expanded itself, as it is written."""
        if not place.text or "#{" not in place.text:
            return place.text
        if place.key in self.expanded:
            return self.expanded[place.key]
        own = (id(None), place.key)
        if not place.key:
            return (yield from self._guarded(place.text, ("", place.text[:40]), scope))
        return place.text if own in self.active else (yield from self._expanded(place.key, place.key))

    def _report_recursion(self, mark: tuple[int, str]) -> None:
        marks = list(self.active)
        names = tuple(self.active[one] for one in marks[marks.index(mark) :])
        self.circular.add(mark[1])
        self.errors.append(RecursionDetected((*names, names[0])))
