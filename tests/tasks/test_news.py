"""Whose runs ended or ask something, and since when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tasks.models import Interruption, InterruptionKind, ServerTask, TaskState
from tests.factories import ExecutionFactory, ServerTaskFactory, SpaceFactory, UserFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def ended(space, user, *, ago: int, state: TaskState = TaskState.SUCCESS, **about) -> ServerTask:
    moment = NOW - timedelta(seconds=ago)
    return ServerTaskFactory(space=space, created_by=user, state=state, completed_at=moment, **about)


def news(as_user, user, *, ago: float | None = 60) -> dict:
    since = {} if ago is None else {"since": int((NOW - timedelta(seconds=ago)).timestamp() * 1000)}
    response = as_user(user).get(reverse("task_news"), since)
    assert response.status_code == 200
    return response.json()


def test_own_runs_that_ended_since_are_told(space, as_user, viewer):
    ended(space, viewer, ago=90)
    mine = ended(space, viewer, ago=30, state=TaskState.FAILED, name="Migrate")
    ended(space, UserFactory(), ago=30)
    ended(space, viewer, ago=30, trigger_name="Nightly")
    ended(SpaceFactory(), viewer, ago=30)

    answer = news(as_user, viewer)

    assert [(one["id"], one["words"], one["kind"]) for one in answer["news"]] == [(mine.pk, "Failed", "bad")]
    assert answer["news"][0]["title"] == f"Migrate in {mine.environment}"
    assert answer["news"][0]["url"] == reverse("task_detail", args=[mine.pk])
    assert answer["open"] == 0


def test_a_run_that_asks_something_is_told(space, as_user, viewer):
    task = ServerTaskFactory(space=space, created_by=viewer, state=TaskState.EXECUTING)
    Interruption.objects.create(
        task=task,
        execution=ExecutionFactory(task=task),
        kind=InterruptionKind.MANUAL,
        text="Go on?",
        choices=["proceed"],
        opened_at=NOW - timedelta(seconds=5),
    )

    answer = news(as_user, viewer)

    assert [(one["id"], one["kind"]) for one in answer["news"]] == [(task.pk, "hold")]
    assert answer["open"] == 1
    assert news(as_user, viewer, ago=1)["news"] == []


def test_a_first_look_tells_nothing_but_the_time(space, as_user, viewer):
    ended(space, viewer, ago=1)

    answer = news(as_user, viewer, ago=None)

    assert answer["news"] == []
    assert abs(answer["at"] - timezone.now().timestamp() * 1000) < 60_000


@pytest.mark.parametrize("since", ["x", "-1", "9" * 40, "1e9", "99999999999999"])
def test_what_is_no_moment_tells_nothing(space, as_user, viewer, since):
    ended(space, viewer, ago=1)

    assert as_user(viewer).get(reverse("task_news"), {"since": since}).json()["news"] == []
