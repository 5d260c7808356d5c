"""Steps on deployment targets, against what agents say."""

from __future__ import annotations

import pytest
from django.utils import timezone

from common.usage import InUse
from domain.processes import SCRIPT_BODY, ActionDef, Location, ProcessDef, StepDef
from tasks.models import Attempt, Kind, ServerTask, StepState
from tasks.selectors.queue import why_steps_wait
from tasks.services import planning, tasks
from tests.factories import EnvironmentFactory, MachineFactory, TargetFactory, UserFactory, WorkerPoolFactory
from tests.tasks.engine.builders import NO_VARIABLES
from tests.tasks.engine.test_attempts import NOW, accept, admit, finish, fresh, start
from workers.services import machines

pytestmark = pytest.mark.django_db


@pytest.fixture
def environment(space):
    return EnvironmentFactory(space=space)


@pytest.fixture
def targets(space, environment):
    return [
        TargetFactory(space=space, name=f"web-{number}", environments=[environment], last_seen_at=NOW)
        for number in (1, 2, 3)
    ]


def queue(space, environment, *, location=Location.TARGET, window=0, pool=None) -> ServerTask:
    action = ActionDef(
        id="1",
        name="Deploy",
        properties={SCRIPT_BODY: "true"},
        location=location,
        worker_pool_id=str(pool.pk) if pool else None,
    )
    step = StepDef("1", "Deploy", 1, (action,), target_tags=("web",), window=window)
    plan = planning.build(
        space=space,
        process=ProcessDef((step,)).to_json(),
        variables=NO_VARIABLES,
        environment=environment,
        tenant=None,
        process_ref="runbook:1",
    )
    return tasks.create(
        space=space,
        kind=Kind.RUNBOOK_RUN,
        name="A runbook",
        subject_kind="runbook-run",
        subject_id=1,
        subject_url="/",
        project_id=None,
        project_name="",
        runbook_id=1,
        environment=environment,
        tenant=None,
        plan=plan,
        concurrency_key="runbook:1",
        user=UserFactory(),
        now=timezone.now(),
    )


def at_work(task: ServerTask) -> list[str]:
    return [one.machine.name for one in Attempt.objects.filter(execution__task=task, finished_at=None)]


def do(task: ServerTask, name: str, *, code: int = 0) -> None:
    attempt = Attempt.objects.get(execution__task=task, machine__name=name)
    accept(attempt)
    start(fresh(attempt))
    finish(fresh(attempt), code=code)


def test_each_target_gets_the_step_within_the_window(space, environment, targets):
    # A worker of the default pool is no target, whatever room it has.
    MachineFactory(space=space, pools=[WorkerPoolFactory(space=space)], last_seen_at=NOW)
    task = queue(space, environment, window=2)
    admit()

    assert sorted(at_work(task)) == ["web-1", "web-2"]
    do(task, "web-1")
    assert sorted(at_work(task)) == ["web-2", "web-3"]
    do(task, "web-2")
    do(task, "web-3")
    assert fresh(task).state == "Success"


def test_none_begins_after_a_failure(space, environment, targets):
    task = queue(space, environment, window=1)
    admit()

    do(task, "web-1", code=1)

    assert fresh(task).state == "Failed"
    assert list(task.executions.values_list("state", flat=True)) == [
        StepState.FAILED,
        StepState.SKIPPED,
        StepState.SKIPPED,
    ]


def test_a_step_waits_for_its_target_and_says_so(space, environment, targets):
    task = queue(space, environment)
    machines.disable(targets[0], user=None)
    targets[1].busy_slots = 1
    targets[1].save()
    admit()

    assert at_work(task) == ["web-3"]
    executions = list(task.executions.all())
    sentences = {one.target_name: wait.sentence for one in executions for wait in _wait_of(one, executions)}
    assert sentences["web-1"].startswith("web-1 takes nothing now")
    assert sentences["web-2"].startswith("web-2 is full: 1 of 1 slot busy.")
    machines.enable(targets[0], user=None)
    admit()
    assert sorted(at_work(task)) == ["web-1", "web-3"]


def _wait_of(execution, executions):
    waits = why_steps_wait(executions)
    return [waits[execution.pk]] if execution.pk in waits else []


def test_on_behalf_of_targets_the_workers_of_the_pool_do_it(space, environment, targets):
    pool = WorkerPoolFactory(space=space)
    MachineFactory(space=space, name="worker", pools=[pool], slots=5, last_seen_at=NOW)

    task = queue(space, environment, location=Location.ON_BEHALF, pool=pool)
    admit()

    assert at_work(task) == ["worker"] * 3
    assert list(task.executions.values_list("target_name", flat=True)) == ["web-1", "web-2", "web-3"]


def test_a_target_that_a_run_still_needs_is_not_deleted(space, environment, targets):
    queue(space, environment)

    with pytest.raises(InUse) as refusal:
        machines.delete(targets[2], user=None)

    assert [use.kind for use in refusal.value.uses] == ["Queued task"]


def test_pages_of_a_task_tell_of_each_target(space, environment, targets, as_user, administrator):
    task = queue(space, environment, window=2)
    admit()
    client = as_user(administrator)

    page = client.get(f"/tasks/{task.pk}/").text
    plan = client.get(f"/tasks/{task.pk}/plan/").text

    assert all(f"Deploy on web-{number}" in page for number in (1, 2, 3))
    assert "have the tag web" in plan
    assert "2 targets at a time" in plan
