"""What the run dialog asks, and what is answered so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.http import QueryDict

from domain import octostache
from domain.answers import Question, for_type
from domain.plans import ProblemCode
from domain.prompts import FALSE, TRUE, Control, Option
from domain.variables import VariableType, name_key
from projects.services.runs import PlacePlan

#: Names of the variables whose question stood in the form: of a checkbox that is off, nothing else is sent.
ASKED = "asked"


@dataclass
class QuestionField:
    """One question in the form. `is_answered` says that it stood there already; `error` is what stands
    against its answer."""

    question: Question
    value: str
    choices: Sequence[Option] = ()
    is_answered: bool = False
    error: str = ""

    @property
    def name(self) -> str:
        return field_name(self.question.name)

    @property
    def id(self) -> str:
        """Of the element: the same wherever the question stands, so that what is typed stays with it."""
        return f"run-question-{sha256(name_key(self.question.name).encode()).hexdigest()[:10]}"

    @property
    def kind(self) -> Control:
        if self.question.is_sensitive:
            return Control.SENSITIVE
        return for_type(self.question.prompt, self.question.type).control

    @property
    def is_checked(self) -> bool:
        return self.value.strip().casefold() == TRUE.casefold()


def field_name(variable: str) -> str:
    return f"answer:{variable}"


def fields(
    questions: Iterable[Question], data: QueryDict, *, pools: Mapping[str, str]
) -> list[QuestionField]:
    """In the order in which they are asked; choices follow from the answers before them. `pools` are names
    by id."""
    asked = set(data.getlist(ASKED))
    given: dict[str, str] = {}
    found = []
    for question in questions:
        is_answered = question.name in asked
        value = _sent(question, data) if is_answered else question.default
        choices = _choices(question, given, pools)
        if is_answered and choices and value not in {one.value for one in choices}:
            # What an earlier answer took away cannot stay chosen.
            value = ""
        found.append(QuestionField(question, value, choices, is_answered))
        if not question.is_sensitive:
            given[question.name] = value
    return found


def _sent(question: Question, data: QueryDict) -> str:
    name = field_name(question.name)
    if question.prompt.control is Control.CHECKBOX and not question.is_sensitive:
        return TRUE if name in data else FALSE
    return data.get(name, "").replace("\r\n", "\n")


def _choices(question: Question, given: Mapping[str, str], pools: Mapping[str, str]) -> Sequence[Option]:
    if question.type is VariableType.WORKER_POOL:
        return [Option(id, name) for id, name in pools.items()]
    try:
        return question.prompt.choices(given)
    except octostache.TemplateError:
        # The plan says so.
        return ()


def answers(found: Iterable[QuestionField]) -> dict[str, str]:
    """What was answered, by the name of the variable."""
    return {one.question.name: one.value for one in found if one.is_answered}


def mark(found: Iterable[QuestionField], plans: Iterable[PlacePlan], *, is_start: bool) -> None:
    """Puts what the plans object to beside the fields; before the start only where there is an answer."""
    problems = {
        problem.fix.id: problem.message
        for one in plans
        for problem in one.plan.problems
        if problem.code is ProblemCode.BAD_ANSWER and problem.fix
    }
    for field in found:
        if is_start or field.is_answered:
            field.error = problems.get(field.question.name, "")
