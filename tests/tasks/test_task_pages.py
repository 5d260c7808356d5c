"""The page of a task, what can be done there, and its log as JSON and as a file."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from domain.plans import PlanLabels, PlannedStep, PoolReason, ReasonKind, ReasonRow, RunPlan
from domain.scopes import Context, Kind, Scope
from domain.variables import Candidate, VariableType
from tasks import subjects
from tasks.models import AttemptState, ServerTask, StepState, TaskState
from tasks.services import logs
from tests.factories import (
    AttemptFactory,
    ExecutionFactory,
    MachineFactory,
    ServerTaskFactory,
    SpaceFactory,
    TaskEventFactory,
)
from tests.tasks.builders import numbered, page, run, settle, write

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)


@pytest.fixture
def task(space) -> ServerTask:
    """A run in its second of three steps."""
    now = timezone.now()
    task = ServerTaskFactory(
        name="Back up and migrate",
        state=TaskState.EXECUTING,
        queued_at=now - timedelta(seconds=70),
        started_at=now - timedelta(seconds=60),
        created_by_name="otto",
    )
    machine = MachineFactory(name="sql-prod-02")
    done = {"machine": machine, "machine_name": machine.name, "pool_name": "SQL - Production"}
    ExecutionFactory(
        task=task,
        name="Check space",
        state=StepState.SUCCESS,
        started_at=now - timedelta(seconds=60),
        completed_at=now - timedelta(seconds=30),
        **done,
    )
    second = ExecutionFactory(
        task=task,
        name="Migrate",
        state=StepState.RUNNING,
        started_at=now - timedelta(seconds=30),
        placement_reason="Most free slots",
        **done,
    )
    ExecutionFactory(task=task, name="Verify")
    write(AttemptFactory(execution=second, machine=machine), [run(b"<b>one</b>\n\x1b[31mtwo\x1b[0m\n")])
    return task


# One task.


def test_the_page_shows_steps_worker_and_log(client, task):
    html = page(client, "task_detail", task.pk)

    assert "Step <b>2 of 3</b>" in html
    assert "sql-prod-02 · SQL - Production" in html
    assert "Most free slots" in html
    frame = json.loads(re.search(r'<script id="log-frame"[^>]*>(.*?)</script>', html, re.S)[1])
    (group,) = frame["groups"]
    assert [line[3] for line in group["lines"]] == ["<b>one</b>", "\x1b[31mtwo\x1b[0m"]
    assert (group["head"]["number"], group["head"]["worker"], group["head"]["live"]) == (
        2,
        "sql-prod-02",
        True,
    )


def test_without_script_the_end_of_the_log_is_in_the_page_as_text(client, task):
    html = page(client, "task_detail", task.pk)

    plain = re.search(r"<noscript>(.*?)</noscript>", html, re.S)[1]
    assert "     1  &lt;b&gt;one&lt;/b&gt;" in plain
    assert "     2  two" in plain
    assert reverse("task_raw", args=[task.pk]) in plain


def test_what_changes_by_itself_is_a_part_of_the_page(client, task):
    html = client.get(reverse("task_detail", args=[task.pk]), **HTMX).content.decode()

    assert "<html" not in html
    assert 'id="task-head"' in html
    assert html.count('hx-swap-oob="morph"') == 2
    assert 'id="task-tree"' in html


def test_a_queued_task_says_where_it_stands_and_why(client, space):
    ServerTaskFactory(concurrency_key="one", state=TaskState.EXECUTING)
    ServerTaskFactory(concurrency_key="two")
    task = ServerTaskFactory(concurrency_key="one", name="Third")

    html = page(client, "task_detail", task.pk)

    assert "Number 2 in the queue" in html
    assert "one after the other" in html


def test_a_waiting_step_shows_what_it_waits_for(client, task):
    task.executions.filter(number=2).update(
        state=StepState.WAITING, waiting_for="SQL - Production is full: 2 of 2 slots busy, 1st in line"
    )

    assert "SQL - Production is full: 2 of 2 slots busy, 1st in line" in page(client, "task_detail", task.pk)


def test_before_the_first_step_starts_its_reason_stands_where_the_log_will_be(client, space):
    waiting = ExecutionFactory(
        task__state=TaskState.EXECUTING, state=StepState.WAITING, waiting_for="SQL - Dev has no workers."
    )
    cancelled = ServerTaskFactory(state=TaskState.CANCELED, error_message="Cancelled by otto.")

    html = page(client, "task_detail", waiting.task_id)
    assert "<h2>Waiting for a worker</h2><p>SQL - Dev has no workers.</p>" in html
    assert "<h2>Nothing was run</h2><p>Cancelled by otto.</p>" in page(client, "task_detail", cancelled.pk)


def test_a_failed_task_names_the_step_and_the_reason(client, task):
    task.executions.filter(number=2).update(
        state=StepState.FAILED, message="The script ended with exit code 3."
    )
    ServerTask.objects.filter(pk=task.pk).update(state=TaskState.FAILED, completed_at=timezone.now())

    html = page(client, "task_detail", task.pk)

    assert "2. Migrate failed on sql-prod-02." in html
    assert "The script ended with exit code 3." in html
    assert 'href="#S2"' in html


def test_lost_contact_and_unknown_outcomes_are_shown_with_what_is_known(client, task):
    task.executions.get(number=2).attempts.update(state=AttemptState.LOST)
    task.executions.filter(number=1).update(state=StepState.UNKNOWN, message="No exit record was found.")

    html = page(client, "task_detail", task.pk)

    assert "Lost contact with sql-prod-02." in html
    assert "Nobody knows how 1. Check space ended on sql-prod-02." in html
    assert "No exit record was found." in html


def test_tabs_of_a_task_with_a_plan_of_another_version(client, task):
    TaskEventFactory(task=task, number=2, message="Placed on sql-prod-02.")

    assert "This plan cannot be shown." in page(client, "task_plan", task.pk)
    assert "cannot be shown" in page(client, "task_variables", task.pk)
    assert "Placed on sql-prod-02." in page(client, "task_events", task.pk)


def test_plan_and_variables_show_why_and_no_secret(client, task):
    why = PoolReason(
        kind=ReasonKind.VARIABLE,
        sentence="Project.WorkerPool is SQL - Production, because the environment is Production",
        variable="Project.WorkerPool",
        rows=(ReasonRow(value="SQL - Dev", labels=(), result="Other environment"),),
    )
    steps = [
        PlannedStep(
            number=number,
            step_id=str(number),
            action_id=str(number),
            name=name,
            action_type="",
            pool_id="7",
            why=why,
        )
        for number, name in ((1, "Check space"), (2, "Migrate"))
    ]
    at_second = Scope.of({Kind.ACTION: {"2"}})
    plan = RunPlan(
        context=Context(environment=str(task.environment_id)),
        labels=PlanLabels(),
        steps=(*steps, PlannedStep(3, "3", "3", "Verify", "", skipped="The step is disabled.")),
        candidates=(
            Candidate("1", "Password", VariableType.SENSITIVE, "sealed-ciphertext"),
            Candidate("2", "Mode", VariableType.STRING, "dry run"),
            Candidate("3", "Mode", VariableType.STRING, "for real", scope=at_second),
        ),
    )
    ServerTask.objects.filter(pk=task.pk).update(plan=plan.to_json())

    shown, values = page(client, "task_plan", task.pk), page(client, "task_variables", task.pk)

    assert "because the environment is Production" in shown
    assert "SQL - Dev: Other environment" in shown
    assert "The step is disabled." in shown
    assert "sealed-ciphertext" not in shown + values
    cells = [
        re.sub(r"<[^>]+>|\s+", " ", row).split() for row in re.findall(r"<tr><th scope.*?</tr>", values, re.S)
    ]
    assert [" ".join(row) for row in cells] == [
        "Mode dry run Applies everywhere 1",
        "Mode for real Exact step 2",
        "Password ******** sensitive Applies everywhere all",
    ]


@pytest.mark.parametrize(
    "name", ["task_detail", "task_plan", "task_variables", "task_events", "task_raw", "task_frame"]
)
def test_a_task_of_another_space_is_not_found(client, name):
    foreign = ServerTaskFactory(space=SpaceFactory())

    assert client.get(reverse(name, args=[foreign.pk])).status_code == 404


def test_the_page_costs_few_queries_however_many_steps(client, task, django_assert_max_num_queries):
    for number in range(20):
        one = ExecutionFactory(task=task, name=f"More {number}", state=StepState.SUCCESS)
        AttemptFactory(execution=one, state=AttemptState.FINISHED)

    with django_assert_max_num_queries(19):
        page(client, "task_detail", task.pk)


# Acts.


def test_cancelling_needs_the_right_and_a_post(as_user, viewer, operator, task):
    url = reverse("task_cancel", args=[task.pk])

    assert as_user(viewer).post(url).status_code == 403
    assert as_user(operator).get(url).status_code == 405
    assert as_user(operator).post(url).status_code == 302
    task.refresh_from_db()
    assert task.state == TaskState.CANCELLING


def test_running_again_opens_the_new_task(client, task, monkeypatch):
    again = ServerTaskFactory()
    monkeypatch.setattr(subjects, "rerun", lambda old, user, resume: again)

    response = client.post(reverse("task_rerun", args=[task.pk]))

    assert response.url == reverse("task_detail", args=[again.pk])


def test_running_again_what_cannot_be_run_says_why(client, task, monkeypatch):
    def refuse(old, user, resume):
        raise subjects.CannotRerun("The runbook that this task ran has been deleted.")

    monkeypatch.setattr(subjects, "rerun", refuse)

    response = client.post(reverse("task_rerun", args=[task.pk]), follow=True)

    assert "Not started: The runbook that this task ran has been deleted." in response.content.decode()


# The log as JSON.


def test_lines_are_fetched_by_range(client, task):
    attempt = task.executions.get(number=2).attempts.get()
    write(attempt, *numbered(30, per_chunk=7))

    answer = client.get(reverse("task_log", args=[task.pk, 2]), {"first": 10, "count": 5}).json()

    assert (answer["attempt"], answer["first"], answer["total"]) == (str(attempt.pk), 10, 32)
    assert [line[3].strip() for line in answer["lines"]] == [f"line {number}" for number in range(8, 13)]


@pytest.mark.parametrize("query", [{"first": "x"}, {"attempt": "x"}, {"attempt": "0" * 32}])
def test_ranges_that_make_no_sense_are_not_found(client, task, query):
    assert client.get(reverse("task_log", args=[task.pk, 2]), query).status_code == 404


@pytest.mark.parametrize("query", [{"first": -5}, {"first": 10**40}, {"count": -1}, {"count": 10**9}])
def test_ranges_beyond_the_log_are_cut(client, task, query):
    assert client.get(reverse("task_log", args=[task.pk, 2]), query).status_code == 200


def test_a_step_that_has_not_run_has_no_log(client, task):
    assert client.get(reverse("task_log", args=[task.pk, 3])).status_code == 404
    assert client.get(reverse("task_raw_step", args=[task.pk, 3])).status_code == 404


def test_a_page_without_socket_can_ask_for_what_is_new(client, task):
    attempt = task.executions.get(number=2).attempts.get()

    frame = client.get(
        reverse("task_frame", args=[task.pk]), {"after": json.dumps({str(attempt.pk): 1})}
    ).json()

    assert [line[3] for line in frame["groups"][0]["lines"]] == ["\x1b[31mtwo\x1b[0m"]
    assert client.get(reverse("task_frame", args=[task.pk]), {"after": "["}).status_code == 404


# Downloads.


def test_the_raw_log_is_exact_and_nothing_that_a_browser_would_run(client, task):
    first = task.executions.get(number=1)
    data = b"\x00\xff<script>alert(1)</script>\r\nno end"
    write(AttemptFactory(execution=first), [run(data)])

    response = client.get(reverse("task_raw", args=[task.pk]))

    content = response.getvalue()
    assert content == data + b"<b>one</b>\n\x1b[31mtwo\x1b[0m\n"
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Disposition"] == f'attachment; filename="task-{task.pk}.log"'
    assert response["Content-Length"] == str(len(content))


def test_the_raw_log_of_a_step_matches_its_digest(client, task):
    attempt = task.executions.get(number=2).attempts.get()
    write(attempt, *numbered(5000))

    content = client.get(reverse("task_raw_step", args=[task.pk, 2])).getvalue()

    attempt.refresh_from_db()
    settled = settle(attempt, attempt.log_lines, len(content), hashlib.sha256(content).hexdigest())
    assert isinstance(settled, logs.Complete)


@pytest.mark.django_db(transaction=True)
async def test_under_asgi_the_raw_log_is_streamed(async_client, operator, task):
    await async_client.aforce_login(operator)

    response = await async_client.get(f"/tasks/{task.pk}/raw/?times")

    assert response.is_async
    content = b"".join([block async for block in response.streaming_content])
    assert content == b"2023-11-14T22:13:20.000Z <b>one</b>\n2023-11-14T22:13:20.000Z \x1b[31mtwo\x1b[0m\n"
