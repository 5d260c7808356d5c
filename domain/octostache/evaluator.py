"""Syntax tree and values to text.

Values refer to values to any depth, so the evaluator keeps its own stack: each step is
a generator that yields the steps that it waits for, and `_run` drives them.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass

from domain.octostache.errors import ExpansionTooLarge, RecursionDetected, TemplateError
from domain.octostache.nodes import Node, Symbol, Verbatim, dynamic_indexes, key_of
from domain.octostache.parser import key_of_name, parse

MOST_EXPANDED = 64 * 1024 * 1024
"""Characters that the values put in may come to, counted over all levels."""

_Step = Generator["_Step", str | None, str | None]


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The text, with what could not be put in left as it was written.

    `missing` names what has no value, `unsupported` the constructs that are not
    evaluated ("if", "|" for a filter), each once and in order of appearance.
    """

    text: str
    missing: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    errors: tuple[TemplateError, ...] = ()


@dataclass(frozen=True, slots=True)
class Expansion:
    """All variables with the values put into their values."""

    values: dict[str, str]
    errors: tuple[TemplateError, ...] = ()


def evaluate(template: str, variables: Mapping[str, str]) -> str:
    """Put values into a template; missing names stay as written. Raises TemplateError."""
    result = evaluate_detailed(template, variables)
    if result.errors:
        raise result.errors[0]
    return result.text


def evaluate_detailed(template: str, variables: Mapping[str, str]) -> EvaluationResult:
    """Like `evaluate`, but reports instead of raising."""
    evaluator = _Evaluator(variables)
    text = template
    try:
        text = evaluator.text(parse(template))
    except ExpansionTooLarge as error:
        evaluator.errors.append(error)
    return EvaluationResult(
        text=text,
        missing=tuple(evaluator.missing.values()),
        unsupported=tuple(evaluator.unsupported),
        errors=tuple(evaluator.errors),
    )


def expand_all(variables: Mapping[str, str]) -> Expansion:
    """Put the values into each other, each only once. Raises ExpansionTooLarge.

    A variable that refers to itself keeps the reference as it is written, and the error
    is reported.
    """
    evaluator = _Evaluator(variables)
    values = {name: evaluator.value(name) for name in variables}
    return Expansion(values, tuple(evaluator.errors))


class _Evaluator:
    def __init__(self, variables: Mapping[str, str]) -> None:
        self.raw = {key_of_name(name): value for name, value in variables.items()}
        self.expanded = {key: value for key, value in self.raw.items() if "#{" not in value}
        self.active: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        self.unsupported: dict[str, None] = {}
        self.errors: list[TemplateError] = []
        self.characters = 0

    def text(self, nodes: Iterable[Node]) -> str:
        return _run(self._render(nodes)) or ""

    def value(self, name: str) -> str:
        key = key_of_name(name)
        return _run(self._value(Symbol(f"#{{{name}}}", (), key))) or ""

    def _render(self, nodes: Iterable[Node]) -> _Step:
        parts: list[str] = []
        for node in nodes:
            if isinstance(node, str):
                parts.append(node)
            elif isinstance(node, Verbatim):
                self.unsupported[node.construct] = None
                parts.append(node.source)
            else:
                value = None if node.key is None else self.expanded.get(node.key)
                if value is None:
                    value = yield self._value(node)
                parts.append(node.source if value is None else self._counted(value))
        return "".join(parts)

    def _counted(self, value: str) -> str:
        self.characters += len(value)
        if self.characters > MOST_EXPANDED:
            raise ExpansionTooLarge(MOST_EXPANDED)
        return value

    def _value(self, symbol: Symbol) -> _Step:
        key = symbol.key
        if key is None:
            key = yield self._dynamic_key(symbol)
        if key is None:
            return None
        if key not in self.raw:
            self.missing.setdefault(key, symbol.name)
            return None
        if key not in self.expanded and key in self.active:
            self._report_recursion(key)
            return None
        if key not in self.expanded:
            self.active[key] = symbol.name
            self.expanded[key] = (yield self._render(parse(self.raw[key]))) or ""
            del self.active[key]
        return self.expanded[key]

    def _dynamic_key(self, symbol: Symbol) -> _Step:
        indexes: list[str] = []
        for inner in dynamic_indexes(symbol):
            value = yield self._value(inner)
            if value is None:
                return None
            indexes.append(value)
        return key_of(symbol.steps, tuple(indexes))

    def _report_recursion(self, key: str) -> None:
        keys = list(self.active)
        names = tuple(self.active[one] for one in keys[keys.index(key) :])
        self.errors.append(RecursionDetected((*names, names[0])))


def _run(first: _Step) -> str | None:
    stack, value = [first], None
    while stack:
        try:
            stack.append(stack[-1].send(value))
            value = None
        except StopIteration as finished:
            stack.pop()
            value = finished.value
    return value
