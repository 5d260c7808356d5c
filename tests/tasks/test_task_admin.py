from __future__ import annotations

import pytest
from django.urls import reverse

from accounts.models import User
from tasks.models import ServerTask
from tests.factories import AttemptFactory, TaskEventFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def task(space) -> ServerTask:
    task = AttemptFactory().execution.task
    ServerTask.objects.filter(pk=task.pk).update(plan={"secret": "ciphertext"})
    TaskEventFactory(task=task)
    return task


@pytest.mark.parametrize("model", ["servertask", "execution", "attempt"])
def test_lists_and_rows_can_be_looked_at_and_not_changed(as_user, administrator, task, model):
    client = as_user(administrator)
    row = {"servertask": task, "execution": task.executions.get()}
    row["attempt"] = row["execution"].attempts.get()

    assert client.get(reverse(f"admin:tasks_{model}_changelist"), {"q": "1"}).status_code == 200
    page = client.get(reverse(f"admin:tasks_{model}_change", args=[row[model].pk]))

    assert page.status_code == 200
    assert b"ciphertext" not in page.content
    assert b'name="_save"' not in page.content
    assert client.get(reverse(f"admin:tasks_{model}_add")).status_code == 403


def test_tasks_are_cancelled_through_the_service(as_user, administrator, task):
    as_user(administrator).post(
        reverse("admin:tasks_servertask_changelist"), {"action": "cancel", "_selected_action": [task.pk]}
    )

    task.refresh_from_db()
    assert task.state == "Canceled"


def test_who_may_not_cancel_is_not_offered_it(as_user, viewer, task):
    User.objects.filter(pk=viewer.pk).update(is_staff=True)

    page = as_user(viewer).get(reverse("admin:tasks_servertask_changelist"))

    assert b'value="cancel"' not in page.content
