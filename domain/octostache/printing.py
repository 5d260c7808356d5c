"""A node as text again, in the one way of writing that the reference has for all spellings."""

from __future__ import annotations

from domain.octostache.nodes import (
    Calculation,
    Choice,
    Condition,
    Expression,
    Loop,
    Node,
    Operand,
    Operation,
    Symbol,
    Unparsed,
)
from domain.octostache.numbers import double_text


def printed(node: Node) -> str:
    """The token of a node, with what is left out and how much space there is put in order."""
    if isinstance(node, str):
        return node
    if isinstance(node, Unparsed):
        return node.source
    if isinstance(node, Choice):
        return _choice(node)
    if isinstance(node, Loop):
        return f"#{{each {node.variable} in {node.collection.name}}}{_all(node.body)}#{{/each}}"
    inner = _operand(node.operand) if isinstance(node, Calculation) else expression_text(node)
    return f"#{{{inner}}}"


def expression_text(expression: Expression) -> str:
    """A symbol or a chain of filters without its braces."""
    if isinstance(expression, Symbol):
        return expression.name
    parts = [expression.argument.name]
    for call in expression.calls:
        options = [f'"{one}"' if isinstance(one, str) else printed(one) for one in call.options]
        parts.append(" ".join((call.name, *options)))
    return " | ".join(parts)


def condition_text(condition: Condition) -> str:
    """What stands between `#{if ` and its `}`."""
    left = expression_text(condition.left)
    if not condition.sign:
        return left
    right = condition.right
    shown = f'"{right}"' if isinstance(right, str) else expression_text(right)
    return f"{left} {condition.sign} {shown} "


def _choice(node: Choice) -> str:
    otherwise = f"#{{else}}{_all(node.when_false)}" if node.when_false else ""
    return f"#{{if {condition_text(node.condition)}}}{_all(node.when_true)}{otherwise}#{{/if}}"


def _all(nodes: tuple[Node, ...]) -> str:
    return "".join(printed(node) for node in nodes)


def _operand(operand: Operand) -> str:
    if isinstance(operand, Symbol):
        return operand.name
    if isinstance(operand, Operation):
        return f"{_operand(operand.left)}{operand.sign}{_operand(operand.right)}"
    return double_text(operand)
