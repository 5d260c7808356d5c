from __future__ import annotations

import pytest
from django.urls import reverse

from projects.models import Project, TenantedMode
from projects.services import releases
from tests.factories import ProjectFactory, ServerTaskFactory, SpaceFactory, TenantFactory
from tests.projects import scenarios


@pytest.fixture
def stranger(project):
    """A project of the same slug in another space."""
    return ProjectFactory(space=SpaceFactory(), name="Secret plans", slug="secret-plans")


PAGES = ["project_detail", "project_settings", "release_list"]


@pytest.mark.parametrize("page", PAGES)
def test_everybody_may_look(page, project, viewer, as_user):
    assert as_user(viewer).get(reverse(page, args=[project.slug])).status_code == 200


@pytest.mark.parametrize("page", [*PAGES, "project_delete", "release_create"])
def test_a_project_of_another_space_is_not_there(page, stranger, administrator, as_user):
    assert as_user(administrator).get(reverse(page, args=[stranger.slug])).status_code == 404


def test_a_stranger_signs_in_first(project, client):
    response = client.get(reverse("project_detail", args=[project.slug]))

    assert response.status_code == 302


@pytest.mark.parametrize("page", ["project_settings", "project_delete", "project_tenants"])
def test_operators_change_nothing(page, project, operator, as_user):
    response = as_user(operator).post(reverse(page, args=[project.slug]), {"name": "Mine"})

    assert response.status_code == 403


def test_a_viewer_sees_no_buttons_that_would_be_refused(project, viewer, as_user):
    page = as_user(viewer).get(reverse("project_detail", args=[project.slug])).content.decode()

    assert "Create release" not in page
    assert "New project" not in as_user(viewer).get(reverse("project_list")).content.decode()


def test_the_list_can_be_filtered(project, viewer, as_user):
    scenarios.project(project.space, name="Edge gateway")

    response = as_user(viewer).get(reverse("project_list"), {"q": "orders"}, HTTP_HX_REQUEST="true")

    text = response.content.decode()
    assert "Orders database" in text
    assert "Edge gateway" not in text
    assert "<html" not in text


def test_the_list_leaves_out_other_spaces(stranger, viewer, as_user):
    assert "Secret plans" not in as_user(viewer).get(reverse("project_list")).content.decode()


def test_creating_leads_to_the_project(space, editor, as_user):
    form = {"name": "Orders", "description": "", "tenanted_mode": TenantedMode.UNTENANTED}

    response = as_user(editor).post(reverse("project_create"), form)

    assert response.headers["Location"] == reverse("project_detail", args=["orders"])


@pytest.mark.parametrize("name", ["orders DATABASE", "", " ", "x" * 121])
def test_a_bad_name_comes_back_with_the_form(name, project, editor, as_user):
    form = {"name": name, "tenanted_mode": TenantedMode.UNTENANTED}

    response = as_user(editor).post(reverse("project_create"), form)

    assert response.status_code == 422
    assert "aria-invalid" in response.content.decode()
    assert Project.objects.count() == 1


def test_a_taken_name_leaves_the_settings_as_they_were(project, editor, as_user):
    scenarios.project(project.space, name="Edge gateway")
    form = {"name": "edge gateway", "tenanted_mode": TenantedMode.UNTENANTED}

    response = as_user(editor).post(reverse("project_settings", args=[project.slug]), form)

    assert response.status_code == 422
    assert "<h1>Orders database</h1>" in response.content.decode()


def test_tenants_are_connected_on_the_settings_page(project, environments, editor, as_user):
    tenant = TenantFactory(space=project.space)
    form = {f"tenant-{tenant.pk}": [environments[0].pk]}

    as_user(editor).post(reverse("project_tenants", args=[project.slug]), form)

    assert list(project.tenant_links.get().environments.all()) == environments[:1]


def test_an_environment_of_another_space_cannot_be_connected(project, editor, as_user):
    tenant = TenantFactory(space=project.space)
    foreign = scenarios.environments(SpaceFactory(), "Elsewhere")[0]

    response = as_user(editor).post(
        reverse("project_tenants", args=[project.slug]), {f"tenant-{tenant.pk}": [foreign.pk]}
    )

    assert response.status_code == 422
    assert not project.tenant_links.exists()


def test_deleting_asks_for_the_name(project, editor, as_user):
    url = reverse("project_delete", args=[project.slug])

    assert as_user(editor).post(url, {"typed_name": "Orders"}).status_code == 422
    assert as_user(editor).post(url, {"typed_name": "Orders database"}).status_code == 302
    assert not Project.objects.exists()


def test_deleting_says_which_task_is_in_the_way(project, editor, as_user):
    task = ServerTaskFactory(space=project.space, project_id=project.pk)

    page = as_user(editor).get(reverse("project_delete", args=[project.slug])).content.decode()

    assert reverse("task_detail", args=[task.pk]) in page


def test_the_overview_shows_releases_against_environments(project, environments, editor, as_user):
    releases.create(project=project, version="1.0.0", user=editor)

    page = as_user(editor).get(reverse("project_detail", args=[project.slug])).content.decode()

    deploy = reverse("release_deploy", args=[project.slug, "1.0.0"])
    assert f"{deploy}?environments={environments[1].pk}" in page


def _queries(client, url, django_assert_max_num_queries, limit):
    with django_assert_max_num_queries(limit) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def test_the_list_asks_as_much_for_many_projects_as_for_one(
    project, viewer, as_user, django_assert_max_num_queries
):
    client, url = as_user(viewer), reverse("project_list")
    ServerTaskFactory(space=project.space, project_id=project.pk)
    few = _queries(client, url, django_assert_max_num_queries, 30)
    for number in range(10):
        other = ProjectFactory(space=project.space, name=f"Other {number}", slug=f"other-{number}")
        ServerTaskFactory(space=project.space, project_id=other.pk)

    assert _queries(client, url, django_assert_max_num_queries, 30) == few


def test_the_overview_asks_as_much_for_many_releases_as_for_one(
    project, editor, viewer, as_user, django_assert_max_num_queries
):
    client, url = as_user(viewer), reverse("project_detail", args=[project.slug])
    releases.create(project=project, version="1.0.0", user=editor)
    few = _queries(client, url, django_assert_max_num_queries, 40)
    for number in range(6):
        releases.create(project=project, version=f"1.1.{number}", user=editor)

    assert _queries(client, url, django_assert_max_num_queries, 40) == few
