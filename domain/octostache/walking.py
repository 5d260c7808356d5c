"""What a tree of nodes refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from domain.octostache.calculations import names_in
from domain.octostache.nodes import (
    Calculation,
    Choice,
    Expression,
    Filtered,
    Loop,
    Node,
    Symbol,
    dynamic_indexes,
)


def symbols_in(nodes: Iterable[Node], hidden: frozenset[str] = frozenset()) -> Iterator[Symbol]:
    """Every symbol, but for those that stand for the items of a repetition."""
    for node in nodes:
        waiting = list(_direct(node))
        while waiting:
            one = waiting.pop()
            waiting.extend(dynamic_indexes(one))
            if not _is_hidden(one, hidden):
                yield one
        yield from _within(node, hidden)


def _within(node: Node, hidden: frozenset[str]) -> Iterator[Symbol]:
    if isinstance(node, Choice):
        yield from symbols_in((*node.when_true, *node.when_false), hidden)
    elif isinstance(node, Loop):
        yield from symbols_in(node.body, hidden | {node.variable.casefold(), "octopus.template.each"})


def _direct(node: Node) -> Iterator[Symbol]:
    if isinstance(node, Symbol | Filtered):
        yield from _of_expression(node)
    elif isinstance(node, Calculation):
        yield from names_in(node.operand)
    elif isinstance(node, Choice):
        yield from _of_expression(node.condition.left)
        if not isinstance(node.condition.right, str):
            yield from _of_expression(node.condition.right)
    elif isinstance(node, Loop):
        yield node.collection


def _of_expression(expression: Expression) -> Iterator[Symbol]:
    if isinstance(expression, Symbol):
        yield expression
        return
    yield expression.argument
    for call in expression.calls:
        yield from symbols_in(call.options)


def _is_hidden(one: Symbol, hidden: frozenset[str]) -> bool:
    name = one.name.casefold()
    return any(name == start or name.startswith((f"{start}.", f"{start}[")) for start in hidden)
