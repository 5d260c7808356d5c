"""Prompts: what is asked where, and what becomes of the answers."""

from __future__ import annotations

import pytest

from domain.answers import (
    Answer,
    answer_problems,
    answered,
    earlier,
    for_type,
    questions,
    validate_prompt,
)
from domain.codec import encode
from domain.prompts import Control, Option, Prompt
from domain.scopes import Context, Kind, Scope
from domain.variables import Candidate, Outcome, VariableType, resolve

TEXT, SECRET, POOL = VariableType.STRING, VariableType.SENSITIVE, VariableType.WORKER_POOL
DEV, PROD = Context(environment="1"), Context(environment="2")


def asking(name, value="", *, type=TEXT, scope=None, id="", **prompt) -> Candidate:
    return Candidate(
        id or name, name, type, value, Scope.of(scope or {}), prompt=for_type(Prompt(**prompt), type)
    )


def problems(candidates, answers=None, context=DEV) -> list[str]:
    given = {name.casefold(): Answer(value) for name, value in (answers or {}).items()}
    with_answers = answered(candidates, given, labels={})
    return [one.message for one in answer_problems(with_answers, context, given)]


def test_each_name_is_asked_once_by_label_and_only_where_it_applies():
    candidates = [
        asking("B", label="Second"),
        asking("A", label="first", scope={Kind.ENVIRONMENT: ["2"]}),
        asking("A", label="other", scope={Kind.ENVIRONMENT: ["2"]}, id="9"),
        Candidate("x", "Plain", TEXT, "1"),
    ]

    assert [one.label for one in questions(candidates, [DEV])] == ["Second"]
    assert [one.label for one in questions(candidates, [DEV, PROD])] == ["first", "Second"]


def test_a_step_does_not_keep_a_question_from_being_asked():
    assert questions([asking("A", scope={Kind.ACTION: ["7"]})], [DEV])


def test_a_secret_has_no_default_that_is_shown():
    (question,) = questions([asking("A", "octo1:sealed", type=SECRET)], [DEV])

    assert (question.default, question.has_default, question.is_sensitive) == ("", True, True)


def test_an_answer_keeps_the_scope_and_says_that_it_is_one():
    low = asking("Size", "small")
    high = Candidate("2", "Size", TEXT, "large", Scope.of({Kind.ENVIRONMENT: ["2"]}))
    after = answered([low, high], {"size": Answer("medium")}, labels={})

    here, there = resolve("Size", after, DEV), resolve("Size", after, PROD)

    assert here.winner.value == "medium"
    assert next(one.sentence for one in here.verdicts if one.outcome is Outcome.USED) == (
        "Used. Applies everywhere. Answered when the run was started"
    )
    assert there.winner.value == "large"


def test_a_hidden_answer_makes_the_value_sensitive():
    (one,) = answered(
        [asking("Token", control=Control.SENSITIVE)],
        {"token": Answer("sealed", is_sensitive=True)},
        labels={},
    )

    assert (one.type, one.shown) == (SECRET, "********")


def test_an_answer_that_is_a_pool_gets_its_name():
    (one,) = answered([asking("Pool", "1", type=POOL)], {"pool": Answer("2")}, labels={"2": "SQL"})

    assert one.shown == "SQL"


@pytest.mark.parametrize(
    ("value", "answers", "expected"),
    [
        ("", {}, ["Region needs a value."]),
        ("", {"Region": "  "}, ["Region needs a value."]),
        ("EU", {}, []),
        ("EU", {"Region": ""}, ["Region needs a value."]),
        ("", {"region": "US"}, []),
    ],
)
def test_what_is_required(value, answers, expected):
    assert problems([asking("Region", value, required=True)], answers) == expected


def test_only_choices_can_be_chosen():
    asked = [asking("Region", control=Control.SELECT, options="eu|Europe\nus")]

    assert problems(asked, {"Region": "eu"}) == []
    assert problems(asked) == []
    assert problems(asked, {"Region": "Europe"}) == ['Region is "Europe", which is not one of its choices.']


def test_choices_follow_an_earlier_answer():
    options = '#{if Region == "EU"}dub|Dublin\npar|Paris#{/if}#{if Region == "US"}iad#{/if}'
    asked = [
        asking("Site", label="2 Site", control=Control.SELECT, options=options, required=True),
        asking("Region", label="1 Region", control=Control.SELECT, options="EU\nUS"),
    ]

    assert asked[0].prompt.choices({"Region": "EU"}) == (Option("dub", "Dublin"), Option("par", "Paris"))
    assert problems(asked, {"Region": "EU", "Site": "par"}) == []
    assert problems(asked, {"Region": "US", "Site": "par"}) == [
        '2 Site is "par", which is not one of its choices.'
    ]


def test_nobody_is_asked_for_it():
    assert problems([asking("A")], {"B": "1"}) == ["Nothing asks for a value of b."]


def test_a_question_of_another_place_may_be_answered():
    asked = [asking("A", required=True, scope={Kind.ENVIRONMENT: ["2"]})]

    assert problems(asked, {"A": "1"}) == []
    assert problems(asked) == []


def test_the_answers_of_a_stored_plan():
    after = answered([asking("A"), asking("B", "default")], {"a": Answer("1")}, labels={})

    assert earlier({"candidates": encode(tuple(after))}) == {"a": Answer("1")}
    assert earlier({}) == {}


@pytest.mark.parametrize(
    ("type", "prompt", "part"),
    [
        (VariableType.TOKEN, Prompt(), "Only texts"),
        (TEXT, Prompt(control=Control.WORKER_POOL), "only for a variable of the type worker pool"),
        (TEXT, Prompt(control=Control.SELECT), "one a line"),
    ],
)
def test_what_cannot_be_asked(type, prompt, part):
    assert part in (validate_prompt(type, prompt) or "")


def test_types_that_are_asked_in_one_way():
    assert for_type(Prompt(), SECRET).control is Control.SENSITIVE
    assert for_type(Prompt(), POOL).control is Control.WORKER_POOL
    assert validate_prompt(POOL, for_type(Prompt(), POOL)) is None
