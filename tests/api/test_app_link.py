"""The addresses that clients of Octopus Deploy print lead to pages."""

from __future__ import annotations

import pytest

from tests.factories import ServerTaskFactory, SpaceFactory


@pytest.mark.parametrize(
    ("to", "end"), [("", "/"), ("Spaces-{space}", "/"), ("Spaces-{space}/tasks/{task}", "/tasks/{pk}/")]
)
def test_what_stands_after_the_hash(as_user, viewer, space, to, end):
    task = ServerTaskFactory(space=space)
    words = {"space": space.pk, "task": f"ServerTasks-{task.pk}", "pk": task.pk}

    answer = as_user(viewer).get("/app/open/", {"to": to.format(**words)})

    assert (answer.status_code, answer.headers["Location"]) == (302, end.format(**words))


def test_another_space_has_its_prefix_and_keeps_its_own(as_user, viewer, space):
    other = SpaceFactory(name="Other")
    here, there = ServerTaskFactory(space=space), ServerTaskFactory(space=other)
    client = as_user(viewer)

    found = client.get("/app/open/", {"to": f"Spaces-{other.pk}/tasks/ServerTasks-{there.pk}"})

    assert found.headers["Location"] == f"/s/{other.slug}/tasks/{there.pk}/"
    for to in (
        f"Spaces-{other.pk}/tasks/ServerTasks-{here.pk}",
        "Spaces-99",
        f"Spaces-{space.pk}/tasks/junk",
    ):
        assert client.get("/app/open/", {"to": to}).status_code == 404


def test_the_page_hands_the_rest_over(as_user, viewer):
    assert 'data-app-link="/app/open/"' in as_user(viewer).get("/app").content.decode()
