from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from domain.scopes import Kind, Scope, runbook_process
from domain.variables import VariableType
from pools.services import pools as pool_service
from processes.models import Action
from projects.models import TenantedMode
from runbooks.models import Runbook, RunbookRun
from runbooks.services import snapshots
from tasks.models import ServerTask, TaskState
from tests.factories import (
    AttemptFactory,
    ProjectFactory,
    RunbookFactory,
    ServerTaskFactory,
    SpaceFactory,
    TenantFactory,
)
from tests.projects import scenarios
from variables.services.rows import Row


@pytest.fixture
def published(runbook):
    snapshots.publish(runbook=runbook, user=None)
    return runbook


def _url(name, runbook, *more):
    return reverse(name, args=[runbook.project.slug, runbook.slug, *more])


PAGES = ["runbook_detail", "runbook_process", "runbook_snapshots", "runbook_settings"]


@pytest.mark.parametrize("page", PAGES)
def test_everybody_may_look(page, published, viewer, as_user):
    assert as_user(viewer).get(_url(page, published)).status_code == 200


@pytest.mark.parametrize("page", [*PAGES, "runbook_delete", "runbook_run", "runbook_run_plan"])
def test_a_runbook_of_another_space_is_not_there(page, published, administrator, as_user):
    project = published.project
    project.space = SpaceFactory()
    project.save()

    assert as_user(administrator).get(_url(page, published)).status_code == 404


def test_a_runbook_is_found_in_its_own_project_alone(published, viewer, as_user):
    other = scenarios.project(published.project.space, name="Other")

    url = reverse("runbook_detail", args=[other.slug, published.slug])
    assert as_user(viewer).get(url).status_code == 404


@pytest.mark.parametrize("page", ["runbook_settings", "runbook_delete", "runbook_publish"])
def test_operators_change_nothing(page, published, operator, as_user):
    assert as_user(operator).post(_url(page, published), {"name": "Mine"}).status_code == 403


def test_viewers_do_not_run(published, viewer, environments, as_user):
    client = as_user(viewer)

    assert client.get(_url("runbook_run", published)).status_code == 403
    assert client.post(_url("runbook_run", published), {"environments": 1}).status_code == 403
    assert _url("runbook_run", published) not in client.get(reverse("runbook_list")).content.decode()


def test_creating_leads_to_the_process(project, editor, as_user):
    response = as_user(editor).post(reverse("runbook_create", args=[project.slug]), {"name": "Restart"})

    assert response.headers["Location"] == _url("runbook_process", Runbook.objects.get(name="Restart"))


def test_a_taken_name_comes_back_with_the_form(runbook, editor, as_user):
    url = reverse("runbook_create", args=[runbook.project.slug])

    response = as_user(editor).post(url, {"name": "BACK UP"})

    assert response.status_code == 422
    assert "This name is taken" in response.content.decode()


def test_publishing_an_empty_draft_says_why_not(project, editor, as_user):
    runbook = scenarios.runbook(project)

    response = as_user(editor).post(_url("runbook_publish", runbook))

    assert response.status_code == 422
    assert "Add a step first" in response.content.decode()


def test_the_overview_says_that_the_draft_differs(published, viewer, as_user):
    scenarios.add_step(published, "Dump")

    assert (
        "The draft differs from snapshot 1"
        in as_user(viewer).get(_url("runbook_detail", published)).content.decode()
    )


def test_the_snapshots_show_what_the_draft_would_change(published, editor, as_user):
    scenarios.add_step(published, "Dump", script="pg_dump\n# <b>all</b>\n")

    text = as_user(editor).get(_url("runbook_snapshots", published)).content.decode()

    assert "<ins>+2. Dump</ins>" in text
    assert "&lt;b&gt;all&lt;/b&gt;" in text


def test_an_older_snapshot_is_published_again(published, editor, as_user):
    scenarios.add_step(published, "Dump")
    snapshots.publish(runbook=published, user=editor)

    as_user(editor).post(_url("runbook_publish", published), {"snapshot": "1"})

    published.refresh_from_db()
    assert published.published.number == 1


@pytest.mark.parametrize("number", ["7", "x", "9" * 30])
def test_a_snapshot_that_is_not_there_is_not_published(number, published, editor, as_user):
    response = as_user(editor).post(_url("runbook_publish", published), {"snapshot": number})

    assert response.status_code == 404


def test_operators_run_the_published_snapshot(published, environments, operator, as_user):
    scenarios.add_step(published, "Dump")

    as_user(operator).post(_url("runbook_run", published), {"environments": environments[0].pk})

    assert RunbookRun.objects.get().snapshot.number == 1


@pytest.mark.parametrize("source", ["draft", "2", "99"])
def test_operators_run_nothing_else(source, published, environments, operator, as_user):
    scenarios.add_step(published, "Dump")
    second = snapshots.publish(runbook=published, user=None)
    assert second.number == 2
    snapshots.make_published(published.snapshots.get(number=1), user=None)

    response = as_user(operator).post(
        _url("runbook_run", published), {"environments": environments[0].pk, "source": source}
    )

    assert response.status_code == 422
    assert not ServerTask.objects.exists()


def test_editors_run_the_draft(published, environments, editor, as_user):
    form = {"environments": environments[0].pk, "source": "draft"}

    as_user(editor).post(_url("runbook_run", published), form)

    assert RunbookRun.objects.get().snapshot is None


def test_an_operator_learns_that_nothing_is_published(runbook, environments, operator, as_user):
    client = as_user(operator)

    assert "no published snapshot" in client.get(_url("runbook_run", runbook)).content.decode()
    response = client.post(_url("runbook_run", runbook), {"environments": environments[0].pk})
    assert response.status_code == 422


def test_the_button_opens_a_dialog_and_the_address_a_page(published, operator, as_user):
    client, url = as_user(operator), _url("runbook_run", published)

    dialog = client.get(url, HTTP_HX_REQUEST="true")

    assert dialog.content.decode().lstrip().startswith("<dialog")
    assert "HX-Request" in dialog.headers["Vary"]
    assert "<html" in client.get(url).content.decode()


def _plan(client, runbook, environments, **more):
    data = {"environments": [one.pk for one in environments], **more}
    return client.get(_url("runbook_run_plan", runbook), data, HTTP_HX_REQUEST="true").content.decode()


def test_the_plan_says_why_each_pool(published, environments, operator, as_user):
    text = _plan(as_user(operator), published, environments)

    assert "Why SQL - Production?" in text
    assert "Used. Exact environment" in text
    assert "Other environment" in text
    assert "2 free slots" in text
    assert "Starts at once" in text
    assert "Likely next" in text
    assert "Run in 2 environments" in text
    assert 'hx-swap-oob="true"' in text


def test_the_plan_of_nothing_says_what_to_do(published, operator, as_user):
    text = _plan(as_user(operator), published, [])

    assert "Choose an environment" in text
    assert "disabled" in text


def test_the_plan_names_the_other_processes_of_scopes(runbook, environments, pools, editor, as_user):
    other = scenarios.runbook(runbook.project, name="Restart")
    scenarios.add_step(other, name="Stop")
    step = Action.objects.get(name="Stop")
    scopes = {Kind.PROCESS: [runbook_process(other.pk)], Kind.ACTION: [str(step.pk)]}
    elsewhere = [
        Row(
            name=scenarios.POOL_VARIABLE,
            type=VariableType.WORKER_POOL,
            value=str(pools[1].pk),
            scope=Scope.of({kind: ids}),
        )
        for kind, ids in scopes.items()
    ]
    routes = dict(zip(environments, pools, strict=True))
    scenarios.route(runbook.project, routes, others=elsewhere)

    text = _plan(as_user(editor), runbook, environments[:1], source="draft")

    assert "Restart" in text
    assert "Stop" in text
    assert runbook_process(other.pk) not in text


def test_the_plan_says_which_task_goes_first(published, environments, operator, as_user):
    client = as_user(operator)
    client.post(_url("runbook_run", published), {"environments": environments[0].pk})

    text = _plan(client, published, environments[:1])

    assert f"Waits for task {ServerTask.objects.get().pk}" in text


def test_the_plan_says_that_a_pool_is_full(published, environments, pools, operator, as_user):
    pools[0].machines.update(busy_slots=2)

    text = _plan(as_user(operator), published, environments[:1])

    assert "Waits for a free slot" in text
    assert "0 of 2 slots free" in text


def test_the_plan_estimates_the_wait_from_earlier_runs(published, environments, pools, operator, as_user):
    now, machine = timezone.now(), pools[0].machines.get()
    alike = {"space": published.project.space, "environment": environments[1], "runbook_id": 999}
    ServerTaskFactory(
        **alike,
        state=TaskState.SUCCESS,
        started_at=now - timedelta(hours=2),
        completed_at=now - timedelta(hours=1),
    )
    busy = ServerTaskFactory(**alike, state=TaskState.EXECUTING, started_at=now - timedelta(minutes=30))
    AttemptFactory(execution__task=busy, machine=machine)
    pools[0].machines.update(busy_slots=2)

    text = _plan(as_user(operator), published, environments[:1])

    assert "Waits about 29 m" in text
    assert f"Busy with task {busy.pk}, usually ends in 29 m" in text
    assert "Likely next" in text


def test_workers_that_are_all_disabled_lead_to_their_pool(published, environments, pools, operator, as_user):
    pools[0].machines.update(is_disabled=True)

    text = _plan(as_user(operator), published, environments[:1])

    assert "1 disabled" in text
    assert reverse("pool_detail", args=[pools[0].slug]) in text


def test_a_variable_without_a_value_blocks_with_the_way_to_it(
    published, environments, pools, editor, as_user
):
    scenarios.route(published.project, {environments[0]: pools[0]})
    snapshots.publish(runbook=published, user=editor)

    text = _plan(as_user(editor), published, environments[1:])

    assert "Cannot run" in text
    assert f"{reverse('project_variables', args=[published.project.slug])}?name=Project.WorkerPool" in text
    assert "Production cannot run" in text


def test_a_deleted_pool_in_an_old_snapshot_blocks_with_the_way_to_the_process(
    project, environments, editor, as_user
):
    pool = scenarios.staffed_pool(project.space, "SQL - Old")
    runbook = scenarios.runbook(project, name="Old")
    scenarios.add_step(runbook, pool=pool)
    snapshots.publish(runbook=runbook, user=editor)
    scenarios.process_of(runbook).steps.all().delete()
    pool.machines.all().delete()
    pool_service.delete(pool, user=editor)

    text = _plan(as_user(editor), runbook, environments[:1])

    assert "SQL - Old, which has been deleted" in text
    assert _url("runbook_process", runbook) in text


def test_an_empty_draft_blocks_with_the_way_to_the_process(project, environments, editor, as_user):
    runbook = scenarios.runbook(project)

    text = _plan(as_user(editor), runbook, environments[:1])

    assert "The process has no steps" in text
    assert _url("runbook_process", runbook) in text


def test_a_worker_without_the_shell_is_said(published, environments, pools, operator, as_user):
    pools[0].machines.update(capabilities={"shells": {"python": "3.11"}})

    assert "Has no bash" in _plan(as_user(operator), published, environments[:1])


def test_tenants_are_offered_and_planned(published, environments, operator, as_user):
    project = published.project
    project.tenanted_mode = TenantedMode.BOTH
    project.save()
    tenant = TenantFactory(space=project.space, name="Acme")
    scenarios.connect(project, {tenant: environments})

    text = _plan(as_user(operator), published, environments, tenants=tenant.pk)

    assert text.count("Acme") >= 2
    assert "2 tasks, 1 step each" in text


def test_a_tenant_that_is_not_connected_cannot_be_chosen(published, environments, operator, as_user):
    tenant = TenantFactory(space=published.project.space)
    form = {"environments": environments[0].pk, "tenants": tenant.pk}

    response = as_user(operator).post(_url("runbook_run", published), form)

    assert response.status_code == 422
    assert "not connected" in response.content.decode()


def test_names_are_shown_as_text(project, environments, operator, as_user):
    runbook = scenarios.runbook(project, name="<img src=x>")
    scenarios.add_step(runbook, "<b>bold</b>")
    snapshots.publish(runbook=runbook, user=None)

    text = _plan(as_user(operator), runbook, environments)
    page = as_user(operator).get(_url("runbook_detail", runbook)).content.decode()

    assert "<b>bold</b>" not in text
    assert "<img" not in page


def test_deleting_asks_for_the_name(runbook, editor, as_user):
    url = _url("runbook_delete", runbook)

    assert as_user(editor).post(url, {"typed_name": "other"}).status_code == 422
    assert as_user(editor).post(url, {"typed_name": "Back up"}).status_code == 302


def test_a_viewer_of_the_list_sees_the_last_run(published, environments, viewer, as_user):
    ServerTaskFactory(
        space=published.project.space,
        runbook_id=published.pk,
        environment=environments[0],
        state=TaskState.FAILED,
    )

    page = as_user(viewer).get(reverse("runbook_list")).content.decode()

    assert "Failed" in page
    assert "Snapshot 1" in page


def test_a_new_runbook_can_go_to_one_of_the_first_ten_projects(editor, as_user, space):
    client = as_user(editor)
    ProjectFactory.create_batch(10)
    ten = client.get(reverse("runbook_list")).content.decode()
    ProjectFactory.create_batch(5)
    fifteen = client.get(reverse("runbook_list")).content.decode()

    assert ten.count("/runbooks/new/") == fifteen.count("/runbooks/new/") == 10
    assert "All projects" not in ten
    assert "All projects" in fifteen


def test_the_process_is_below_its_runbook(published, viewer, as_user):
    page = as_user(viewer).get(_url("runbook_process", published)).content.decode()

    above = page.split('aria-label="Breadcrumb"')[1].split("</nav>")[0]
    assert re.findall(r"<(?:a|span)[^>]*>([^<]+)<", above) == [
        "Projects",
        published.project.name,
        "Runbooks",
        published.name,
        "Process",
    ]


@pytest.mark.parametrize("page", ["runbook_list", "project_runbooks"])
def test_lists_ask_as_much_for_many_runbooks_as_for_one(
    page, published, viewer, as_user, django_assert_max_num_queries
):
    client = as_user(viewer)
    url = reverse(page, args=[] if page == "runbook_list" else [published.project.slug])
    ServerTaskFactory(space=published.project.space, runbook_id=published.pk)
    with django_assert_max_num_queries(16) as few:
        client.get(url)
    for number in range(8):
        made = RunbookFactory(project=published.project, name=f"Other {number}", slug=f"other-{number}")
        ServerTaskFactory(space=published.project.space, runbook_id=made.pk)

    with django_assert_max_num_queries(len(few)):
        client.get(url)


def test_the_plan_asks_as_much_for_many_environments_as_for_one(
    published, environments, operator, as_user, django_assert_max_num_queries
):
    client = as_user(operator)
    with django_assert_max_num_queries(40) as few:
        _plan(client, published, environments[:1])
    # The second environment brings a second pool, whose workers are asked for too.
    with django_assert_max_num_queries(len(few) + 2):
        _plan(client, published, environments)
