"""Manual interventions and conditions in the step editor."""

from __future__ import annotations

import pytest

from domain.processes import (
    MANUAL_ACTION,
    MANUAL_INSTRUCTIONS,
    RETRIES,
    RETRY_AFTER,
    TIME_LIMIT,
    UNKNOWN_OUTCOME,
    ProcessDef,
)
from processes import differences
from processes.services import processes
from processes.services.steps import StepFields
from tests.processes.test_editor import STEP, form, process, project, steps

__all__ = ["process", "project", "steps"]
pytestmark = pytest.mark.django_db
NEW_MANUAL = "/projects/orders/process/new/manual-intervention/"
RULES = {"retries": "3", "retry_after": "15", "time_limit": "5", "unknown_outcome": "Rerun"}


def stored(process, position: int = 1):
    return process.steps.get(position=position).actions.get()


def manual_form(process, **changes):
    plain = {
        "version": process.version,
        "action_type": "manual-intervention",
        "name": "Approve",
        "is_enabled": "on",
        "instructions": "Look at it.\r\nThen say so.",
        "notes": "",
    }
    return plain | changes


class TestConditions:
    def test_they_are_stored_under_the_wire_names(self, as_user, editor, process, steps):
        as_user(editor).post(STEP, form(process, **RULES))

        properties = stored(process).properties
        assert {name: properties[name] for name in (RETRIES, RETRY_AFTER, TIME_LIMIT, UNKNOWN_OUTCOME)} == {
            RETRIES: "3",
            RETRY_AFTER: "15",
            TIME_LIMIT: "5",
            UNKNOWN_OUTCOME: "Rerun",
        }

    def test_what_is_not_set_is_not_stored(self, as_user, editor, process, steps):
        as_user(editor).post(STEP, form(process, retries="0", time_limit="", unknown_outcome="Ask"))

        assert set(stored(process).properties) & {RETRIES, RETRY_AFTER, TIME_LIMIT, UNKNOWN_OUTCOME} == set()

    def test_they_come_back_in_the_form_and_are_said_in_one_line(self, as_user, editor, process, steps):
        client = as_user(editor)
        client.post(STEP, form(process, **RULES))

        page = client.get(STEP).text

        assert "Up to 4 tries, 15 s apart; at most 5 min each; runs again if its outcome is unknown" in page
        assert 'name="retries" value="3"' in page
        assert 'value="Rerun" checked' in page
        assert '<details class="card section fold" id="conditions" open>' in page

    @pytest.mark.parametrize(
        ("field", "value"),
        [("retries", "11"), ("retries", "-1"), ("retry_after", "x"), ("time_limit", "99999999")],
    )
    def test_nonsense_is_refused_at_its_field(self, as_user, editor, process, steps, field, value):
        response = as_user(editor).post(STEP, form(process, **{field: value}))

        assert response.status_code == 422
        assert f'id="id_{field}_error"' in response.text
        assert 'id="conditions" open' in response.text

    def test_a_viewer_reads_them(self, as_user, viewer, process, steps):
        assert "One try, no time limit" in as_user(viewer).get(STEP).text

    def test_a_comparison_names_them(self, process, steps):
        before = ProcessDef.from_json(processes.freeze(process))
        fields = StepFields(
            name="Back up", properties={**stored(process).properties, RETRIES: "3", UNKNOWN_OUTCOME: "Never"}
        )
        processes.edit_step(step=process.steps.get(position=1), version=process.version, fields=fields)

        [change] = differences.compare(before, ProcessDef.from_json(processes.freeze(process)))

        assert [(one.label, one.after) for one in change.fields] == [
            ("Retries", "3"),
            ("If its outcome is unknown", "Never"),
        ]


class TestManualIntervention:
    def test_it_is_offered_with_its_own_form(self, as_user, editor, process):
        client = as_user(editor)

        assert NEW_MANUAL in client.get("/projects/orders/process/").text
        page = client.get(NEW_MANUAL).text
        assert 'name="instructions"' in page
        assert 'name="worker_pool"' not in page
        assert 'name="retries"' not in page

    def test_it_is_stored_with_its_instructions_and_no_pool(self, as_user, editor, process):
        response = as_user(editor).post(NEW_MANUAL, manual_form(process))

        action = stored(process)
        assert response.status_code == 302
        assert action.action_type == MANUAL_ACTION
        assert action.properties == {MANUAL_INSTRUCTIONS: "Look at it.\nThen say so."}
        assert (action.worker_pool, action.worker_pool_variable) == (None, "")

    def test_the_list_says_that_it_waits_for_a_person(self, as_user, editor, process):
        client = as_user(editor)
        client.post(NEW_MANUAL, manual_form(process))

        page = client.get("/projects/orders/process/steps/approve/").text

        assert "Waits for a person" in page
        assert "default pool" not in page
        assert "Then say so." in page

    def test_it_is_changed(self, as_user, editor, process):
        client = as_user(editor)
        client.post(NEW_MANUAL, manual_form(process))
        process.refresh_from_db()

        client.post(
            "/projects/orders/process/steps/approve/", manual_form(process, instructions="Look twice.")
        )

        assert stored(process).properties == {MANUAL_INSTRUCTIONS: "Look twice."}

    def test_without_instructions_it_is_refused(self, as_user, editor, process):
        response = as_user(editor).post(NEW_MANUAL, manual_form(process, instructions="  "))

        assert response.status_code == 422
        assert "Say what the person has to look at or do." in response.text
        assert not process.steps.exists()

    def test_a_stale_edit_shows_what_somebody_else_wrote(self, as_user, editor, process):
        client = as_user(editor)
        client.post(NEW_MANUAL, manual_form(process))
        process.refresh_from_db()
        mine = manual_form(process, instructions="Mine.")
        client.post("/projects/orders/process/steps/approve/", manual_form(process, instructions="Theirs."))

        response = client.post("/projects/orders/process/steps/approve/", mine)

        assert response.status_code == 409
        assert "Instructions" in response.text
        assert "Theirs." in response.text
