"""What stands around every page: navigation, spaces, server, theme; and what it costs."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.urls import reverse, set_script_prefix

from octoworkers.context import Shell
from spaces.models import Space
from tasks.models import TaskState
from tests.factories import (
    DefaultPoolFactory,
    EnvironmentFactory,
    MachineFactory,
    ServerTaskFactory,
    SpaceFactory,
    TargetFactory,
    WorkerPoolFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _default_space_afterwards():
    """The script prefix of a space stays in the thread, where a server sets it anew for each request."""
    yield
    set_script_prefix("/")


@pytest.fixture
def shell_for(space):
    def build(user, path: str = "/", **cookies: str) -> Shell:
        request = RequestFactory().get(path)
        request.user, request.space = user, space
        request.COOKIES.update(cookies)
        return Shell(request)

    return build


def items(shell: Shell):
    return {item.label: item for group in shell.nav for item in group.items}


def test_viewer_sees_no_administration(shell_for, viewer):
    assert [group.label for group in shell_for(viewer).nav] == ["", "Deliver", "Infrastructure", "Library"]


def test_editor_sees_the_audit_and_administrator_everything(shell_for, editor, administrator):
    assert [item.label for item in shell_for(editor).nav[-1].items] == ["Audit"]
    everything = ["Audit", "Users", "Spaces", "Nodes"]
    assert [item.label for item in shell_for(administrator).nav[-1].items] == everything


@pytest.mark.parametrize(
    ("path", "active"),
    [("/", "Dashboard"), ("/projects/orders/runbooks/", "Projects"), ("/workers/add/", "Workers")],
)
def test_the_place_of_the_page_is_marked(shell_for, viewer, path, active):
    assert [label for label, item in items(shell_for(viewer, path)).items() if item.active] == [active]


def test_counts_are_of_this_space(shell_for, viewer, space):
    other = SpaceFactory()
    WorkerPoolFactory(space=other)
    ServerTaskFactory(space=other, state=TaskState.EXECUTING)
    DefaultPoolFactory(space=space)
    MachineFactory(channel="")
    MachineFactory()
    MachineFactory(is_revoked=True, channel="")
    here = EnvironmentFactory()
    TargetFactory(environments=[here], channel="")
    ServerTaskFactory(state=TaskState.EXECUTING, environment=here)

    shell = shell_for(viewer)
    found = {label: (item.count, item.dot) for label, item in items(shell).items() if item.count is not None}

    assert found == {
        "Tasks": (1, True),
        "Worker pools": (1, False),
        "Workers": (2, False),
        "Targets": (1, False),
        "Environments": (1, False),
    }
    assert shell.server.agents == 1


def test_no_count_beside_tasks_while_nothing_runs(shell_for, viewer):
    assert items(shell_for(viewer))["Tasks"].count is None


def test_two_queries(shell_for, viewer, django_assert_num_queries):
    shell = shell_for(viewer)
    with django_assert_num_queries(2):
        assert shell.nav
        assert shell.spaces
        assert shell.server.agents == 0


def test_theme_comes_from_the_cookie(shell_for, viewer):
    assert shell_for(viewer, theme="dark").theme == "dark"
    assert shell_for(viewer, theme="system").theme == ""
    assert shell_for(viewer, theme='"><script>').theme == ""


def test_server_is_not_healthy_without_an_engine(shell_for, viewer):
    assert not shell_for(viewer).server.healthy


def test_a_stranger_gets_a_bare_page_without_queries(client, space, django_assert_num_queries):
    with django_assert_num_queries(1):  # the space
        response = client.get(reverse("login"))

    assert response.status_code == 200
    assert 'aria-label="Main"' not in response.content.decode()


def test_a_partial_asks_nothing_for_the_shell(as_user, viewer, monkeypatch):
    monkeypatch.setattr("octoworkers.context.counts", lambda *args: pytest.fail("asked"))

    response = as_user(viewer).get(reverse("dashboard"), headers={"HX-Request": "true"})

    assert response.status_code == 200


def test_spaces_link_to_each_other(as_user, viewer, space):
    Space.objects.filter(pk=space.pk).update(name="Main")
    other = SpaceFactory(name="Operations", slug="operations")
    client = as_user(viewer)

    here = client.get("/").content.decode()
    there = client.get(f"/s/{other.slug}/").content.decode()

    assert 'href="/s/operations/"' in here
    assert "Main</a>" in there
    assert 'href="/s/operations/tasks/"' in there


def nav_tasks(client, prefix: str = "", **headers: str) -> str:
    response = client.get(f"{prefix}/nav/tasks/", headers={"HX-Request": "true", **headers})
    assert response.status_code == 200
    return response.content.decode()


def test_the_number_of_running_tasks_fetches_itself_again(as_user, viewer):
    task = ServerTaskFactory(state=TaskState.EXECUTING)
    client = as_user(viewer)

    page, running = client.get(reverse("environment_list")).content.decode(), nav_tasks(client)
    task.state = TaskState.SUCCESS
    task.save()
    over = nav_tasks(client)

    assert running in page
    assert 'hx-trigger="live:tasks from:body"' in running
    assert '1<span class="sr"> active</span>' in running
    assert 'data-live="tasks"' in over
    assert "active" not in over


def test_the_number_of_running_tasks_is_that_of_the_space(as_user, viewer):
    operations = SpaceFactory(slug="operations")
    ServerTaskFactory(space=operations, state=TaskState.EXECUTING)
    client = as_user(viewer)

    there = nav_tasks(client, "/s/operations")

    assert "active" not in nav_tasks(client)
    assert 'hx-get="/s/operations/nav/tasks/"' in there
    assert "1<span" in there


def test_the_number_of_running_tasks_costs_one_query(as_user, viewer, django_assert_num_queries):
    client = as_user(viewer)

    with django_assert_num_queries(4):  # the session, the user, the space, the number
        nav_tasks(client)


def test_a_stranger_gets_no_number(client, space):
    response = client.get(reverse("nav_tasks"), headers={"HX-Request": "true"})

    assert (response.status_code, response.content) == (401, b"")


def test_the_menu_of_the_user_leads_to_the_account(as_user, viewer):
    assert f'href="{reverse("account")}"' in as_user(viewer).get("/").content.decode()
