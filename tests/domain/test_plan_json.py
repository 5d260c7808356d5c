import json

import pytest
from hypothesis import given

from domain.codec import Malformed, UnsupportedSchema
from domain.plans import RunPlan
from tests.domain.strategies import plans


@given(plans)
def test_a_plan_survives_json(plan):
    assert RunPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@given(plans)
def test_a_plan_of_another_schema_is_refused(plan):
    with pytest.raises(UnsupportedSchema):
        RunPlan.from_json({**plan.to_json(), "schema": 2})


def test_a_broken_scope_is_refused_with_its_place():
    candidate = {"id": "1", "name": "A", "type": "String", "value": "", "scope": {"Planet": ["1"]}}
    data = {"schema": 1, "context": {}, "labels": {}, "steps": [], "candidates": [candidate]}
    with pytest.raises(Malformed, match=r"candidates\[0\]\.scope.*Planet"):
        RunPlan.from_json(data)
