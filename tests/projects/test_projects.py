from __future__ import annotations

import pytest

from accounts.models import Event
from common.usage import InUse
from environments.services import environments as environment_service
from processes.models import OwnerKind, Process
from projects.models import Deployment, Project, Release, TenantedMode
from projects.services import deployments, projects, releases, tenant_links
from tasks.models import ServerTask, TaskState
from tenants.services import tenants as tenant_service
from tests.factories import EnvironmentFactory, ServerTaskFactory, SpaceFactory, TenantFactory
from tests.projects import scenarios
from variables.models import VariableSet


def test_a_project_comes_with_its_process_and_variables(space, editor):
    project = projects.create(space=space, name="Orders database", user=editor)

    assert project.slug == "orders-database"
    assert Process.objects.filter(owner_kind=OwnerKind.PROJECT, owner_id=project.pk).exists()
    assert VariableSet.objects.filter(owner_id=project.pk).exists()
    assert Event.objects.get(subject_kind="Project").message == "Created project Orders database."


def test_a_name_is_taken_whatever_its_case(space):
    scenarios.project(space, name="Orders")

    with pytest.raises(projects.NameTaken):
        scenarios.project(space, name="ORDERS")


def test_a_name_is_free_in_another_space(space):
    scenarios.project(space, name="Orders")

    assert scenarios.project(SpaceFactory(), name="Orders").pk


def test_a_new_name_keeps_the_address(space, editor):
    project = scenarios.project(space)

    projects.edit(project, name="Sales", description="", tenanted_mode=TenantedMode.UNTENANTED, user=editor)

    assert (project.name, project.slug) == ("Sales", "orders-database")


def test_deleting_takes_everything_but_the_tasks(
    project, environments, editor, django_capture_on_commit_callbacks
):
    runbook = scenarios.runbook(project)
    release = releases.create(project=project, version="1.0", user=editor)
    deployments.deploy(release=release, environments=environments, user=editor, now=release.created_at)
    ServerTask.objects.update(state=TaskState.SUCCESS)

    projects.delete(project, user=editor)

    assert not Project.objects.exists()
    assert not Release.objects.exists()
    assert not Deployment.objects.exists()
    assert not Process.objects.filter(owner_id__in=[project.pk or 0, runbook.pk]).exists()
    assert not Process.objects.exists()
    assert not VariableSet.objects.exists()
    assert {task.project_name for task in ServerTask.objects.all()} == {"Orders database"}


def test_deleting_waits_for_unfinished_tasks(project, editor):
    task = ServerTaskFactory(space=project.space, project_id=project.pk, state=TaskState.EXECUTING)

    with pytest.raises(InUse) as refusal:
        projects.delete(project, user=editor)

    assert [use.label for use in refusal.value.uses] == [str(task)]
    assert Project.objects.filter(pk=project.pk).exists()


def test_an_environment_with_a_tenant_or_a_task_is_in_use(project, environments, editor):
    tenant = TenantFactory(space=project.space, name="Acme")
    scenarios.connect(project, {tenant: environments[:1]})
    ServerTaskFactory(space=project.space, environment=environments[0])

    with pytest.raises(InUse) as refusal:
        environment_service.delete(environments[0], user=editor)

    labels = [use.label for use in refusal.value.uses]
    assert "Acme in Orders database" in labels
    assert "1 task ran there" in labels


def test_a_connected_tenant_is_in_use(project, environments, editor):
    tenant = TenantFactory(space=project.space)
    scenarios.connect(project, {tenant: environments})

    with pytest.raises(InUse):
        tenant_service.delete(tenant, user=editor)


def test_links_are_replaced_as_a_whole(project, environments):
    acme, globex = TenantFactory(space=project.space), TenantFactory(space=project.space)
    scenarios.connect(project, {acme: environments, globex: environments})

    scenarios.connect(project, {acme: environments[:1], globex: []})

    link = project.tenant_links.get()
    assert link.tenant == acme
    assert list(link.environments.all()) == environments[:1]


def test_links_stay_within_the_space(project):
    stranger = EnvironmentFactory(space=SpaceFactory())
    tenant = TenantFactory(space=project.space)

    with pytest.raises(ValueError, match="another space"):
        tenant_links.replace(project, links={tenant: [stranger]}, user=None)
