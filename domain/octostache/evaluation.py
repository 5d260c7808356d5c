"""What callers ask for: the text of a template, with or without the reasons, or all of a set."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.octostache.compiler import Program, compiled
from domain.octostache.errors import TemplateError
from domain.octostache.evaluator import Evaluator
from domain.octostache.nodes import Node
from domain.octostache.printing import printed
from domain.octostache.results import EvaluationResult, Expansion, Explanation, TokenExplanation
from domain.octostache.running import run


def evaluate(template: str, variables: Mapping[str, str], *, now: datetime | None = None) -> str:
    """Put values into a template; what cannot be evaluated is echoed. Raises TemplateError.

    `now` (an aware time) is the present of NowDate, the clock's when it is left out.
    """
    if "#{" not in template:
        return template
    result = evaluate_detailed(template, variables, now=now)
    if result.errors:
        raise result.errors[0]
    return result.text


def evaluate_detailed(
    template: str, variables: Mapping[str, str], *, now: datetime | None = None
) -> EvaluationResult:
    """Like `evaluate`, but reports instead of raising."""
    if "#{" not in template:
        return EvaluationResult(template)
    return _evaluated(compiled(template), template, Evaluator(variables, now=now))


def _evaluated(program: Program, template: str, evaluator: Evaluator) -> EvaluationResult:
    text = template
    try:
        text = run(evaluator.render(program))
    except TemplateError as error:
        evaluator.errors.append(error)
    return EvaluationResult(
        text=text,
        missing=tuple(evaluator.missing.values()),
        unevaluated=tuple(evaluator.unevaluated),
        errors=tuple(evaluator.errors),
    )


def expand_all(variables: Mapping[str, str], *, now: datetime | None = None) -> Expansion:
    """Put the values into each other, each only once. Raises ExpansionTooLarge and EvaluationTooLong.

    A variable that refers to itself keeps the reference as it is written, and the error
    is reported.
    """
    evaluator = Evaluator(variables, now=now)
    values = {name: evaluator.value(name) if "#{" in value else value for name, value in variables.items()}
    return Expansion(values, tuple(evaluator.errors))


def explain(template: str, variables: Mapping[str, str], *, now: datetime | None = None) -> Explanation:
    """Evaluate a template and say of each token what it read and what was missing. Raises nothing."""
    program = compiled(template)
    evaluator = Evaluator(variables, now=now)
    result = _evaluated(program, template, evaluator)
    return Explanation(result, tuple(_explained(node, evaluator.noting()) for node in _tokens(program)))


def _tokens(program: Program) -> list[Node]:
    nodes = list(program.nodes) + [program.tokens[source][1] for source in program.parts[1::2]]
    return [node for node in nodes if not isinstance(node, str)]


def _explained(node: Node, evaluator: Evaluator) -> TokenExplanation:
    text = token = printed(node)
    try:
        text = run(evaluator.shown(node, None))
    except TemplateError as error:
        evaluator.errors.append(error)
    return TokenExplanation(
        token=token,
        text=text,
        reads=tuple(evaluator.reads or ()),
        missing=tuple(evaluator.missing.values()),
        unevaluated=tuple(evaluator.unevaluated),
        errors=tuple(evaluator.errors),
    )
