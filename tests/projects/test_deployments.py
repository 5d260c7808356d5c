from __future__ import annotations

import pytest
from django.utils import timezone

from domain.plans import ProblemCode, RunPlan
from domain.system_variables import ReleaseHistory, RunFacts
from pools.services import pools as pool_service
from projects.models import Deployment, Release
from projects.services import deployments, releases
from projects.services.runs import RunRefused
from tasks import subjects
from tasks.models import Kind, ServerTask, TaskState
from tests.factories import MachineFactory
from tests.projects import scenarios


@pytest.fixture
def release(project, editor):
    return releases.create(project=project, version="1.0.0", notes="First", user=editor)


def _deploy(release, environments, user):
    return deployments.deploy(release=release, environments=environments, user=user, now=timezone.now())


def test_a_release_freezes_process_and_variables(release, project):
    scenarios.add_step(project, "Added later")

    release.refresh_from_db()
    assert [step["name"] for step in release.process["steps"]] == ["Check free space"]
    assert len(release.variables["variables"]) == 2


def test_a_version_is_taken_once(release, project, editor):
    with pytest.raises(releases.VersionTaken, match="Choose another version"):
        releases.create(project=project, version="1.0.0", user=editor)


def test_an_empty_process_has_no_release(space, editor):
    with pytest.raises(releases.EmptyProcess, match="Add a step first"):
        releases.create(project=scenarios.project(space), version="1.0.0", user=editor)


def test_a_bad_version_is_refused_by_the_service_too(project, editor):
    with pytest.raises(releases.BadVersion):
        releases.create(project=project, version="latest", user=editor)


def test_the_next_version_is_suggested(release, project):
    assert releases.suggest_version(project) == "1.0.1"


def test_each_environment_gets_a_task_on_its_own_pool(release, environments, pools, editor):
    tasks = _deploy(release, environments, editor)

    plans = [RunPlan.from_json(task.plan) for task in tasks]
    assert [plan.steps[0].pool_id for plan in plans] == [str(pool.pk) for pool in pools]
    assert [task.environment for task in tasks] == environments
    assert {task.kind for task in tasks} == {Kind.DEPLOY}
    assert tasks[0].subject_url == "/projects/orders-database/releases/1.0.0/"
    assert tasks[0].concurrency_key == f"deploy:{release.project_id}:env:{environments[0].pk}:tenant:-"
    assert Deployment.objects.count() == 2


def test_one_bad_environment_starts_nothing(release, environments, pools, editor):
    pools[1].machines.all().delete()

    with pytest.raises(RunRefused) as refusal:
        _deploy(release, environments, editor)

    assert [one.plan.can_start for one in refusal.value.plans] == [True, False]
    assert refusal.value.plan.problems[0].code is ProblemCode.POOL_WITHOUT_WORKERS
    assert not ServerTask.objects.exists()


def test_a_deleted_pool_in_an_old_release_is_said_before_the_run(space, default_pool, environments, editor):
    pool = scenarios.staffed_pool(space, "SQL - Old")
    project = scenarios.project(space)
    scenarios.add_step(project, pool=pool)
    release = releases.create(project=project, version="1.0.0", user=editor)
    step = scenarios.process_of(project).steps.get()
    step.actions.update(worker_pool=None)
    pool.machines.all().delete()
    pool_service.delete(pool, user=editor)

    with pytest.raises(RunRefused, match="SQL - Old, which has been deleted"):
        _deploy(release, environments, editor)


def test_a_rerun_plans_the_same_release_afresh(release, environments, pools, editor):
    (task,) = _deploy(release, environments[:1], editor)
    ServerTask.objects.update(state=TaskState.FAILED)
    MachineFactory(space=release.project.space, pools=[pools[0]])

    again = subjects.rerun(task, editor)

    assert again.rerun_of == task
    assert again.environment == environments[0]
    assert RunPlan.from_json(again.plan).steps[0].capacity.workers_total == 2


def test_a_rerun_of_a_deleted_project_says_so(release, environments, editor):
    (task,) = _deploy(release, environments[:1], editor)
    Deployment.objects.all().delete()

    with pytest.raises(subjects.CannotRerun, match="deleted"):
        subjects.rerun(task, editor)


def test_scripts_know_their_release(release, environments, editor):
    (task,) = _deploy(release, environments[:1], editor)

    facts = subjects.add_facts(task, RunFacts())

    assert facts.release is not None
    assert (facts.release.name, facts.release_notes) == ("1.0.0", "First")
    assert facts.release_link == f"/projects/{release.project.slug}/releases/1.0.0/"
    assert facts.run_link == f"/tasks/{task.pk}/"
    assert facts.history == ReleaseHistory()


def test_scripts_know_the_releases_before_theirs(project, release, environments, editor):
    def deploy(version, state=TaskState.SUCCESS, place=environments[0]):
        made = Release.objects.filter(project=project, version=version).first()
        made = made or releases.create(project=project, version=version, user=editor)
        (task,) = _deploy(made, [place], editor)
        facts = subjects.add_facts(task, RunFacts())
        ServerTask.objects.filter(pk=task.pk).update(state=state)
        return facts.history

    assert deploy("1.0.0") == ReleaseHistory()
    assert deploy("1.1.0", TaskState.FAILED) == ReleaseHistory("1.0.0", "1.0.0", "1.0.0")
    assert deploy("1.2.0") == ReleaseHistory("1.1.0", "1.0.0", "1.0.0")
    assert deploy("1.2.0") == ReleaseHistory("1.1.0", "1.0.0", "1.2.0")
    assert deploy("1.2.0", place=environments[1]) == ReleaseHistory("1.1.0", "", "")
