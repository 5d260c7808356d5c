"""What is asked when a run starts, and what becomes of the answers.

An answer takes the place of the values that ask for it, each within its scope; which value is used is then
decided as always. Questions come in the order of their labels, as Octopus Deploy asks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain import octostache
from domain.plans import FixHint, FixKind, Problem, ProblemCode
from domain.prompts import Control, Prompt
from domain.scopes import Context, Kind, matches
from domain.variables import Candidate, VariableType, name_key

# Which step and which machine is known only later; a question is asked once for the whole run.
_OPEN_KINDS = frozenset({Kind.ACTION, Kind.MACHINE, Kind.ROLE})


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """`value` of a sensitive one is ciphertext; `objection` says what is wrong with what it was."""

    value: str
    is_sensitive: bool = False
    objection: str = ""


Answers = Mapping[str, Answer]
"""By `name_key` of the variable."""


@dataclass(frozen=True, slots=True)
class Question:
    """`default` is the stored value, "" for a secret; `has_default` says whether there is one."""

    name: str
    prompt: Prompt
    type: VariableType
    default: str = ""
    has_default: bool = False

    @property
    def label(self) -> str:
        return self.prompt.label or self.name

    @property
    def is_sensitive(self) -> bool:
        return self.type is VariableType.SENSITIVE or self.prompt.control is Control.SENSITIVE


def questions(candidates: Iterable[Candidate], contexts: Sequence[Context] | None = None) -> list[Question]:
    """What runs in these places (None: anywhere) are asked, each name once, by label."""
    found: dict[str, Question] = {}
    for one in candidates:
        is_asked = contexts is None or any(_applies(one, context) for context in contexts)
        if one.prompt is not None and is_asked:
            found.setdefault(name_key(one.name), _question(one, one.prompt))
    return sorted(found.values(), key=lambda one: (one.label.casefold(), one.name))


def _applies(candidate: Candidate, context: Context) -> bool:
    return matches(candidate.scope, context, ignoring=_OPEN_KINDS) is None


def _question(candidate: Candidate, prompt: Prompt) -> Question:
    is_secret = candidate.type is VariableType.SENSITIVE
    return Question(
        name=candidate.name,
        prompt=prompt,
        type=candidate.type,
        default="" if is_secret else candidate.value,
        has_default=bool(candidate.value),
    )


def answered(
    candidates: Iterable[Candidate], answers: Answers, *, labels: Mapping[str, str]
) -> list[Candidate]:
    """The candidates with the answers in place of what asks. `labels` are names of pools by id."""
    return [_answered(one, answers.get(name_key(one.name)), labels) for one in candidates]


def _answered(candidate: Candidate, answer: Answer | None, labels: Mapping[str, str]) -> Candidate:
    if candidate.prompt is None or answer is None:
        return candidate
    type = VariableType.SENSITIVE if answer.is_sensitive else candidate.type
    label = labels.get(answer.value, "") if type is VariableType.WORKER_POOL else ""
    return replace(candidate, type=type, value=answer.value, label=label, is_answer=True)


def earlier(plan: Mapping[str, Any]) -> dict[str, Answer]:
    """The answers in the JSON of a stored plan, for a run that repeats it."""
    return {
        name_key(one["name"]): Answer(one["value"], one["type"] == VariableType.SENSITIVE)
        for one in plan.get("candidates", ())
        if one.get("is_answer")
    }


def answer_problems(candidates: Sequence[Candidate], context: Context, answers: Answers) -> Iterator[Problem]:
    """What is asked in this place and has no value, or none of the choices. `candidates` are answered."""
    asking = {name_key(one.name) for one in candidates if one.prompt is not None}
    for key in sorted(set(answers) - asking):
        message = f"Nothing asks for a value of {key}."
        yield Problem(ProblemCode.BAD_ANSWER, message, fix=FixHint(FixKind.VARIABLE, key))
    yield from (_no_pool(one) for one in candidates if _is_unknown_pool(one))
    given: dict[str, str] = {}
    for question in questions(candidates, [context]):
        answer = answers.get(name_key(question.name))
        objection = answer.objection if answer else ""
        if objection := objection or _objection(question, given):
            fix = FixHint(FixKind.VARIABLE, question.name)
            yield Problem(ProblemCode.BAD_ANSWER, objection, fix=fix)
        if not question.is_sensitive:
            given[question.name] = question.default


def _is_unknown_pool(candidate: Candidate) -> bool:
    is_pool = candidate.is_answer and candidate.type is VariableType.WORKER_POOL
    return is_pool and bool(candidate.value) and not candidate.label


def _no_pool(candidate: Candidate) -> Problem:
    label = candidate.prompt.label if candidate.prompt else ""
    message = f"{label or candidate.name} is a worker pool that is not there."
    fix = FixHint(FixKind.VARIABLE, candidate.name)
    return Problem(ProblemCode.BAD_ANSWER, message, fix=fix)


def _objection(question: Question, given: Mapping[str, str]) -> str:
    if not (question.default.strip() if not question.is_sensitive else question.has_default):
        return f"{question.label} needs a value." if question.prompt.required else ""
    if question.prompt.control is not Control.SELECT or question.is_sensitive:
        return ""
    try:
        choices = question.prompt.choices(given)
    except octostache.TemplateError as error:
        return f"The choices of {question.label} cannot be filled in. {error}."
    if question.default in {one.value for one in choices}:
        return ""
    shown = question.default if len(question.default) <= 40 else f"{question.default[:40]}…"
    return f'{question.label} is "{shown}", which is not one of its choices.'


_OF_TYPE = {VariableType.SENSITIVE: Control.SENSITIVE, VariableType.WORKER_POOL: Control.WORKER_POOL}
"""Types that are asked in one way alone."""


def for_type(prompt: Prompt, type: VariableType) -> Prompt:
    """The prompt with the control that the type has, where it has only one."""
    return replace(prompt, control=_OF_TYPE[type]) if type in _OF_TYPE else prompt


def validate_prompt(type: VariableType, prompt: Prompt) -> str | None:
    """The reason why a value of this type cannot ask this, or None."""
    if type not in (VariableType.STRING, *_OF_TYPE):
        return "Only texts, sensitive values and worker pools can be asked for."
    if type is VariableType.STRING and prompt.control is Control.WORKER_POOL:
        return "A pool can be chosen only for a variable of the type worker pool."
    if prompt.control is Control.SELECT and not prompt.options.strip():
        return "Enter the choices, one a line."
    return None
