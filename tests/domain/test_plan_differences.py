from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from domain.codec import Malformed
from domain.plan_differences import Shown, describe, differences
from domain.planning import PoolCapacity, PoolInfo, plan
from domain.processes import (
    MANUAL_ACTION,
    MANUAL_INSTRUCTIONS,
    RETRIES,
    SCRIPT_BODY,
    ActionDef,
    ProcessDef,
    StepDef,
)
from domain.scopes import Context, Kind, Scope
from domain.variables import Candidate, VariableType

POOLS = {id: PoolInfo(id, name) for id, name in (("1", "SQL - Production"), ("2", "SQL - Prod B"))}
ROOM = PoolCapacity(workers_total=1, workers_available=1, slots_total=1, slots_free=1)


def fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def action(id: str, name: str, script: str = "echo", **more: object) -> ActionDef:
    fields = {"worker_pool_variable": "DatabasePool", "properties": {SCRIPT_BODY: script}, **more}
    return ActionDef(id=id, name=name, **fields)


CHECK, MIGRATE, VERIFY = action("a", "Check"), action("b", "Migrate"), action("c", "Verify")


def pool(id: str, **scope: list[str]) -> Candidate:
    return Candidate("p", "DatabasePool", VariableType.WORKER_POOL, id, label=POOLS[id].name)


def value(text: str, name: str = "Mode", type: VariableType = VariableType.STRING, scope=None) -> Candidate:
    return Candidate(f"{name}{text}", name, type, text, scope=Scope.of(scope or {}))


def shown(
    *actions: ActionDef,
    values: tuple[Candidate, ...] = (pool("1"),),
    source: str = "Snapshot 3",
    current: str = "Snapshot 3",
    places: tuple[str, ...] = ("Production",),
) -> Shown:
    """As it comes back from the form."""
    steps = tuple(
        StepDef(f"s{one.id}", one.name, number, (one,)) for number, one in enumerate(actions, start=1)
    )
    plans = [
        describe(
            place,
            place,
            plan(
                process=ProcessDef(steps),
                candidates=values,
                context=Context(environment=place, process="deployment"),
                pools=POOLS,
                capacity=dict.fromkeys(POOLS, ROOM),
                names={},
            ),
            fingerprint=fingerprint,
        )
        for place in places
    ]
    made = Shown(source=source, current=current, plans=tuple(plans))
    return Shown.from_json(json.loads(json.dumps(made.to_json())))


def sentences(before: Shown, after: Shown) -> list[str]:
    return [one.sentence for one in differences(before, after)]


def test_the_same_plan_has_no_differences() -> None:
    both = {"values": (pool("1"), value("x")), "places": ("Production", "Test")}

    assert differences(shown(CHECK, MIGRATE, **both), shown(CHECK, MIGRATE, **both)) == []


def test_another_pool_is_told_with_the_variable_that_picked_it() -> None:
    now = shown(CHECK, MIGRATE, values=(pool("2"),))

    change = "the pool is now SQL - Prod B (was SQL - Production), because variable DatabasePool changed."
    assert sentences(shown(CHECK, MIGRATE), now) == [f"Step 1 Check: {change}", f"Step 2 Migrate: {change}"]


def test_another_fixed_pool_is_told_without_a_reason() -> None:
    fixed = {"worker_pool_variable": None, "worker_pool_id": "1"}
    before, now = action("a", "Check", **fixed), action("a", "Check", **{**fixed, "worker_pool_id": "2"})

    assert sentences(shown(before), shown(now)) == [
        "Step 1 Check: the pool is now SQL - Prod B (was SQL - Production)."
    ]


def test_a_pool_that_is_gone_is_told() -> None:
    now = shown(CHECK, values=())

    assert sentences(shown(CHECK), now) == [
        "Step 1 Check: it has no pool now (was SQL - Production), because variable DatabasePool changed."
    ]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ((value("a"),), (value("b"),), "Variable Mode changed."),
        ((), (value("b"),), "Variable Mode has a value now."),
        ((value("a"),), (), "Variable Mode has no value any more."),
        (
            (value("sealed1", type=VariableType.SENSITIVE),),
            (value("sealed2", type=VariableType.SENSITIVE),),
            "Variable Mode changed.",
        ),
        ((value("a"),), (value("a"), value("b", scope={Kind.ACTION: ["a"]})), "Variable Mode changed."),
    ],
)
def test_other_values_are_told_by_name(before, after, sentence) -> None:
    now = shown(CHECK, MIGRATE, values=(pool("1"), *after))

    assert sentences(shown(CHECK, MIGRATE, values=(pool("1"), *before)), now) == [sentence]


def test_a_value_that_this_run_does_not_use_does_not_matter() -> None:
    elsewhere = value("b", scope={Kind.ENVIRONMENT: ["Test"]})

    now = shown(CHECK, values=(pool("1"), value("a"), elsewhere))
    assert differences(shown(CHECK, values=(pool("1"), value("a"))), now) == []


def test_a_new_step_does_not_make_values_of_single_steps_look_changed() -> None:
    values = (pool("1"), value("a"), value("b", scope={Kind.ACTION: ["a"]}))

    now = shown(CHECK, MIGRATE, VERIFY, values=values)
    assert sentences(shown(CHECK, MIGRATE, values=values), now) == ["Step 3 Verify was added."]


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        ((CHECK,), "Step 2 Migrate was removed."),
        ((MIGRATE, CHECK), "The steps run in another order: 1 Migrate, 2 Check."),
        ((CHECK, action("b", "Migrate", "rm")), "The script of step 2 Migrate changed."),
        (
            (CHECK, action("b", "Migrate", properties={SCRIPT_BODY: "echo", RETRIES: "3"})),
            "The settings of step 2 Migrate changed.",
        ),
        ((CHECK, replace(MIGRATE, name="Upgrade")), "Step 2 Migrate is now called Upgrade."),
        ((CHECK, replace(MIGRATE, is_disabled=True)), "Step 2 Migrate is skipped now."),
    ],
)
def test_other_steps_are_told(after, sentence) -> None:
    assert sentences(shown(CHECK, MIGRATE), shown(*after)) == [sentence]


def test_other_instructions_are_told() -> None:
    def manual(text: str) -> ActionDef:
        return ActionDef("m", "Approve", action_type=MANUAL_ACTION, properties={MANUAL_INSTRUCTIONS: text})

    assert sentences(shown(manual("Look")), shown(manual("Look twice"))) == [
        "The instructions of step 1 Approve changed."
    ]


def test_a_snapshot_that_was_published_meanwhile_is_told_where_the_published_one_was_shown() -> None:
    now = shown(CHECK, current="Snapshot 4")

    assert sentences(shown(CHECK), now) == ["Snapshot 4 was published meanwhile; you looked at snapshot 3."]
    older = shown(CHECK, source="Snapshot 2")
    assert differences(older, replace(older, current="Snapshot 4")) == []


def test_places_that_come_and_go_are_told() -> None:
    now = shown(CHECK, places=("Production", "Test"))

    assert sentences(shown(CHECK), now) == ["Test was not in the plan that you looked at."]
    assert sentences(now, shown(CHECK)) == ["Test was in the plan that you looked at, and would not be run."]


def test_what_holds_in_some_places_only_names_them() -> None:
    places = ("Production", "Test")
    scoped = value("b", scope={Kind.ENVIRONMENT: ["Test"]})
    before = shown(CHECK, values=(pool("1"), value("a")), places=places)

    (one,) = differences(before, shown(CHECK, values=(pool("1"), value("a"), scoped), places=places))

    assert (one.sentence, one.places) == ("Variable Mode changed.", ("Test",))


def test_nothing_of_a_value_is_in_what_was_shown() -> None:
    text = json.dumps(shown(CHECK, values=(pool("1"), value("hunter2-hunter2"))).to_json())

    assert "hunter2" not in text
    assert "echo" not in text


def test_what_was_shown_by_another_version_cannot_be_read() -> None:
    with pytest.raises(Malformed):
        Shown.from_json({"schema": 99})
