from __future__ import annotations

import factory
from django.utils.text import slugify
from factory.django import DjangoModelFactory

from processes.models import Action, OwnerKind, Process, Step
from tests.factories.spaces import DefaultSpaceFactory


class ProcessFactory(DjangoModelFactory[Process]):
    class Meta:
        model = Process

    space = factory.SubFactory(DefaultSpaceFactory)
    owner_kind = OwnerKind.PROJECT
    owner_id = factory.Sequence(lambda n: n + 1)


class StepFactory(DjangoModelFactory[Step]):
    """A step without an action; `ActionFactory(step=...)` gives it one."""

    class Meta:
        model = Step

    process = factory.SubFactory(ProcessFactory)
    position = factory.LazyAttribute(lambda row: row.process.steps.count() + 1)
    name = factory.Sequence(lambda n: f"Step {n}")
    slug = factory.LazyAttribute(lambda row: slugify(row.name))


class ActionFactory(DjangoModelFactory[Action]):
    """An inline Bash script that says hello, in the default pool; its step is made along with it."""

    class Meta:
        model = Action

    step = factory.SubFactory(StepFactory)
    name = factory.SelfAttribute("step.name")
    slug = factory.SelfAttribute("step.slug")
    action_type = "Octopus.Script"
    properties = factory.LazyFunction(
        lambda: {
            "Octopus.Action.Script.ScriptSource": "Inline",
            "Octopus.Action.Script.Syntax": "Bash",
            "Octopus.Action.Script.ScriptBody": "echo hello",
        }
    )
