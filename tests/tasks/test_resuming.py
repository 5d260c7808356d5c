"""Going on from a failed step: a new run with the frozen plan and the results of the steps before."""

from __future__ import annotations

import pytest
from django.urls import reverse

from domain.units import in_line
from processes.services import processes
from protocol import frames
from runbooks.models import RunbookRun
from runbooks.services import runs, snapshots
from tasks import subjects
from tasks.models import Execution, OutputVariable, ServerTask, StepState, TaskState
from tasks.services import outputs, resuming
from tasks.services.options import Resume
from tests.factories import ExecutionFactory, MachineFactory, ServerTaskFactory
from tests.projects import scenarios
from tests.tasks.builders import page
from tests.tasks.engine.test_attempts import NOW, admit, finish, fresh, run_step

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool(space, default_pool):
    made = scenarios.staffed_pool(space, "SQL - Dev", workers=0)
    MachineFactory(space=space, name="sql-dev-01", pools=[made], slots=1)
    return made


@pytest.fixture
def runbook(space, pool):
    """Three steps, published."""
    made = scenarios.runbook(scenarios.project(space))
    for name in ("Back up", "Migrate", "Verify"):
        scenarios.add_step(made, name, pool=pool, script=f"echo {name}")
    snapshots.publish(runbook=made, user=None)
    made.refresh_from_db()
    return made


@pytest.fixture
def failed(runbook, operator) -> ServerTask:
    """Its second step failed; the first one has set an output variable."""
    [environment] = scenarios.environments(runbook.project.space, "Production")
    [task] = runs.run(
        runbook=runbook, snapshot=runbook.published, environments=[environment], user=operator, now=NOW
    )
    admit()
    finish(run_step(task), outputs=[frames.OutputValue("Backup", "orders.dump", False)])
    finish(run_step(task), code=3)
    assert fresh(task).state == TaskState.FAILED
    return fresh(task)


def steps(task: ServerTask) -> list[Execution]:
    return list(task.executions.order_by("number"))


def resume(task: ServerTask, user, *, step: int = 2) -> ServerTask:
    return subjects.rerun(task, user, resume=Resume(task, step))


def test_earlier_steps_are_taken_over_and_the_rest_runs(failed, operator):
    again = fresh(resume(failed, operator))

    assert (again.rerun_of, again.resumed_at_step) == (failed, 2)
    assert [one.state for one in steps(again)] == ["Success", "Pending", "Pending"]
    assert steps(again)[0].reused_from == steps(failed)[0]
    assert RunbookRun.objects.get(task=again).snapshot == RunbookRun.objects.get(task=failed).snapshot

    admit()
    finish(run_step(again))
    finish(run_step(again))
    assert fresh(again).state == TaskState.SUCCESS
    assert not steps(again)[0].attempts.exists()


def test_output_variables_go_along(failed, operator):
    again = resume(failed, operator)

    names = {one.name: one.value for one in outputs.before(again.pk, 2, in_line(2)).outputs}
    assert names["Octopus.Action[Back up].Output.Backup"] == "orders.dump"
    assert OutputVariable.objects.filter(execution__task=failed).count() == 1


def test_it_runs_the_frozen_plan_and_not_what_was_edited_since(failed, operator, runbook):
    process = scenarios.process_of(runbook)
    processes.delete_step(step=process.steps.get(position=3), version=process.version)
    snapshots.publish(runbook=runbook, user=None)

    assert fresh(resume(failed, operator)).plan == failed.plan


def test_a_resumed_run_can_be_resumed_and_still_says_where_results_come_from(failed, operator):
    second = resume(failed, operator)
    admit()
    finish(run_step(second))
    finish(run_step(second), code=1)

    third = resume(fresh(second), operator, step=3)

    assert [one.reused_from for one in steps(third)] == [steps(failed)[0], steps(second)[1], None]


def test_a_deleted_pool_keeps_it_from_going_on(failed, operator, pool):
    ServerTask.objects.filter(pk=failed.pk).update(plan=_with_pool(failed.plan, "987654"))

    with pytest.raises(resuming.CannotResume, match="SQL - Dev, which has been deleted"):
        resume(fresh(failed), operator)
    assert ServerTask.objects.count() == 1


def _with_pool(plan: dict, pool_id: str) -> dict:
    return {**plan, "steps": [{**one, "pool_id": pool_id} for one in plan["steps"]]}


@pytest.mark.parametrize("step", [0, 3, 4])
def test_it_goes_on_from_no_other_step(failed, operator, step):
    with pytest.raises(resuming.CannotResume):
        resume(failed, operator, step=step)


def test_a_run_that_goes_on_is_not_resumed(failed, operator):
    ServerTask.objects.filter(pk=failed.pk).update(state=TaskState.EXECUTING)

    with pytest.raises(resuming.CannotResume, match="has not failed"):
        resume(fresh(failed), operator)


@pytest.mark.parametrize(
    ("state", "ends", "number"),
    [
        (TaskState.FAILED, ["Success", "Failed", "Skipped"], 2),
        (TaskState.FAILED, ["Ignored", "Unknown", "Skipped"], 2),
        (TaskState.CANCELED, ["Success", "Success", "Canceled"], 3),
        (TaskState.TIMED_OUT, ["Success", "Canceled"], 2),
        (TaskState.FAILED, ["Failed", "Skipped"], None),
        (TaskState.FAILED, ["Skipped", "Failed"], None),
        (TaskState.SUCCESS, ["Success"], None),
        (TaskState.EXECUTING, ["Success", "Running"], None),
    ],
)
def test_where_a_run_can_be_gone_on_with(state, ends, number):
    task = ServerTaskFactory(state=state)
    for one in ends:
        ExecutionFactory(task=task, state=one)

    point = resuming.resume_point(task, steps(task))

    assert (point.number if point else None) == number


class TestPages:
    def test_the_page_offers_it_and_says_what_runs(self, as_user, operator, failed):
        html = page(as_user(operator), "task_detail", failed.pk)

        assert reverse("task_resume", args=[failed.pk, 2]) in html
        assert "Resume from step 2" in html
        assert "Step 1 is not run again" in html
        assert "Step 2, Migrate, and all after it run" in html

    def test_pressing_it_opens_the_new_run(self, as_user, operator, failed):
        client = as_user(operator)

        response = client.post(reverse("task_resume", args=[failed.pk, 2]))

        again = ServerTask.objects.get(rerun_of=failed)
        assert response.url == reverse("task_detail", args=[again.pk])
        html = page(client, "task_detail", again.pk)
        assert f"Result of task {failed.pk}" in html
        assert "from step 2" in html
        assert f"Took over the results of 1 step of task {failed.pk}." in page(
            client, "task_events", again.pk
        )

    def test_a_viewer_can_not(self, as_user, viewer, failed):
        client = as_user(viewer)

        assert client.post(reverse("task_resume", args=[failed.pk, 2])).status_code == 403
        assert "Resume from step" not in page(client, "task_detail", failed.pk)

    def test_what_cannot_be_resumed_says_why(self, as_user, operator, failed):
        client = as_user(operator)

        response = client.post(reverse("task_resume", args=[failed.pk, 3]), follow=True)

        assert "cannot be resumed from step 3" in response.content.decode()
        assert ServerTask.objects.count() == 1

    def test_an_unknown_outcome_is_a_warning(self, as_user, operator, failed):
        failed.executions.filter(number=2).update(state=StepState.UNKNOWN)

        assert "it may do its work twice" in page(as_user(operator), "task_detail", failed.pk)
