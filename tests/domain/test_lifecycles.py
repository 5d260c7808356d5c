from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.lifecycles import PhaseRule, refusal

DEV, TEST, STAGING, LIVE = (1, "Dev"), (2, "Test"), (3, "Staging"), (4, "Live")
PHASES = (
    PhaseRule("First", (DEV,)),
    PhaseRule("Checks", (TEST, STAGING), minimum=1),
    PhaseRule("Last", (LIVE,)),
)


def ask(environment, *deployed, phases=PHASES):
    return refusal(
        phases,
        lifecycle="Standard",
        environment=environment[0],
        name=environment[1],
        deployed={id for id, _ in deployed},
    )


def test_no_phases_let_a_release_go_anywhere():
    assert ask(LIVE, phases=()) is None


def test_phases_come_one_after_the_other():
    assert ask(DEV) is None
    assert ask(TEST) == "Test comes after the phase First: deploy this release to Dev first."
    assert ask(TEST, DEV) is None
    assert ask(LIVE, DEV) == (
        "Live comes after the phase Checks: deploy this release to 1 more environment of Checks first."
    )
    assert ask(LIVE, DEV, STAGING) is None


def test_all_environments_of_a_phase_unless_a_minimum_is_said():
    phases = (PhaseRule("Checks", (TEST, STAGING)), PhaseRule("Last", (LIVE,)))

    assert ask(LIVE, TEST, phases=phases) == (
        "Live comes after the phase Checks: deploy this release to Staging first."
    )
    assert ask(LIVE, TEST, STAGING, phases=phases) is None


def test_an_optional_phase_is_not_waited_for():
    phases = (PhaseRule("Checks", (TEST,), is_optional=True), PhaseRule("Last", (LIVE,)))

    assert ask(LIVE, phases=phases) is None


def test_an_environment_without_a_phase():
    assert ask((9, "Other")) == "The lifecycle Standard has no phase with the environment Other."


@given(st.sets(st.sampled_from([DEV, TEST, STAGING, LIVE])), st.sampled_from([DEV, TEST, STAGING, LIVE]))
def test_more_deployments_never_close_a_phase(deployed, more):
    for environment in (DEV, TEST, STAGING, LIVE):
        if ask(environment, *deployed) is None:
            assert ask(environment, *deployed, more) is None
