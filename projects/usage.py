"""How projects use what lies below them, for the pages that would delete it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse

from common.usage import Use
from domain.labels import counted
from environments.models import Environment, Lifecycle
from processes import usage as process_usage
from projects.models import Channel, Deployment, Project, ProjectGroup, Release, TenantLink
from tasks.models import ServerTask
from tenants.models import Tag, Tenant
from variables import usage as variable_usage

#: How many releases are named; there may be thousands.
_NAMED = 10


def of_environment(environment: models.Model) -> Iterable[Use]:
    assert isinstance(environment, Environment)  # noqa: S101  # registered for this model alone
    links = TenantLink.objects.filter(environments=environment).select_related("project", "tenant")
    yield from (_link(link) for link in links)
    yield from _tasks(environment=environment)


def of_library_set(library_set: models.Model) -> Iterable[Use]:
    """The projects that include it."""
    for project in Project.objects.filter(library_sets=library_set.pk).order_by("name"):
        yield Use("Project", project.name, reverse("project_library_sets", args=[project.slug]))


def of_tenant(tenant: models.Model) -> Iterable[Use]:
    assert isinstance(tenant, Tenant)  # noqa: S101  # registered for this model alone
    links = TenantLink.objects.filter(tenant=tenant).select_related("project", "tenant")
    yield from (_link(link) for link in links)
    yield from _tasks(tenant=tenant)


def of_channel(channel: models.Model) -> Iterable[Use]:
    """Its newest releases, then the values and the steps that are narrowed to it."""
    assert isinstance(channel, Channel)  # noqa: S101  # registered for this model alone
    slug = channel.project.slug
    found = Release.objects.filter(channel=channel).only("version")
    for release in found[:_NAMED]:
        yield Use("Release", release.version, reverse("release_detail", args=[slug, release.version]))
    if (more := found.count() - _NAMED) > 0:
        yield Use("Releases", f"{more} more", reverse("release_list", args=[slug]))
    yield from variable_usage.of_channel(channel)
    yield from process_usage.of_channel(channel)


def of_release(release: models.Model) -> Iterable[Use]:
    """Its newest deployments."""
    found = Deployment.objects.filter(release=release.pk).select_related("environment", "tenant")
    for one in found[:_NAMED]:
        where = f"{one.environment}, {one.tenant}" if one.tenant else str(one.environment)
        yield Use("Deployment", f"to {where}", reverse("task_detail", args=[one.task_id]))
    if (more := found.count() - _NAMED) > 0:
        yield Use("Deployments", f"{more} more", "")


def of_lifecycle(lifecycle: models.Model) -> Iterable[Use]:
    """The projects that follow it, and the channels."""
    assert isinstance(lifecycle, Lifecycle)  # noqa: S101  # registered for this model alone
    for project in Project.objects.filter(lifecycle=lifecycle).order_by("name"):
        yield Use("Project", project.name, reverse("project_settings", args=[project.slug]))
    yield from _channels(Channel.objects.filter(lifecycle=lifecycle))


def of_group(group: models.Model) -> Iterable[Use]:
    """The projects in it."""
    assert isinstance(group, ProjectGroup)  # noqa: S101  # registered for this model alone
    for project in Project.objects.filter(group=group).order_by("name"):
        yield Use("Project", project.name, reverse("project_settings", args=[project.slug]))


def of_tag(tag: models.Model) -> Iterable[Use]:
    """The channels whose releases go to tenants with this tag."""
    assert isinstance(tag, Tag)  # noqa: S101  # registered for this model alone
    yield from _channels(Channel.objects.filter(tags=tag))


def _channels(found: models.QuerySet[Channel]) -> Iterable[Use]:
    for channel in found.select_related("project").order_by("project__name", "name"):
        url = reverse("channel_edit", args=[channel.project.slug, channel.slug])
        yield Use("Channel", f"{channel.name} of {channel.project.name}", url)


def _link(link: TenantLink) -> Use:
    url = reverse("project_settings", args=[link.project.slug])
    return Use("Tenant of a project", str(link), url)


def _tasks(**place: models.Model) -> Iterable[Use]:
    """One line for all of them: a list of thousands explains no more than their number."""
    count = ServerTask.objects.filter(**place).count()
    if count:
        query = urlencode({kind: thing.pk for kind, thing in place.items()})
        yield Use("Tasks", f"{counted(count, 'task')} ran there", f"{reverse('task_list')}?{query}")
