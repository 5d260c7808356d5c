"""How projects use what lies below them, for the pages that would delete it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse

from common.usage import Use
from domain.labels import counted
from environments.models import Environment
from projects.models import Project, TenantLink
from tasks.models import ServerTask
from tenants.models import Tenant


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


def _link(link: TenantLink) -> Use:
    url = reverse("project_settings", args=[link.project.slug])
    return Use("Tenant of a project", str(link), url)


def _tasks(**place: models.Model) -> Iterable[Use]:
    """One line for all of them: a list of thousands explains no more than their number."""
    count = ServerTask.objects.filter(**place).count()
    if count:
        query = urlencode({kind: thing.pk for kind, thing in place.items()})
        yield Use("Tasks", f"{counted(count, 'task')} ran there", f"{reverse('task_list')}?{query}")
