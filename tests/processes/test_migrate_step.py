"""Migrate a database in the step editor."""

from __future__ import annotations

import pytest

from domain.step_types import migrations
from tests.processes.test_editor import process, project
from tests.processes.test_sql_step import form, stored

__all__ = ["process", "project"]
pytestmark = pytest.mark.django_db
NEW = "/projects/orders/process/new/migrate-a-database/"
SCRIPTS = "-- migration: 001.sql\r\nselect 1;\r\n"


def entered(process, **changes):
    return form(process, action_type="migrate-a-database", name="Migrate", scripts=SCRIPTS, **changes)


def test_it_is_offered_stored_and_shown_again(as_user, editor, process):
    client = as_user(editor)
    assert NEW in client.get("/projects/orders/process/").text

    answer = client.post(
        NEW,
        entered(process, dry_run="#{DryRun}", journal_table="changes", migration_transaction="Script"),
    )

    assert answer.status_code == 302
    found = stored(process)
    assert found[migrations.SCRIPTS] == "-- migration: 001.sql\nselect 1;\n"
    assert (found[migrations.DRY_RUN], found[migrations.TABLE]) == ("#{DryRun}", "changes")
    assert found[migrations.TRANSACTION] == "Script"
    page = client.get("/projects/orders/process/steps/migrate/").text
    assert "-- migration: 001.sql\nselect 1;" in page
    assert 'value="changes"' in page


def test_what_is_as_usual_is_not_stored(as_user, editor, process):
    as_user(editor).post(NEW, entered(process, migration_transaction="One"))

    own = {name for name in stored(process) if name.startswith("Octoworkers.Action.Migration.")}
    assert own == {migrations.SCRIPTS}


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("scripts", {"scripts": "select 1;"}),
        ("journal_table", {"journal_table": "a b"}),
        ("dry_run", {"dry_run": "perhaps"}),
        ("migration_timeout", {"migration_timeout": "-1"}),
        ("connection", {"connection": ""}),
    ],
)
def test_nonsense_is_refused_at_its_field(as_user, editor, process, field, changes):
    response = as_user(editor).post(NEW, entered(process) | changes)

    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.text
    assert not process.steps.exists()
