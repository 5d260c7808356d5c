"""What the settings of a process and the wishes for a run come to, for runbooks and deployments alike."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from domain.variables import VariableType
from processes.models import Process
from projects.services import deployments, releases
from runbooks.services import runs
from tasks.models import Overlap, TaskState
from tasks.services import tasks
from tasks.services.options import Wishes
from tests.projects import scenarios
from variables.services.rows import Row

NOW = timezone.now()
TAG = Row(name="Octopus.Task.ConcurrencyTag", type=VariableType.STRING, value="#{Octopus.Project.Name}")


@pytest.fixture
def run(runbook, environments, editor):
    """Starts the draft in as many environments as asked for."""

    def start(count: int = 1, **wishes):
        return runs.run(
            runbook=runbook,
            snapshot=None,
            environments=environments[:count],
            user=editor,
            now=NOW,
            wishes=Wishes(**wishes),
        )

    return start


@pytest.fixture
def deploy(project, environments, editor):
    release = releases.create(project=project, version="1.0.0", user=editor)

    def start(**wishes):
        return deployments.deploy(
            release=release, environments=environments[:1], user=editor, now=NOW, wishes=Wishes(**wishes)
        )

    return start


def test_runs_follow_their_runbook(runbook, run):
    runbook.max_concurrent, runbook.time_limit_minutes = 2, 45
    runbook.locks = [{"name": "DB", "mode": "Shared"}]
    runbook.save()
    [task] = run()
    assert (task.concurrency_limit, task.time_limit_minutes) == (2, 45)
    assert task.locks == [{"name": "db", "mode": "Shared"}]


def test_deployments_follow_their_project(project, deploy):
    project.overlap, project.queue_timeout_minutes = Overlap.SKIP, 5
    project.save()
    [first], [second] = deploy(), deploy()
    assert first.queue_expires_at == NOW + timedelta(minutes=5)
    assert second.error_message.startswith(
        f"Not started: task {first.pk} was waiting, and this project skips"
    )


def test_wishes_come_along(run, deploy):
    later = NOW + timedelta(hours=3)
    for start in (run, deploy):
        [task] = start(start_at=later, is_prioritised=True, trigger_name="Nightly")
        assert (task.start_at, task.queue_rank, task.trigger_name) == (later, 1, "Nightly")


def test_a_start_that_is_refused_starts_nothing(run):
    with pytest.raises(tasks.BadStart):
        run(start_at=NOW + timedelta(days=99))


def test_a_rerun_follows_the_settings_of_now(runbook, run, editor):
    [task] = run()
    runbook.max_concurrent = 4
    runbook.save()
    assert runs.rerun(task, editor).concurrency_limit == 4


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.REPLACE])
def test_tasks_of_one_start_do_not_stop_each_other(project, runbook, run, environments, pools, overlap):
    scenarios.route(project, dict(zip(environments, pools, strict=False)), others=[TAG])
    runbook.overlap = overlap
    runbook.save()
    started = run(2)
    for task in started:
        task.refresh_from_db()
    assert [task.state for task in started] == [TaskState.QUEUED] * 2
    assert len({task.concurrency_key for task in started}) == 1


def left_out_of(task):
    return [one.name for one in task.executions.filter(state="Skipped", message="Left out of this run")]


def test_what_is_left_out_is_left_out_of_a_rerun_too(runbook, run, editor):
    scenarios.add_step(runbook, "Dump")
    action = processes_of(runbook).steps.get(name="Dump").actions.get()

    [task] = run(left_out=frozenset({str(action.pk)}))
    again = runs.rerun(task, editor)

    assert left_out_of(task) == ["Dump"]
    assert left_out_of(again) == ["Dump"]
    assert left_out_of(run()[0]) == []


def processes_of(runbook):
    return Process.objects.get(owner_kind="runbook", owner_id=runbook.pk)
