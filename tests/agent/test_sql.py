"""Run SQL by the real agent: secrets, and what becomes of a statement when the step is stopped."""

from __future__ import annotations

import psycopg

from protocol.frames import Cancel, Started
from tasks.engine.programs import packed
from tests.agent.waiting import until


def query(url: str, text: str):
    with psycopg.connect(url) as connection:
        return connection.execute(text).fetchall()


async def test_the_results_and_outputs_come_without_what_is_secret(scenario, server, tmp_path):
    path = tmp_path / "secret-name.db"
    attempt_id, finished = await scenario.run(
        "",
        syntax="program",
        program=packed("database"),
        inputs={
            "do": "run",
            "kind": "SQLite",
            "connection": f"sqlite:///{path}",
            "script": "select 'token-4711' as token, 2 as n",
        },
        secrets=["token-4711", f"sqlite:///{path}"],
    )

    text = server.log(attempt_id).content.decode()
    assert finished.exit_code == 0, text
    assert "********" in text
    assert "token-4711" not in text
    assert [one.name for one in finished.outputs] == ["RowCount", "FirstCell", "Rows"]


async def test_a_stopped_step_stops_its_statement_in_the_database(scenario, server, postgres_server):
    attempt_id = await scenario.start(
        "",
        syntax="program",
        program=packed("database"),
        inputs={
            "do": "run",
            "kind": "PostgreSQL",
            "connection": postgres_server,
            "script": "select pg_sleep(600) as stopped_by_the_agent_test",
        },
    )
    await server.expect(Started, attempt_id=attempt_id)
    running = (
        "select 1 from pg_stat_activity where query like '%stopped_by_the_agent%' and state = 'active' "
        "and pid <> pg_backend_pid()"
    )
    await until(lambda: query(postgres_server, running))

    await server.send(Cancel(attempt_id, 1, 20.0))
    await scenario.finish(attempt_id)

    assert query(postgres_server, running) == []
    assert b"the statement that was running was cancelled" in server.log(attempt_id).content
