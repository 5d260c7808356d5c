"""Steps that the server itself does, with a real server, a real mail server and real agents."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings
from django.utils import timezone

from domain.processes import EMAIL_ACTION, RUNBOOK_ACTION, SCRIPT_BODY, SCRIPT_SYNTAX
from domain.step_types import email, starting
from processes.models import PoolChoice
from processes.services.steps import StepFields
from tasks.models import Child, ServerTask, TaskState
from tasks.services import tasks
from tests.harness import scenarios
from tests.harness.installation import Installation, wait_for
from tests.harness.smtp import SmtpServer


@pytest.fixture(scope="module")
def mail() -> Iterator[SmtpServer]:
    # The test's own process plans the runs: it asks its own settings whether there is a mail server.
    with SmtpServer() as server, override_settings(**server.settings):
        yield server


@pytest.fixture(scope="module")
def served(mail: SmtpServer) -> Iterator[Installation]:
    words = {f"OCTOWORKERS_{name}": str(value) for name, value in mail.settings.items()}
    installation = Installation(**words)
    installation.start()
    yield installation
    installation.stop()


@pytest.fixture(scope="module")
def place(served: Installation):
    environment = scenarios.environment(served.space, "Server steps")
    pool = scenarios.pool(served.space, "Server steps")
    served.add_agent("server-steps-1", pools=[pool])
    return environment, pool


def step(pool, name: str, script: str) -> StepFields:
    return StepFields(
        name=name,
        properties={SCRIPT_BODY: script, SCRIPT_SYNTAX: "Bash"},
        pool_choice=PoolChoice.SPECIFIC,
        worker_pool=pool,
    )


def server_step(name: str, action_type: str, properties: dict[str, str]) -> StepFields:
    return StepFields(name=name, action_type=action_type, properties=properties)


def ended(task: ServerTask) -> ServerTask:
    def look() -> ServerTask | None:
        task.refresh_from_db()
        return task if task.is_completed else None

    return wait_for(look, seconds=60)


def test_a_runbook_is_run_and_what_it_found_is_mailed_once(served, place, mail):
    environment, pool = place
    project = scenarios.project(served.space, "Server steps", routes={})
    found = 'set_octopusvariable "File" "orders.dump"'
    child = scenarios.runbook_of(project, "Back up", [step(pool, "Dump", found)])
    parent = scenarios.runbook_of(
        project,
        "Night",
        [
            server_step("Run it", RUNBOOK_ACTION, {starting.RUNBOOK: f"Runbooks-{child.pk}"}),
            server_step(
                "Tell",
                EMAIL_ACTION,
                {
                    email.TO: "team@example.org",
                    email.SUBJECT: "#{Octopus.Action[Run it].Output.File}",
                    email.BODY: "#{Octopus.Action[Run it].Output.TaskId}",
                },
            ),
        ],
    )

    task = ended(scenarios.run(parent, environment))

    assert (task.state, task.error_message) == (TaskState.SUCCESS, "")
    started = Child.objects.get(attempt__execution__task=task).task
    assert started.state == TaskState.SUCCESS
    [sent] = [one for one in mail.taken if one.message["Subject"] == "orders.dump"]
    assert sent.message.get_content().strip() == f"ServerTasks-{started.pk}"


def test_a_server_that_is_killed_while_a_run_waits_for_another_goes_on_with_it(served, place):
    environment, pool = place
    project = scenarios.project(served.space, "Killed server", routes={})
    slow = "while [ ! -e go ]; do sleep 0.2; n=$((n+1)); [ $n -gt 20 ] && break; done; echo done"
    child = scenarios.runbook_of(project, "Slow", [step(pool, "Wait", slow)])
    parent = scenarios.runbook_of(
        project, "Waits", [server_step("Run it", RUNBOOK_ACTION, {starting.RUNBOOK: f"Runbooks-{child.pk}"})]
    )
    task = scenarios.run(parent, environment)
    link = wait_for(lambda: Child.objects.filter(attempt__execution__task=task).first(), seconds=30)

    served.kill()
    served.start()

    assert ended(task).state == TaskState.SUCCESS
    assert ServerTask.objects.filter(started_by__attempt__execution__task=task).count() == 1
    assert ServerTask.objects.get(pk=link.task_id).state == TaskState.SUCCESS


def test_cancelling_a_run_cancels_the_one_that_it_waits_for(served, place):
    environment, pool = place
    project = scenarios.project(served.space, "Cancelled", routes={})
    child = scenarios.runbook_of(project, "Long", [step(pool, "Wait", "sleep 600")])
    parent = scenarios.runbook_of(
        project, "Waits", [server_step("Run it", RUNBOOK_ACTION, {starting.RUNBOOK: f"Runbooks-{child.pk}"})]
    )
    task = scenarios.run(parent, environment)

    def running() -> ServerTask | None:
        found = ServerTask.objects.filter(started_by__attempt__execution__task=task).first()
        return found if found and found.executions.filter(attempts__state="Running").exists() else None

    started = wait_for(running, seconds=60)
    tasks.cancel(task, user=scenarios.administrator(), now=timezone.now())

    assert ended(task).state == TaskState.CANCELED
    assert ended(started).state == TaskState.CANCELED
