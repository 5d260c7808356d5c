"""Where a step applies, what later steps know of earlier ones, and what is true of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import codec
from domain.conditions import EVERYWHERE, Applies, conditions_text, has_tags, reason_to_skip
from domain.progress import ERROR, Passed, is_true, progress_variables
from domain.runs import StepStatus
from domain.scopes import Context, Kind

NAMES = {(Kind.ENVIRONMENT, "1"): "Test", (Kind.ENVIRONMENT, "2"): "Production"}
IN_TEST = Context(environment="1")
EU = Context(environment="1", tenant="5", tenant_tags=frozenset({"Region/EU", "Tier/Gold"}))


@pytest.mark.parametrize(
    ("applies", "context", "reason"),
    [
        (EVERYWHERE, IN_TEST, None),
        (Applies(environments=("1", "2")), IN_TEST, None),
        (Applies(environments=("2",)), IN_TEST, "Runs only in Production"),
        (Applies(excluded_environments=("1",)), IN_TEST, "Does not run in Test"),
        (Applies(excluded_environments=("2",)), IN_TEST, None),
        # What names environments to run in is not asked for those to skip.
        (Applies(environments=("1",), excluded_environments=("1",)), IN_TEST, None),
        (Applies(environments=("99",)), IN_TEST, "Runs only in 99"),
        (Applies(channels=("7",)), IN_TEST, "Runs only in the channel 7"),
        (Applies(channels=("7",)), Context(environment="1", channel="7"), None),
        (Applies(tenant_tags=("Region/EU",)), IN_TEST, "Runs only for tenants with Region/EU"),
        (Applies(tenant_tags=("Region/EU", "Region/US")), EU, None),
        (
            Applies(tenant_tags=("Region/EU", "Tier/Silver")),
            EU,
            "Runs only for tenants with Region/EU and Tier/Silver",
        ),
    ],
)
def test_a_step_applies_or_says_why_not(applies: Applies, context: Context, reason: str | None) -> None:
    assert reason_to_skip(applies, context, NAMES) == reason


tags = st.sampled_from(["A/1", "A/2", "B/1", "B/2", "C/1"])


@given(own=st.frozensets(tags), wanted=st.lists(tags))
def test_tags_are_or_within_a_set_and_and_across_sets(own: frozenset[str], wanted: list[str]) -> None:
    sets = {tag[0] for tag in wanted}
    met = all(any(tag in own for tag in wanted if tag[0] == one) for one in sets)
    assert has_tags(own, wanted) == met


def test_restrictions_in_one_line() -> None:
    text = conditions_text(Applies(("1", "2"), tenant_tags=("Region/EU",)), NAMES)
    assert text == "only in Test and Production, only for tenants with Region/EU"
    assert conditions_text(Applies(excluded_environments=("2",)), NAMES) == "not in Production"
    assert conditions_text(EVERYWHERE, NAMES) == ""


def test_restrictions_survive_being_stored() -> None:
    applies = Applies(("1",), ("2",), ("3",), ("Region/EU",))
    assert codec.decode_fields(Applies, codec.encode_fields(applies)) == applies
    assert codec.decode_fields(Applies, {}) == EVERYWHERE


def test_what_became_of_steps_has_octopus_names() -> None:
    found = progress_variables(
        [
            Passed("Back up", StepStatus.SUCCESS),
            Passed("Deploy", StepStatus.SUCCESS),
            Passed("Deploy", StepStatus.FAILED, "Exit code 3."),
            Passed("Deploy", StepStatus.SKIPPED),
            Passed("Tell", StepStatus.SKIPPED),
            Passed("Verify", StepStatus.INTERRUPTED),
        ]
    )
    assert found[ERROR] == "Exit code 3."
    codes = {name: value for name, value in found.items() if name.endswith("Status.Code")}
    assert codes == {
        "Octopus.Step[Back up].Status.Code": "Succeeded",
        "Octopus.Step[Deploy].Status.Code": "Failed",
        "Octopus.Step[Tell].Status.Code": "Skipped",
        "Octopus.Step[Verify].Status.Code": "Running",
    }
    assert found["Octopus.Action[Tell].IsSkipped"] == "True"
    assert found["Octopus.Action[Deploy].IsSkipped"] == "False"


def test_without_a_failure_there_is_no_error() -> None:
    assert ERROR not in progress_variables([Passed("a", StepStatus.SUCCESS), Passed("b", StepStatus.IGNORED)])
    assert progress_variables([Passed("a", StepStatus.UNKNOWN)])[ERROR] == "a failed."


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        ("yes", True),
        ("True", True),
        ("2", True),
        ("", False),
        ("0", False),
        ("NO", False),
        (" false ", False),
    ],
)
def test_truth_is_octopus_s(value: str, truth: bool) -> None:
    assert is_true("#{Answer}", {"answer": value}) is truth


def test_what_has_no_value_is_not_true() -> None:
    assert not is_true("#{Octopus.Deployment.Error}", {})
    assert is_true("#{Octopus.Deployment.Error}", {ERROR: "Exit code 3."})
