"""`#{Name}` templates, as Octopus Deploy's Octostache language has them.

evaluate("Hello #{Who}", {"who": "world"})  ->  "Hello world"
"""

from domain.octostache.errors import ExpansionTooLarge, RecursionDetected, TemplateError
from domain.octostache.evaluator import (
    EvaluationResult,
    Expansion,
    evaluate,
    evaluate_detailed,
    expand_all,
)
from domain.octostache.parser import references

__all__ = [
    "EvaluationResult",
    "Expansion",
    "ExpansionTooLarge",
    "RecursionDetected",
    "TemplateError",
    "evaluate",
    "evaluate_detailed",
    "expand_all",
    "references",
]
