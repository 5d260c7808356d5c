"""The promise: a script never runs twice, no line is lost, a run survives the death of server and agent."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone

from tasks.models import Attempt, AttemptState, ServerTask, TaskState
from tasks.selectors import logs
from tasks.services import tasks
from tests.harness import scenarios
from tests.harness.installation import Installation, wait_for

LINES = 60


@pytest.fixture(scope="module")
def place(installation: Installation):
    development = scenarios.environment(installation.space, "Development")
    pool = scenarios.pool(installation.space, "SQL - Dev")
    installation.add_agent("sql-dev-01", pools=[pool], slots=4)
    project = scenarios.project(installation.space, "Faults", routes={development: pool})
    return project, development


def counting_script(proof: Path) -> str:
    """Leaves a mark for each time that it runs, then prints a line every 50 ms."""
    return f"""echo ran >> {proof}
for number in $(seq 1 {LINES}); do echo "line $number"; sleep 0.05; done
"""


def started(task: ServerTask) -> Attempt:
    def attempt() -> Attempt | None:
        rows = Attempt.objects.filter(execution__task=task, state=AttemptState.RUNNING, log_lines__gt=5)
        return rows.first()

    return wait_for(attempt)


def finished(task: ServerTask) -> ServerTask:
    def final() -> ServerTask | None:
        row = ServerTask.objects.get(pk=task.pk)
        return row if row.is_completed else None

    return wait_for(final, seconds=40)


def printed(task: ServerTask) -> list[str]:
    attempt = Attempt.objects.get(execution__task=task)
    return [line.text for line in logs.lines(attempt, 0, 10_000)]


EXPECTED = [f"line {number}" for number in range(1, LINES + 1)]


def assert_ran_once_and_whole(task: ServerTask, proof: Path) -> None:
    done = finished(task)
    assert (done.state, done.error_message) == (TaskState.SUCCESS, "")
    assert proof.read_text() == "ran\n", "the script ran more or less than once"
    assert printed(task) == EXPECTED
    assert Attempt.objects.get(execution__task=task).log_sha256


def test_the_server_is_killed_in_the_middle_of_a_run(installation, place, tmp_path):
    project, development = place
    proof = tmp_path / "proof"
    book = scenarios.runbook(project, "Server dies", [counting_script(proof)])
    task = scenarios.run(book, development)
    started(task)
    installation.kill()
    installation.start()
    assert_ran_once_and_whole(task, proof)


def test_the_agent_is_killed_in_the_middle_of_a_run(installation, place, tmp_path):
    project, development = place
    proof = tmp_path / "proof"
    book = scenarios.runbook(project, "Agent dies", [counting_script(proof)])
    task = scenarios.run(book, development)
    started(task)
    agent = installation.agents[0]
    agent.kill()
    agent.start()
    assert_ran_once_and_whole(task, proof)


def test_both_are_killed_and_the_run_ends_while_nobody_looks(installation, place, tmp_path):
    project, development = place
    proof, end = tmp_path / "proof", tmp_path / "end"
    script = f"{counting_script(proof)}touch {end}\n"
    task = scenarios.run(scenarios.runbook(project, "Both die", [script]), development)
    started(task)
    agent = installation.agents[0]
    installation.kill()
    agent.kill()
    wait_for(end.exists)
    installation.start()
    agent.start()
    assert_ran_once_and_whole(task, proof)


def test_a_cancelled_script_that_ignores_the_signal_is_killed(installation, place, tmp_path):

    project, development = place
    script = "trap '' TERM\nfor n in 1 2 3 4 5 6 7; do echo $n; done\nwhile true; do sleep 0.1; done\n"
    task = scenarios.run(scenarios.runbook(project, "Stubborn", [script]), development)
    started(task)
    tasks.cancel(task, user=scenarios.administrator(), now=timezone.now())
    assert finished(task).state == TaskState.CANCELED
