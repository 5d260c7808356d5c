"""`#{Name}` templates, as Octopus Deploy's Octostache language has them.

evaluate("Hello #{Who | ToUpper}", {"who": "world"})  ->  "Hello WORLD"

`docs/templates.md` shows all of the language by example.
"""

from domain.octostache.compiler import certain_references, references
from domain.octostache.errors import (
    EvaluationTooLong,
    ExpansionTooLarge,
    RecursionDetected,
    TemplateError,
)
from domain.octostache.evaluation import evaluate, evaluate_detailed, expand_all, explain
from domain.octostache.filters import FILTER_NAMES
from domain.octostache.renaming import CannotRefer, plain_tokens, refers_to, renamed
from domain.octostache.results import (
    EvaluationResult,
    Expansion,
    Explanation,
    Read,
    TokenExplanation,
    Unevaluated,
)

__all__ = [
    "FILTER_NAMES",
    "CannotRefer",
    "EvaluationResult",
    "EvaluationTooLong",
    "Expansion",
    "ExpansionTooLarge",
    "Explanation",
    "Read",
    "RecursionDetected",
    "TemplateError",
    "TokenExplanation",
    "Unevaluated",
    "certain_references",
    "evaluate",
    "evaluate_detailed",
    "expand_all",
    "explain",
    "plain_tokens",
    "references",
    "refers_to",
    "renamed",
]
