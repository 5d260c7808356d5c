"""Run SQL in the step editor, and in a run up to what the agent is sent."""

from __future__ import annotations

import pytest
from django.utils import timezone

from domain.step_types import databases, sql
from protocol import PROGRAM_SYNTAX, frames
from tasks.engine import attempts, jobs
from tests.factories import MachineFactory, WorkerPoolFactory
from tests.processes.test_editor import process, project
from tests.tasks.engine.builders import frozen_variables, live_attempt, queue

__all__ = ["process", "project"]
pytestmark = pytest.mark.django_db
NEW = "/projects/orders/process/new/run-sql/"


def form(process, **changes):
    return {
        "version": process.version,
        "action_type": "run-sql",
        "name": "Count orders",
        "is_enabled": "on",
        "location": "worker",
        "pool_choice": "specific",
        "kind": "PostgreSQL",
        "connect_by": "String",
        "connection": "#{Db.Connection}",
        "sql": "select 1;\r\nselect 2\r\n",
        "transaction": "One",
        "notes": "",
    } | changes


def stored(process) -> dict[str, str]:
    return process.steps.get().actions.get().properties


def test_it_is_offered_stored_and_shown_again(as_user, editor, process):
    client = as_user(editor)
    assert NEW in client.get("/projects/orders/process/").text

    answer = client.post(
        NEW, form(process, sql_parameters="city = #{City}\r\n", rows="5", hide_results="on", tls="Require")
    )

    assert answer.status_code == 302
    assert stored(process) == {
        "Octopus.Action.RunOnServer": "true",
        databases.KIND: "PostgreSQL",
        databases.CONNECT_BY: "String",
        databases.CONNECTION: "#{Db.Connection}",
        databases.TLS: "Require",
        sql.SCRIPT: "select 1;\nselect 2\n",
        sql.PARAMETERS: "city = #{City}",
        sql.ROWS: "5",
        sql.HIDE: "True",
    }
    page = client.get("/projects/orders/process/steps/count-orders/").text
    assert "select 1;\nselect 2" in page
    assert 'value="#{Db.Connection}"' in page
    assert 'name="rows" value="5"' in page


def test_the_other_way_to_connect_is_kept(as_user, editor, process):
    as_user(editor).post(
        NEW, form(process, connect_by="Parts", host="db", db_user="app", db_password="#{Db.Password}")
    )

    found = stored(process)
    assert (found[databases.CONNECT_BY], found[databases.HOST]) == ("Parts", "db")
    assert found[databases.CONNECTION] == "#{Db.Connection}"


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("sql", {"sql": "  "}),
        ("connection", {"connection": ""}),
        ("connection", {"connection": "postgresql://app:geheim@db/o"}),
        ("host", {"connect_by": "Parts"}),
        ("database", {"connect_by": "Parts", "kind": "SQLite"}),
        ("db_password", {"connect_by": "Parts", "host": "db", "db_password": "geheim"}),
        ("tls", {"kind": "SqlServer", "tls": "Verify"}),
        ("kind", {"kind": "Oracle"}),
        ("sql_parameters", {"sql_parameters": "what is this"}),
        ("rows", {"rows": "10001"}),
        ("statement_timeout", {"statement_timeout": "-1"}),
    ],
)
def test_nonsense_is_refused_at_its_field(as_user, editor, process, field, changes):
    response = as_user(editor).post(NEW, form(process, **changes))

    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.text
    assert not process.steps.exists()


def test_a_viewer_reads_it(as_user, editor, viewer, process):
    as_user(editor).post(NEW, form(process))

    page = as_user(viewer).get("/projects/orders/process/steps/count-orders/").text

    assert "data-editor-readonly" in page
    assert "Save process" not in page


def test_the_agent_is_sent_the_program_with_values_and_secrets(space):
    pool = WorkerPoolFactory(space=space)
    MachineFactory(
        space=space, pools=[pool], slots=1, capabilities={"shells": {}, "features": ["step-programs"]}
    )
    connection = "postgresql://app:correct-horse@db/orders"
    properties = {
        databases.KIND: "PostgreSQL",
        databases.CONNECTION: "#{Db.Connection}",
        sql.SCRIPT: "select '#{City}'",
    }
    task = queue(
        "",
        pool=pool,
        action_type=sql.SQL_ACTION,
        properties=properties,
        variables=frozen_variables([("Db.Connection", "Sensitive", connection), ("City", "String", "Köln")]),
    )
    now = timezone.now()
    jobs.sweep(now=now)
    attempt = live_attempt(task)

    frame = attempts.accepted(attempt.machine_id, frames.Accepted(str(attempt.pk), attempt.epoch), now=now)

    assert isinstance(frame, frames.Start)
    assert (frame.syntax, frame.script) == (PROGRAM_SYNTAX, "")
    assert frame.inputs["connection"] == connection
    assert frame.inputs["script"] == "select 'Köln'"
    assert frame.secrets == [connection]
    assert connection not in str(task.plan)
