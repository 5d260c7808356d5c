from __future__ import annotations

import pytest

from common.usage import InUse
from pools.services import pools
from tasks.models import StepState, TaskState
from tests.factories import ExecutionFactory, ServerTaskFactory, UserFactory, WorkerPoolFactory

pytestmark = pytest.mark.django_db


def test_a_pool_that_a_queued_task_is_to_run_on_is_not_deleted(space):
    pool = WorkerPoolFactory(space=space)
    task = ServerTaskFactory(state=TaskState.QUEUED)
    ExecutionFactory(task=task, pool_id=pool.pk, state=StepState.PENDING)

    with pytest.raises(InUse) as refused:
        pools.delete(pool, user=UserFactory())
    assert [use.label for use in refused.value.uses] == [str(task)]


@pytest.mark.parametrize(
    ("task_state", "step_state"),
    [(TaskState.SUCCESS, StepState.SUCCESS), (TaskState.EXECUTING, StepState.SUCCESS)],
)
def test_a_pool_that_is_done_with_is_deleted(space, task_state, step_state):
    pool = WorkerPoolFactory(space=space)
    ExecutionFactory(task=ServerTaskFactory(state=task_state), pool_id=pool.pk, state=step_state)

    pools.delete(pool, user=UserFactory())

    assert not type(pool).objects.filter(pk=pool.pk).exists()
