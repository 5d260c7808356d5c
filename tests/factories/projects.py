from __future__ import annotations

from typing import Any

import factory
from django.utils.text import slugify
from factory.django import DjangoModelFactory

from projects.models import Channel, Deployment, Project, Release, TenantLink
from projects.services import channels
from tests.factories.environments import EnvironmentFactory
from tests.factories.spaces import NamedInSpaceFactory
from tests.factories.tasks import ServerTaskFactory
from tests.factories.tenants import TenantFactory


class ProjectFactory(NamedInSpaceFactory):
    class Meta:
        model = Project

    name = factory.Sequence(lambda n: f"Project {n}")


class TenantLinkFactory(DjangoModelFactory[TenantLink]):
    """`environments=[environment, ...]` are those in which the tenant gets the project."""

    class Meta:
        model = TenantLink
        skip_postgeneration_save = True

    project = factory.SubFactory(ProjectFactory)
    tenant = factory.SubFactory(TenantFactory, space=factory.SelfAttribute("..project.space"))

    @factory.post_generation
    def environments(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and extracted:
            self.environments.set(extracted)


class ChannelFactory(DjangoModelFactory[Channel]):
    """Beside the default one, which the project gets on first use."""

    class Meta:
        model = Channel
        skip_postgeneration_save = True

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"Channel {n}")
    slug = factory.LazyAttribute(lambda row: slugify(row.name))

    @factory.post_generation
    def tags(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and extracted:
            self.tags.set(extracted)


class ReleaseFactory(DjangoModelFactory[Release]):
    class Meta:
        model = Release

    project = factory.SubFactory(ProjectFactory)
    channel = factory.LazyAttribute(lambda row: channels.ensure_default(row.project))
    version = factory.Sequence(lambda n: f"1.0.{n}")
    process = factory.LazyFunction(lambda: {"steps": []})
    variables = factory.LazyFunction(dict)


class DeploymentFactory(DjangoModelFactory[Deployment]):
    class Meta:
        model = Deployment

    release = factory.SubFactory(ReleaseFactory)
    environment = factory.SubFactory(
        EnvironmentFactory, space=factory.SelfAttribute("..release.project.space")
    )
    task = factory.SubFactory(
        ServerTaskFactory,
        kind="Deploy",
        space=factory.SelfAttribute("..release.project.space"),
        environment=factory.SelfAttribute("..environment"),
    )
