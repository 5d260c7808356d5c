from __future__ import annotations

import factory
from django.utils.text import slugify
from factory.django import DjangoModelFactory

from runbooks.models import Runbook, RunbookRun, RunbookSnapshot
from tests.factories.environments import EnvironmentFactory
from tests.factories.projects import ProjectFactory
from tests.factories.tasks import ServerTaskFactory


class RunbookFactory(DjangoModelFactory[Runbook]):
    class Meta:
        model = Runbook

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"Runbook {n}")
    slug = factory.LazyAttribute(lambda row: slugify(row.name))


class RunbookSnapshotFactory(DjangoModelFactory[RunbookSnapshot]):
    class Meta:
        model = RunbookSnapshot

    runbook = factory.SubFactory(RunbookFactory)
    number = factory.LazyAttribute(lambda row: row.runbook.snapshots.count() + 1)
    process = factory.LazyFunction(lambda: {"steps": []})
    variables = factory.LazyFunction(dict)


class RunbookRunFactory(DjangoModelFactory[RunbookRun]):
    class Meta:
        model = RunbookRun

    runbook = factory.SubFactory(RunbookFactory)
    environment = factory.SubFactory(
        EnvironmentFactory, space=factory.SelfAttribute("..runbook.project.space")
    )
    task = factory.SubFactory(
        ServerTaskFactory,
        space=factory.SelfAttribute("..runbook.project.space"),
        environment=factory.SelfAttribute("..environment"),
    )
