from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Event
from accounts.permissions import NotAllowed
from common.usage import InUse
from domain.plans import RunPlan
from domain.scopes import Kind, Scope, runbook_process
from domain.variables import VariableType
from processes.models import OwnerKind, Process
from projects.models import TenantedMode
from projects.services import projects
from projects.services.projects import NameTaken
from projects.services.releases import EmptyProcess
from projects.services.runs import RunRefused
from runbooks.drift import draft_of
from runbooks.models import Runbook, RunbookRun, RunbookSnapshot
from runbooks.services import runbooks, runs, snapshots
from tasks import subjects
from tasks.models import ServerTask, TaskState
from tests.factories import ServerTaskFactory, TenantFactory
from tests.projects import scenarios
from variables.services.rows import Row


def _run(runbook, environments, user, *, snapshot=None, tenants=()):
    return runs.run(
        runbook=runbook,
        snapshot=snapshot,
        environments=environments,
        tenants=tenants,
        user=user,
        now=timezone.now(),
    )


def test_names_are_unique_in_their_project(project, editor):
    scenarios.runbook(project, name="Back up")

    with pytest.raises(NameTaken):
        scenarios.runbook(project, name="BACK UP")
    assert scenarios.runbook(scenarios.project(project.space, name="Other"), name="Back up").pk


def test_publishing_freezes_the_draft(runbook, editor):
    snapshot = snapshots.publish(runbook=runbook, notes="First", user=editor)
    scenarios.add_step(runbook, "Dump")

    runbook.refresh_from_db()
    assert runbook.published == snapshot
    assert [step["name"] for step in snapshot.process["steps"]] == ["Check free space"]
    assert draft_of(runbook).differs
    assert draft_of(runbook).what_differs == "Steps"
    assert Event.objects.filter(category="Published").count() == 1


def test_an_unchanged_draft_does_not_differ(runbook, editor):
    snapshots.publish(runbook=runbook, user=editor)

    assert not draft_of(runbook).differs


def test_snapshots_count_up(runbook, editor):
    numbers = [snapshots.publish(runbook=runbook, user=editor).number for _ in range(3)]

    assert numbers == [1, 2, 3]


def test_an_older_snapshot_can_be_published_again(runbook, editor):
    first = snapshots.publish(runbook=runbook, user=editor)
    snapshots.publish(runbook=runbook, user=editor)

    snapshots.make_published(first, user=editor)

    runbook.refresh_from_db()
    assert runbook.published == first


def test_an_empty_draft_is_not_published(project, editor):
    with pytest.raises(EmptyProcess):
        snapshots.publish(runbook=scenarios.runbook(project), user=editor)
    assert not RunbookSnapshot.objects.exists()


def test_each_environment_gets_a_task_on_its_own_pool(runbook, environments, pools, operator):
    snapshot = snapshots.publish(runbook=runbook, user=None)

    tasks = _run(runbook, environments, operator, snapshot=snapshot)

    assert [RunPlan.from_json(task.plan).steps[0].pool_id for task in tasks] == [str(p.pk) for p in pools]
    assert [task.concurrency_key for task in tasks] == [
        f"runbook:{runbook.pk}:env:{environment.pk}:tenant:-" for environment in environments
    ]
    assert {run.snapshot for run in RunbookRun.objects.all()} == {snapshot}
    assert tasks[0].subject_url == "/projects/orders-database/runbooks/back-up/"


def test_the_draft_runs_as_it_is_now(runbook, environments, editor):
    snapshots.publish(runbook=runbook, user=editor)
    scenarios.add_step(runbook, "Dump")

    (task,) = _run(runbook, environments[:1], editor)

    assert task.executions.count() == 2
    assert RunbookRun.objects.get().snapshot is None


def test_one_task_per_connected_tenant(runbook, environments, editor):
    project = runbook.project
    project.tenanted_mode = TenantedMode.BOTH
    project.save()
    acme, globex = TenantFactory(space=project.space), TenantFactory(space=project.space)
    scenarios.connect(project, {acme: environments, globex: environments[:1]})

    tasks = _run(runbook, environments, editor, tenants=[acme, globex])

    assert {(task.environment, task.tenant) for task in tasks} == {
        (environments[0], acme),
        (environments[1], acme),
        (environments[0], globex),
    }


def test_an_empty_draft_does_not_run(project, environments, editor):
    with pytest.raises(RunRefused, match="no steps"):
        _run(scenarios.runbook(project), environments, editor)
    assert not ServerTask.objects.exists()


def test_an_unresolved_variable_does_not_run(runbook, environments, pools, editor):
    scenarios.route(runbook.project, {environments[0]: pools[0]})

    with pytest.raises(RunRefused, match="no value of it applies"):
        _run(runbook, environments[1:], editor)


def test_a_rerun_takes_the_same_snapshot(runbook, environments, operator):
    snapshot = snapshots.publish(runbook=runbook, user=None)
    (task,) = _run(runbook, environments[:1], operator, snapshot=snapshot)
    scenarios.add_step(runbook, "Dump")
    snapshots.publish(runbook=runbook, user=None)
    ServerTask.objects.update(state=TaskState.FAILED)

    again = subjects.rerun(task, operator)

    assert again.runbook_run.snapshot == snapshot
    assert again.executions.count() == 1


def test_a_rerun_of_a_draft_needs_the_right_to_run_drafts(runbook, environments, editor, operator):
    (task,) = _run(runbook, environments[:1], editor)

    with pytest.raises(NotAllowed):
        subjects.rerun(task, operator)


def test_a_rerun_for_a_tenant_that_left_says_so(runbook, environments, editor):
    project = runbook.project
    project.tenanted_mode = TenantedMode.TENANTED
    project.save()
    tenant = TenantFactory(space=project.space, name="Acme")
    scenarios.connect(project, {tenant: environments})
    (task,) = _run(runbook, environments[:1], editor, tenants=[tenant])
    scenarios.connect(project, {})

    with pytest.raises(subjects.CannotRerun, match="Acme is not connected"):
        subjects.rerun(task, editor)


def test_deleting_waits_for_unfinished_tasks(runbook, editor):
    ServerTaskFactory(space=runbook.project.space, runbook_id=runbook.pk)

    with pytest.raises(InUse):
        runbooks.delete(runbook, user=editor)


def test_deleting_is_refused_while_a_variable_is_scoped_to_it(runbook, editor):
    scope = Scope.of({Kind.PROCESS: [runbook_process(runbook.pk)]})
    row = Row(name="Retention", type=VariableType.STRING, value="14", scope=scope)
    scenarios.route(runbook.project, {}, others=[row])

    with pytest.raises(InUse) as refusal:
        runbooks.delete(runbook, user=editor)

    assert [use.label for use in refusal.value.uses] == ["Retention"]


def test_deleting_takes_the_draft_and_leaves_the_tasks(runbook, environments, editor):
    _run(runbook, environments, editor)
    ServerTask.objects.update(state=TaskState.SUCCESS)

    runbooks.delete(runbook, user=editor)

    assert not Process.objects.filter(owner_kind=OwnerKind.RUNBOOK).exists()
    assert ServerTask.objects.count() == 2


def test_a_deleted_project_takes_the_drafts_of_its_runbooks(runbook, editor):
    projects.delete(runbook.project, user=editor)

    assert not Runbook.objects.exists()
    assert not Process.objects.filter(owner_kind=OwnerKind.RUNBOOK).exists()
