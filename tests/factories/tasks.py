from __future__ import annotations

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from tasks.models import Attempt, AttemptState, Execution, Kind, Node, ServerTask, TaskEvent
from tests.factories.environments import EnvironmentFactory
from tests.factories.spaces import DefaultSpaceFactory


class ServerTaskFactory(DjangoModelFactory[ServerTask]):
    """A queued runbook run with an empty plan; a run that works is made through services."""

    class Meta:
        model = ServerTask

    space = factory.SubFactory(DefaultSpaceFactory)
    kind = Kind.RUNBOOK_RUN
    name = factory.Sequence(lambda n: f"Run {n}")
    subject_kind = "runbook-run"
    subject_id = 1
    subject_url = "/"
    environment = factory.SubFactory(EnvironmentFactory, space=factory.SelfAttribute("..space"))
    plan = factory.LazyFunction(dict)
    concurrency_key = factory.Sequence(lambda n: f"slot-{n}")
    created_by_name = "system"
    queued_at = factory.LazyFunction(timezone.now)


class ExecutionFactory(DjangoModelFactory[Execution]):
    class Meta:
        model = Execution

    task = factory.SubFactory(ServerTaskFactory)
    number = factory.LazyAttribute(lambda row: row.task.executions.count() + 1)
    step_number = factory.SelfAttribute("number")
    name = factory.Sequence(lambda n: f"Step {n}")


class AttemptFactory(DjangoModelFactory[Attempt]):
    class Meta:
        model = Attempt

    execution = factory.SubFactory(ExecutionFactory)
    epoch = factory.LazyAttribute(lambda row: row.execution.attempts.count() + 1)
    state = AttemptState.RUNNING
    assigned_at = factory.LazyFunction(timezone.now)


class TaskEventFactory(DjangoModelFactory[TaskEvent]):
    class Meta:
        model = TaskEvent

    task = factory.SubFactory(ServerTaskFactory)
    occurred_at = factory.LazyFunction(timezone.now)
    message = "Something happened."


class NodeFactory(DjangoModelFactory[Node]):
    class Meta:
        model = Node

    name = factory.Sequence(lambda n: f"node-{n}")
    started_at = factory.LazyFunction(timezone.now)
    last_seen_at = factory.LazyFunction(timezone.now)
