"""Answers that get into the text of a script."""

from __future__ import annotations

from domain.answers import answered
from domain.planning import plan
from domain.plans import ProblemCode, Severity
from domain.prompts import Prompt
from domain.variables import Candidate, VariableType
from tests.domain.test_planning import DEFAULT, FREE, IN_PRODUCTION, NAMES, POOLS, action, process

TEXT = VariableType.STRING
SIZE = Candidate("1", "Size", TEXT, "small", prompt=Prompt())


def pasted(script: str, *candidates: Candidate, is_refused: bool = False):
    found = plan(
        process=process(action(script=script, worker_pool_variable=None)),
        candidates=answered(candidates, {}, labels={}),
        context=IN_PRODUCTION,
        pools=POOLS,
        capacity={DEFAULT.id: FREE},
        names=NAMES,
        refuse_pasted=is_refused,
    )
    return [one for one in found.problems if one.code is ProblemCode.PASTED_ANSWER]


def test_an_answer_in_a_script_is_warned_of_with_the_way_out():
    (problem,) = pasted("copy #{Size}", SIZE)

    assert problem.severity is Severity.WARNING
    assert "pastes #{Size}" in problem.message
    assert 'get_octopusvariable "Size"' in problem.message


def test_so_is_one_that_gets_there_through_another_value():
    command = Candidate("2", "Command", TEXT, "copy --size #{size | ToUpper}")

    assert len(pasted("#{Command}", SIZE, command)) == 1


def test_a_project_can_refuse_it():
    (problem,) = pasted("copy #{Size}", SIZE, is_refused=True)

    assert problem.severity is Severity.ERROR
    assert "does not allow" in problem.message


def test_what_is_read_while_the_script_runs_is_fine():
    plain = Candidate("2", "Plain", TEXT, "1")

    assert pasted('copy "$(get_octopusvariable Size)" #{Plain} ##{Size}', SIZE, plain) == []
