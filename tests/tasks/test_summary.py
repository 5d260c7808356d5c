"""Understanding a run: what went wrong, what changed, what is usual, what was seen before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from domain.planning import plan as planned
from domain.plans import RunPlan
from domain.processes import ProcessDef, StepDef
from domain.scopes import Context
from domain.variables import Candidate, VariableType
from protocol.log import Level
from tasks.models import Attempt, AttemptState, Execution, OutputVariable, ServerTask, StepState, TaskState
from tasks.selectors import comparison, summary, values
from tasks.selectors.fingerprints import fingerprint, of_sealed
from tests.domain.test_plan_differences import POOLS, ROOM, action, pool
from tests.factories import AttemptFactory, ExecutionFactory, ServerTaskFactory
from tests.tasks.builders import page, run, write
from variables.services import sealing

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def plan_of(script: str = "echo", *, values: tuple[Candidate, ...] = (), pool_id: str = "1") -> RunPlan:
    process = ProcessDef((StepDef("s1", "Migrate", 1, (action("a", "Migrate", script),)),))
    return planned(
        process=process,
        candidates=(pool(pool_id), *values),
        context=Context(environment="Production", process="deployment"),
        pools=POOLS,
        capacity=dict.fromkeys(POOLS, ROOM),
        names={},
    )


class Runs:
    """Runs of one runbook in one environment, one after the other."""

    def __init__(self, space) -> None:
        self.first = ServerTaskFactory(space=space, subject_id=7)
        self.first.delete()
        self.place = {"space": space, "environment": self.first.environment, "subject_id": 7}

    def add(
        self, state: TaskState, *, seconds: int = 60, message: str = "", plan=None, worker="sql-1", **facts
    ) -> ServerTask:
        task = ServerTaskFactory(
            **self.place,
            state=state,
            plan=plan.to_json() if plan else {},
            queued_at=NOW,
            started_at=NOW,
            completed_at=NOW + timedelta(seconds=seconds),
        )
        step_state = StepState.SUCCESS if state == TaskState.SUCCESS else StepState.FAILED
        execution = ExecutionFactory(
            task=task,
            name="Migrate",
            state=step_state,
            message=message,
            machine_name=worker,
            started_at=NOW,
            completed_at=NOW + timedelta(seconds=seconds),
        )
        AttemptFactory(execution=execution, state=AttemptState.FINISHED, **facts)
        return task


@pytest.fixture
def runs(space) -> Runs:
    return Runs(space)


def of(task: ServerTask) -> summary.Summary:
    return summary.of(task, list(task.executions.all()))


def test_how_long_it_usually_takes_is_the_middle_of_the_successes(runs):
    for seconds in (10, 20, 300):
        runs.add(TaskState.SUCCESS, seconds=seconds)
    runs.add(TaskState.FAILED, seconds=1)
    task = runs.add(TaskState.SUCCESS, seconds=5000)

    assert comparison.usual_duration(task) == timedelta(seconds=20)
    assert comparison.usual_steps(task) == {"Migrate": timedelta(seconds=20)}
    assert [one.usual for one in of(task).steps] == ["20 s"]


def test_a_first_run_has_nothing_to_be_compared_with(runs):
    task = runs.add(TaskState.FAILED, message="The script ended with exit code 1.")

    found = of(task)

    assert comparison.usual_duration(task) is None
    assert found.changes is None
    assert found.similar.count == 0
    assert [one.usual for one in found.steps] == [""]


def test_the_failed_step_is_shown_around_its_last_error(runs):
    task = runs.add(TaskState.FAILED, message="It broke.")
    attempt = Attempt.objects.get()
    Attempt.objects.update(state=AttemptState.RUNNING)
    lines = [run(b"line %d\n" % number) for number in range(20)]
    write(attempt, [*lines, run(b"bad thing\n", level=Level.ERROR), *lines])
    Attempt.objects.update(state=AttemptState.FINISHED)

    found = of(task)

    assert found.error_anchor == "S1L21"
    assert [line.text for line in found.error if line.is_hit] == ["bad thing"]
    assert [line.number for line in found.error] == list(range(15, 28))
    assert [(one.anchor, one.text) for one in found.errors] == [("S1L21", "bad thing")]


def test_lines_that_are_set_apart_are_counted_and_the_first_are_shown(runs, monkeypatch):
    monkeypatch.setattr(summary, "MOST_LINES", 2)
    task = runs.add(TaskState.SUCCESS)
    Attempt.objects.update(state=AttemptState.RUNNING)
    loud = [run(b"look %d\n" % number, level=Level.HIGHLIGHT) for number in range(5)]
    write(Attempt.objects.get(), [*loud, run(b"care\n", level=Level.WARNING), run(b"\n")])

    found = of(task)

    assert [one.text for one in found.highlights] == ["look 0", "look 1"]
    assert [(title, count) for title, _, _, count in found.lines] == [
        ("Highlights", 5),
        ("Warnings", 1),
        ("Errors", 0),
    ]


# --- Changed since the last success ----------------------------------------------------------------


def changed(runs: Runs, before: dict, after: dict) -> list[str]:
    runs.add(TaskState.SUCCESS, **before)
    runs.add(TaskState.FAILED)
    found = comparison.changes(runs.add(TaskState.FAILED, **after))
    assert found is not None
    return found.sentences


def test_nothing_changed(runs):
    plan = plan_of()

    assert changed(runs, {"plan": plan}, {"plan": plan}) == []


def test_a_changed_script_and_pool_are_named(runs):
    before, after = plan_of(), plan_of("echo other", pool_id="2")

    sentences = changed(runs, {"plan": before}, {"plan": after})

    assert any("script of step 1" in sentence for sentence in sentences)
    assert any("pool is now SQL - Prod B" in sentence for sentence in sentences)


def secret(value: str) -> RunPlan:
    candidate = Candidate(id="1", name="Token", type=VariableType.SENSITIVE, value=sealing.seal(value))
    return plan_of(values=(candidate,))


def test_a_secret_that_was_sealed_again_is_the_same_and_another_one_is_not(runs, space):
    assert changed(runs, {"plan": secret("correct horse")}, {"plan": secret("correct horse")}) == []
    other = changed(runs, {"plan": secret("correct horse")}, {"plan": secret("battery staple")})
    assert len(other) == 1
    assert "Token" in other[0]
    assert "battery" not in other[0]


def test_another_worker_another_agent_and_other_tools_are_named(runs):
    plan = plan_of()
    had = {"shells": {"bash": "5.1"}, "tools": {"git": "2.30", "jq": True}}
    has = {"shells": {"bash": "5.2"}, "tools": {"git": "2.30"}}

    assert changed(
        runs,
        {"plan": plan, "agent_version": "0.1.0", "worker_has": had},
        {"plan": plan, "agent_version": "0.2.0", "worker_has": has},
    ) == [
        "The agent of sql-1 is version 0.2.0 now (was 0.1.0).",
        "bash on sql-1 is 5.2 now (was 5.1).",
        "jq on sql-1 is not there now (was there).",
    ]
    assert changed(runs, {"plan": plan}, {"plan": plan, "worker": "sql-2"}) == [
        "Step 1 Migrate ran on sql-2 (was sql-1)."
    ]


def test_a_plan_of_another_version_is_said(runs):
    assert changed(runs, {"plan": None}, {"plan": plan_of()}) == [
        "One of the two plans was made by another version of the server and cannot be compared."
    ]


# --- Seen before -----------------------------------------------------------------------------------


def test_the_same_words_at_the_same_step_are_the_same_failure_whatever_the_numbers(runs):
    same = [runs.add(TaskState.FAILED, message=f"Deadlock of process {number}.") for number in range(7)]
    runs.add(TaskState.FAILED, message="Out of disk.")
    task = runs.add(TaskState.FAILED, message="Deadlock of process 99.")

    found = of(task).similar

    assert found.count == 7
    assert [one.pk for one in found.tasks] == [one.pk for one in reversed(same)][:5]


# --- Outputs, secrets and the page -----------------------------------------------------------------


def test_secrets_are_fingerprints(runs):
    task = runs.add(TaskState.SUCCESS)
    execution = Execution.objects.get()
    OutputVariable.objects.create(execution=execution, name="Path", value="/backups")
    OutputVariable.objects.create(
        execution=execution, name="Token", value=sealing.seal("correct horse"), is_sensitive=True
    )

    shown = {one.name: one.shown for one in of(task).outputs}

    assert shown == {"Path": "/backups", "Token": f"fingerprint {fingerprint('correct horse')}"}
    assert of_sealed("octo1:x:y:z") == ""


def test_the_values_that_its_steps_name_are_told_and_secrets_by_their_fingerprint(runs, as_user, viewer):
    given = (
        Candidate(id="1", name="Region", type=VariableType.STRING, value="north"),
        Candidate(id="2", name="Token", type=VariableType.SENSITIVE, value=sealing.seal("correct horse")),
        Candidate(id="3", name="Unused", type=VariableType.STRING, value="nobody asks"),
    )
    task = runs.add(TaskState.SUCCESS, plan=plan_of("deploy #{Region} --token #{Token}", values=given))

    shown = {one.name: one.shown for one in of(task).values}

    assert shown == {
        "DatabasePool": "SQL - Production",
        "Region": "north",
        "Token": f"******** fingerprint {fingerprint('correct horse')}",
    }
    html = page(as_user(viewer), "task_summary", task.pk)
    assert "Values used" in html
    assert fingerprint("correct horse") in html
    assert "correct horse" not in html
    assert "nobody asks" not in html


def test_values_cost_no_query(runs, django_assert_num_queries):
    candidate = Candidate(id="1", name="Token", type=VariableType.SENSITIVE, value=sealing.seal("x"))
    task = runs.add(TaskState.SUCCESS, plan=plan_of("#{Token}", values=(candidate,)))

    with django_assert_num_queries(0):
        assert len(values.named_values(RunPlan.from_json(task.plan))) == 2


def test_waits_in_the_queue_and_for_a_worker_are_told(runs, as_user, viewer):
    task = runs.add(TaskState.SUCCESS, plan=plan_of())
    ServerTask.objects.filter(pk=task.pk).update(queued_at=task.started_at - timedelta(seconds=75))
    words = "Waited 12 s: SQL - Dev is full: 1 of 1 slot busy."
    task.events.create(number=1, level=Level.WAIT, message=words, occurred_at=NOW)
    task.events.create(number=1, message="Something else.", occurred_at=NOW)
    task.refresh_from_db()

    assert [(one.step, one.words) for one in of(task).waits] == [
        ("", "Waited 1 m 15 s in the queue."),
        ("1. Migrate", words),
    ]
    assert words in page(as_user(viewer), "task_summary", task.pk)


def test_the_wait_in_the_queue_is_told_as_it_was_kept(runs, as_user, viewer):
    task = runs.add(TaskState.SUCCESS, plan=plan_of())
    ServerTask.objects.filter(pk=task.pk).update(queued_at=task.started_at - timedelta(minutes=3))
    words = "Waited 3 m 00 s for the lock <db>, held by task 12."
    task.events.create(level=Level.WAIT, message=words, occurred_at=NOW)
    task.refresh_from_db()

    assert [(one.step, one.words) for one in of(task).waits] == [("", words)]
    html = page(as_user(viewer), "task_summary", task.pk)
    link = f'<a class="ref" href="{reverse("task_detail", args=[12])}">task 12</a>'
    assert f"for the lock &lt;db&gt;, held by {link}." in html


def test_a_scheduled_run_waits_from_its_start(runs):
    task = runs.add(TaskState.SUCCESS, plan=plan_of())
    earlier = task.started_at - timedelta(hours=3)
    ServerTask.objects.filter(pk=task.pk).update(queued_at=earlier, start_at=task.started_at)
    task.refresh_from_db()

    assert list(of(task).waits) == []


@pytest.mark.parametrize("state", [TaskState.FAILED, TaskState.SUCCESS, TaskState.QUEUED])
def test_the_page_shows_it(runs, as_user, viewer, state):
    runs.add(TaskState.SUCCESS, plan=plan_of())
    task = runs.add(state, message="<b>It broke.</b>", plan=plan_of())
    if state == TaskState.QUEUED:
        ServerTask.objects.filter(pk=task.pk).update(started_at=None, completed_at=None)

    html = as_user(viewer).get(reverse("task_summary", args=[task.pk])).content.decode()

    assert ("What went wrong" in html) == (state == TaskState.FAILED)
    assert ("Nothing that this server knows of" in html) == (state != TaskState.QUEUED)
    assert "<b>It broke" not in html
    assert "Usually takes" in html or state == TaskState.QUEUED
