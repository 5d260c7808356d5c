from __future__ import annotations

import pytest
from django.urls import reverse

from environments.services import lifecycles
from projects.models import ProjectGroup
from projects.services import project_groups
from tests.factories import ProjectFactory


@pytest.fixture
def databases(space):
    project_groups.ensure_default(space)
    return project_groups.create(space=space, name="Databases")


def test_a_group_is_made_changed_and_deleted(databases, editor, as_user):
    client = as_user(editor)

    assert client.post(reverse("group_create"), {"name": "Web"}).status_code == 302
    assert client.post(reverse("group_edit", args=["web"]), {"name": "Sites"}).status_code == 302
    assert "Sites" in client.get(reverse("group_list")).content.decode()
    assert client.post(reverse("group_delete", args=["web"])).status_code == 302
    assert not ProjectGroup.objects.filter(name="Sites").exists()


def test_a_taken_name_comes_back(databases, editor, as_user):
    answer = as_user(editor).post(reverse("group_create"), {"name": "databases"})

    assert answer.status_code == 422


def test_one_with_projects_is_not_deleted_and_they_are_named(space, databases, editor, as_user):
    ProjectFactory(space=space, name="Orders", group=databases)
    url = reverse("group_delete", args=["databases"])

    assert "Orders" in as_user(editor).get(url).content.decode()
    assert as_user(editor).post(url).status_code == 409


def test_projects_of_no_group_count_for_the_default_one(space, databases, viewer, as_user):
    ProjectFactory(space=space)

    page = as_user(viewer).get(reverse("group_list"))

    counts = {group.name: count for group, count in page.context["rows"]}
    assert counts == {project_groups.DEFAULT: 1, "Databases": 0}


def test_a_project_is_put_into_a_group_and_follows_a_lifecycle(space, project, databases, editor, as_user):
    fast = lifecycles.create(space=space, name="Fast")
    url = reverse("project_place", args=[project.slug])

    answer = as_user(editor).post(url, {"group": databases.pk, "lifecycle": fast.pk})

    project.refresh_from_db()
    assert answer.status_code == 302
    assert (project.group, project.lifecycle) == (databases, fast)
    assert as_user(editor).post(url, {"group": 99999}).status_code == 422


def test_operators_change_nothing(project, databases, operator, as_user):
    client = as_user(operator)

    for url in (
        reverse("group_create"),
        reverse("group_edit", args=["databases"]),
        reverse("group_delete", args=["databases"]),
        reverse("project_place", args=[project.slug]),
    ):
        assert client.post(url).status_code == 403
