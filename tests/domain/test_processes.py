import json

import pytest
from hypothesis import given

from domain.codec import Malformed, UnsupportedSchema
from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX, ActionDef, ProcessDef, StepDef, Syntax
from tests.domain.strategies import processes


@given(processes)
def test_a_process_survives_json(process):
    assert ProcessDef.from_json(json.loads(json.dumps(process.to_json()))) == process


def test_json_of_a_process_can_be_read_by_people():
    action = ActionDef("7", "Migrate", properties={SCRIPT_BODY: "true"}, worker_pool_variable="Pool")
    data = ProcessDef((StepDef("3", "Migrate", 1, (action,)),)).to_json()
    assert data["schema"] == 1
    assert data["steps"][0]["actions"][0]["location"] == "worker"
    assert data["steps"][0]["actions"][0]["worker_pool_variable"] == "Pool"


def test_keys_of_a_later_version_are_dropped_and_missing_ones_take_their_default():
    step = {"id": "1", "name": "A", "number": 1, "actions": [{"id": "2", "name": "A", "colour": "red"}]}
    process = ProcessDef.from_json({"schema": 1, "steps": [step], "mood": "good"})
    assert process.steps[0].actions[0] == ActionDef("2", "A")


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"schema": 1, "steps": [{"id": "1"}]}, r"ProcessDef.steps\[0\].name is missing"),
        ({"schema": 1, "steps": {}}, r"ProcessDef.steps is not a list"),
        ({"schema": 1, "steps": [7]}, r"ProcessDef.steps\[0\] is not an object"),
        (
            {"schema": 1, "steps": [{"id": 1, "name": "A", "number": 1, "actions": []}]},
            r"steps\[0\].id is not a str: 1",
        ),
        (
            {"schema": 1, "steps": [{"id": "1", "name": "A", "number": True, "actions": []}]},
            r"steps\[0\].number is not a int: True",
        ),
        ([], "not an object"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(data, place):
    with pytest.raises(Malformed, match=place):
        ProcessDef.from_json(data)


@pytest.mark.parametrize("schema", [2, None, "1"])
def test_another_schema_is_refused(schema):
    with pytest.raises(UnsupportedSchema):
        ProcessDef.from_json({"schema": schema, "steps": []})


def test_the_syntax_of_a_script():
    assert ActionDef("1", "A").syntax is Syntax.BASH
    assert ActionDef("1", "A", properties={SCRIPT_SYNTAX: "Python"}).syntax is Syntax.PYTHON
    with pytest.raises(ValueError, match="CSharp"):
        _ = ActionDef("1", "A", properties={SCRIPT_SYNTAX: "CSharp"}).syntax
