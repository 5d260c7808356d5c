"""When a step runs, in the editor: stored, shown, compared, and what must not be lost with it."""

from __future__ import annotations

import pytest

from common.usage import InUse
from domain.conditions import Applies
from domain.processes import ProcessDef
from domain.step_rules import Condition, Start
from environments.services import environments
from processes import differences
from processes.services import processes
from processes.services.steps import StepFields, fields_of
from processes.usage import of_environment, of_tag
from tenants.services import tag_sets
from tenants.services.tag_sets import TagRow
from tests.factories import EnvironmentFactory
from tests.processes.test_editor import HTMX, STEP, form, process, project, steps
from tests.processes.test_step_kinds import manual_form

__all__ = ["process", "project", "steps"]
pytestmark = pytest.mark.django_db
SECOND = "/projects/orders/process/steps/migrate/"


@pytest.fixture
def production(space):
    return EnvironmentFactory(space=space, name="Production")


@pytest.fixture
def region(space):
    return tag_sets.create(space=space, name="Region", tags=[TagRow(name="EU"), TagRow(name="US")])


def first(process) -> StepFields:
    return fields_of(process.steps.get(position=1))


def save(process, **changes: object) -> None:
    process.refresh_from_db()
    step = process.steps.get(position=1)
    fields = StepFields(**{**vars(first(process)), **changes})
    processes.edit_step(step=step, version=process.version, fields=fields)


def test_what_is_entered_is_stored_and_comes_back(as_user, editor, process, steps, production, region):
    client = as_user(editor)
    chosen = {
        "condition": "Variable",
        "expression": "#{Octopus.Action[Check].Output.Migrate}",
        "applies_in": "only",
        "environments": [str(production.pk)],
        "tenant_tags": ["Region/EU"],
        "is_required": "on",
    }

    assert client.post(STEP, form(process, **chosen)).status_code == 302

    stored = first(process)
    assert (stored.condition, stored.expression) == (Condition.VARIABLE, chosen["expression"])
    assert stored.applies == Applies(environments=(str(production.pk),), tenant_tags=("Region/EU",))
    assert stored.is_required
    page = client.get(STEP).text
    assert 'value="Variable" checked' in page
    assert 'value="only" checked' in page
    assert "If true, Only in Production, only for tenants with Region/EU" in page


def test_a_manual_step_has_conditions_too(as_user, editor, process):
    as_user(editor).post(
        "/projects/orders/process/new/manual-intervention/", manual_form(process, condition="Failure")
    )

    assert first(process).condition is Condition.FAILURE


def test_an_untouched_step_runs_everywhere_while_nothing_failed(as_user, editor, process, steps):
    client = as_user(editor)
    client.post(STEP, form(process))

    stored = first(process)
    assert (stored.condition, stored.start) == (Condition.SUCCESS, Start.AFTER_PREVIOUS)
    assert process.steps.get(position=1).actions.get().applies == {}
    assert "Everywhere, while nothing has failed" in client.get(STEP).text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"condition": "Variable", "expression": " "}, "expression"),
        ({"condition": "Sometimes"}, "condition"),
        ({"applies_in": "only"}, "environments"),
        ({"applies_in": "not", "environments": ["999"]}, "environments"),
        ({"tenant_tags": ["Region/Mars"]}, "tenant_tags"),
        ({"start": "Whenever"}, "start"),
        ({"retry_codes": "0, many"}, "retry_codes"),
        ({"backoff": "Sometimes"}, "backoff"),
        ({"expression": "x" * 2001}, "expression"),
    ],
)
def test_nonsense_is_refused_at_its_field_and_changes_nothing(
    as_user, editor, process, steps, production, region, changes, field
):
    before = processes.freeze(process)

    answer = as_user(editor).post(STEP, form(process, **changes))

    assert answer.status_code == 422
    assert "1 field to correct" in answer.text
    assert f"id_{field}_error" in answer.text
    assert processes.freeze(process) == before


def test_the_list_draws_steps_that_run_in_parallel(as_user, editor, process, steps):
    client = as_user(editor)
    assert "run in parallel" not in client.get(STEP).text

    client.post(SECOND, form(process, name="Migrate", start="StartWithPrevious"))

    page = client.get(STEP).text
    assert "Steps 1 and 2 run in parallel" in page
    assert page.count(" inpar") == 2
    assert 'name="start" value="StartWithPrevious" checked' in client.get(SECOND).text


def test_lines_between_steps_are_no_steps_when_they_are_reordered(as_user, editor, process, steps):
    client = as_user(editor)
    client.post(SECOND, form(process, name="Migrate", start="StartWithPrevious"))
    process.refresh_from_db()
    ids = [step.pk for step in steps]

    order = {"version": process.version, "step": ids[::-1], "current": "migrate"}
    answer = client.post("/projects/orders/process/order/", order, **HTMX)

    assert answer.status_code == 200
    # The first step has none before it to start with.
    assert "run in parallel" not in answer.text


def test_a_channel_that_is_gone_stays_a_choice(as_user, editor, process, steps):
    save(process, applies=Applies(channels=("7",)))
    process.refresh_from_db()
    client = as_user(editor)

    assert '<input type="checkbox" name="channels" value="7"' in client.get(STEP).text
    client.post(STEP, form(process, name="Back it up", channels=["7"]))

    assert first(process).name == "Back it up"
    assert first(process).applies == Applies(channels=("7",))


def test_a_comparison_says_it_in_words(process, steps, production):
    before = ProcessDef.from_json(processes.freeze(process))
    save(
        process,
        condition=Condition.VARIABLE,
        expression="#{A}",
        start=Start.WITH_PREVIOUS,
        is_required=True,
        applies=Applies(excluded_environments=(str(production.pk),)),
    )

    [change] = differences.compare(before, ProcessDef.from_json(processes.freeze(process)))

    assert {one.label: one.after for one in change.fields} == {
        "Runs": "only if its condition is true",
        "Expression": "#{A}",
        "Starts": "With the step before it",
        "Where": "not in Production",
        "Required": "Yes",
    }


def test_two_who_edit_at_once_keep_each_others_conditions(as_user, editor, process, steps):
    stale = form(process, name="Back it up")
    save(process, condition=Condition.ALWAYS, is_required=True)

    answer = as_user(editor).post(STEP, stale)

    assert answer.status_code == 409
    assert 'value="Always" checked' in answer.text


def test_a_copy_takes_the_conditions_along(process, steps):
    save(process, condition=Condition.ALWAYS, applies=Applies(tenant_tags=("Region/EU",)))
    process.refresh_from_db()

    copy = processes.clone_step(step=process.steps.get(position=1), version=process.version)

    assert fields_of(copy).condition is Condition.ALWAYS
    assert fields_of(copy).applies.tenant_tags == ("Region/EU",)


def test_an_environment_that_a_step_names_is_not_deleted(process, steps, production, administrator):
    save(process, applies=Applies(environments=(str(production.pk),)))

    with pytest.raises(InUse):
        environments.delete(production, user=administrator)

    [use] = of_environment(production)
    assert (use.kind, use.label) == ("Step", "Back up of Orders, deployment process")


def test_a_tag_that_a_step_names_is_in_use_and_a_new_name_goes_along(process, steps, region):
    save(process, applies=Applies(tenant_tags=("Region/EU",)))
    eu, us = region.tags.all()
    assert [use.label for use in of_tag(eu)] == ["Back up of Orders, deployment process"]
    assert of_tag(us) == []

    rows = [TagRow(id=tag.pk, name=name, color=tag.color) for tag, name in ((eu, "US"), (us, "EU"))]
    tag_sets.edit(region, name="Area", description="", tags=rows, user=None)

    assert first(process).applies.tenant_tags == ("Area/US",)


def test_the_page_costs_the_same_with_many_conditions(
    as_user, editor, process, steps, production, django_assert_max_num_queries
):
    client = as_user(editor)
    with django_assert_max_num_queries(60) as one:
        client.get(STEP)
    for number in range(5):
        process.refresh_from_db()
        fields = StepFields(name=f"Step {number}", applies=Applies(environments=(str(production.pk),)))
        processes.add_step(process=process, version=process.version, fields=fields)
    with django_assert_max_num_queries(len(one)):
        client.get(STEP)
