"""Questions of runs on the pages: asked, answered in place, told afterwards; tries, and going on."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from domain.processes import (
    MANUAL_ACTION,
    MANUAL_INSTRUCTIONS,
    RETRIES,
    RETRY_AFTER,
)
from domain.runs import Answer
from octoworkers.selectors import attention
from tasks.engine import contact
from tasks.models import Attempt, Interruption, ServerTask, TaskState
from tasks.selectors import log_frames
from tasks.selectors.attempts import look_of, words_of
from tasks.services import interruptions
from tasks.services.options import RunOptions
from tests.factories import AttemptFactory, MachineFactory, SpaceFactory, UserFactory, WorkerPoolFactory
from tests.tasks.builders import page, run, write
from tests.tasks.engine.builders import queue
from tests.tasks.engine.test_attempts import NOW, admit, finish, fresh, run_step

pytestmark = pytest.mark.django_db
GUIDED = RunOptions(guided_failure=True)


@pytest.fixture
def pool(space):
    return WorkerPoolFactory(space=space, name="SQL - Dev")


@pytest.fixture
def worker(pool):
    return MachineFactory(space=pool.space, name="sql-dev-01", pools=[pool], slots=1)


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)


@pytest.fixture
def failed(pool, worker) -> ServerTask:
    """A guided run whose first step failed."""
    task = queue("false", "echo two", pool=pool, options=GUIDED)
    admit()
    finish(run_step(task), code=3)
    return task


@pytest.fixture
def manual(pool, worker) -> ServerTask:
    """A run that waits for a person in its first step."""
    task = queue(
        "", pool=pool, action_type=MANUAL_ACTION, properties={MANUAL_INSTRUCTIONS: "Look at\n<b>it</b>"}
    )
    admit()
    return task


@pytest.fixture
def unknown(pool, worker) -> ServerTask:
    """A run whose only step has an outcome that nobody knows."""
    task = queue("rm -r it", pool=pool)
    admit()
    run_step(task)
    contact.reconcile(worker.pk, [], now=NOW)
    return task


def open_in(task: ServerTask) -> Interruption:
    return Interruption.objects.get(task=task, closed_at__isnull=True)


def answer(client, task: ServerTask, value: str, **more: str):
    url = reverse("interruption_answer", args=[task.pk, open_in(task).pk])
    return client.post(url, {"answer": value, **more})


def buttons(html: str) -> list[str]:
    return re.findall(r'name="answer" value="(\w+)"', html)


class TestAsking:
    def test_a_guided_failure_is_asked_on_the_page(self, client, failed):
        html = page(client, "task_detail", failed.pk)

        assert "Waiting for an answer" in html
        assert "1. Step 1 failed on sql-dev-01. What now?" in html
        assert "The script ended with exit code 3." in html
        assert buttons(html) == ["Retry", "Exclude", "Ignore", "Fail"]
        assert "sql-dev-01 takes no more steps of this run." in html

    def test_an_unknown_outcome_is_asked_with_the_evidence_and_the_risk(self, client, unknown):
        html = page(client, "task_detail", unknown.pk)

        assert "How did 1. Step 1 end on sql-dev-01?" in html
        assert "no longer knows of this step" in html
        assert buttons(html) == ["Succeeded", "Failed", "Retry"]
        assert "it then runs twice" in html

    def test_a_manual_intervention_shows_its_instructions_as_text(self, client, manual):
        html = page(client, "task_detail", manual.pk)

        assert "Look at\n&lt;b&gt;it&lt;/b&gt;" in html
        assert buttons(html) == ["Proceed", "Abort"]

    def test_who_may_not_run_sees_the_question_and_no_buttons(self, as_user, viewer, failed):
        html = page(as_user(viewer), "task_detail", failed.pk)

        assert "What now?" in html
        assert buttons(html) == []

    def test_lists_and_the_dashboard_say_that_it_waits(self, client, failed):
        assert "Waiting for an answer" in page(client, "task_list")
        assert "“Step 1” failed. What now?" in page(client, "dashboard")

    def test_questions_of_other_spaces_are_nobodys_here(self, space, operator, failed):
        other = SpaceFactory()
        found = attention.attention(other, operator, since=NOW, lost=0)

        assert (found.count, list(found.questions)) == (0, [])
        assert attention.attention(space, operator, since=NOW, lost=0).count == 1


class TestAnswering:
    def test_an_answer_goes_on_with_the_run(self, client, failed):
        response = answer(client, failed, "Ignore", notes="It does not matter today.")

        assert response.url == reverse("task_detail", args=[failed.pk])
        assert [one.state for one in failed.executions.order_by("number")] == ["Ignored", "Running"]

    def test_it_is_told_afterwards(self, client, operator, failed):
        answer(client, failed, "Ignore", notes="It does <not> matter.")

        events, log = page(client, "task_events", failed.pk), page(client, "task_detail", failed.pk)
        assert "<b>otto</b> answered <b>Ignore</b>" in events
        assert "It does &lt;not&gt; matter." in events
        assert "Ignore, by otto" in log
        assert "What now?" not in log

    @pytest.mark.parametrize(
        ("value", "state"), [("Proceed", TaskState.SUCCESS), ("Abort", TaskState.FAILED)]
    )
    def test_a_person_lets_the_run_go_on_or_ends_it(self, client, manual, value, state):
        answer(client, manual, value)

        assert fresh(manual).state == state

    def test_settling_ends_the_doubt(self, client, unknown):
        answer(client, unknown, "Succeeded")

        assert fresh(unknown).state == TaskState.SUCCESS

    def test_the_second_answer_is_refused_with_the_first(self, client, failed):
        asked = open_in(failed)
        interruptions.answer(
            asked, answer=Answer.FAIL, notes="Not today.", user=UserFactory(username="edna"), now=NOW
        )

        url = reverse("interruption_answer", args=[failed.pk, asked.pk])
        response = client.post(url, {"answer": "Retry", "notes": "my long notes"})

        html = response.content.decode()
        assert response.status_code == 409
        assert "edna has answered this already" in html
        assert "Fail." in html
        assert "Not today." in html
        assert "my long notes" in html
        assert f'hx-get="{reverse("task_detail", args=[failed.pk])}"' in html

    @pytest.mark.parametrize("value", ["", "Proceed", "nonsense"])
    def test_what_is_no_answer_changes_nothing(self, client, failed, value):
        response = answer(client, failed, value)

        assert response.status_code == 302
        assert open_in(failed).answer == ""
        assert "Nothing was answered." in page(client, "task_detail", failed.pk)

    def test_answering_needs_the_right(self, as_user, viewer, failed):
        asked = open_in(failed)

        assert answer(as_user(viewer), failed, "Retry").status_code == 403
        take = reverse("interruption_take", args=[failed.pk, asked.pk])
        assert as_user(viewer).post(take).status_code == 403
        assert fresh(asked).closed_at is None

    def test_a_question_is_found_in_its_own_task_alone(self, client, failed, manual):
        url = reverse("interruption_answer", args=[manual.pk, open_in(failed).pk])

        assert client.post(url, {"answer": "Retry"}).status_code == 404

    def test_who_sees_to_it_is_shown(self, client, failed):
        client.post(reverse("interruption_take", args=[failed.pk, open_in(failed).pk]))

        html = page(client, "task_detail", failed.pk)
        assert "<b>otto</b> sees to it" in html
        assert "Assign to me" not in html

    def test_taking_on_what_is_answered_is_refused(self, client, failed):
        asked = open_in(failed)
        answer(client, failed, "Fail")

        response = client.post(reverse("interruption_take", args=[failed.pk, asked.pk]))

        assert response.status_code == 409
        assert "otto has answered this already" in response.content.decode()


class TestTries:
    def test_a_step_says_when_it_is_tried_again(self, client, pool, worker):
        task = queue("false", pool=pool, properties={RETRIES: "2", RETRY_AFTER: "30"})
        admit()
        finish(run_step(task), code=3)

        html = page(client, "task_detail", task.pk)

        assert "Tries again" in html
        assert "try 2 of 3" in html
        assert "Waiting to try again" in html

    def test_every_try_is_shown_with_its_own_end(self, client, pool, worker):
        task = queue("false", pool=pool, properties={RETRIES: "1"})
        admit()
        first = run_step(task)
        write(first, [run(b"one\n")])
        finish(first, code=3)
        finish(run_step(task))

        html = page(client, "task_detail", task.pk)
        heads = [group["head"] for group in log_frames.first_frame(fresh(task))["groups"]]

        assert "Attempt 1 on sql-dev-01, exit code 3" in html
        assert [(one["nth"], one["status"], one["end_words"]) for one in heads] == [
            (1, "Failed", "exit code 3"),
            (2, "Success", ""),
        ]

    def test_a_try_is_told_by_its_own_worker(self, pool, worker):
        task = queue("false", pool=pool)
        step = task.executions.get()
        AttemptFactory(execution=step, machine=worker, state="Finished", outcome="exited", exit_code=1)
        AttemptFactory(execution=step, machine=MachineFactory(space=pool.space, name="sql-dev-02"))
        task.executions.update(machine_name="sql-dev-02")

        heads = [group["head"] for group in log_frames.first_frame(task)["groups"]]

        assert [one["worker"] for one in heads] == ["sql-dev-01", "sql-dev-02"]

    @pytest.mark.parametrize(
        ("attempt", "look", "words"),
        [
            ({"state": "Running"}, "Running", ""),
            ({"state": "LostContact"}, "LostContact", "lost contact"),
            ({"state": "Unknown"}, "Unknown", "outcome unknown"),
            ({"outcome": "exited", "exit_code": 0}, "Success", ""),
            ({"outcome": "signalled"}, "Failed", "failed"),
            ({"outcome": "canceled"}, "Canceled", "cancelled"),
            ({"cancel_requested": True}, "Canceled", "cancelled"),
            ({"outcome": "canceled", "timed_out": True, "cancel_requested": True}, "TimedOut", "time was up"),
            ({"outcome": ""}, "Failed", "failed"),
        ],
    )
    def test_how_a_try_looks(self, attempt, look, words):
        one = Attempt(**{"state": "Finished", **attempt})

        assert (look_of(one), words_of(one)) == (look, words)


def test_a_page_with_a_question_costs_few_queries(client, failed, django_assert_max_num_queries):
    with django_assert_max_num_queries(22):
        page(client, "task_detail", failed.pk)
