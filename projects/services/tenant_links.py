"""Which tenants get a project, and in which environments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction

from accounts.models import User
from accounts.services import events
from environments.models import Environment
from projects.models import Project, TenantLink
from tenants.models import Tenant


def replace(project: Project, *, links: Mapping[Tenant, Sequence[Environment]], user: User | None) -> None:
    """Connects the project to exactly these tenants in these environments; a tenant without one is left out.

    Raises ValueError where a tenant or an environment is of another space.
    """
    wanted = {tenant: list(environments) for tenant, environments in links.items() if environments}
    _refuse_strangers(project, wanted)
    with transaction.atomic():
        project.tenant_links.exclude(tenant__in=list(wanted)).delete()
        for tenant, environments in wanted.items():
            link, _ = TenantLink.objects.get_or_create(project=project, tenant=tenant)
            link.environments.set(environments)
        events.record(
            user=user,
            category="Modified",
            subject=project,
            message=f"Changed the tenants of project {project.name}.",
            space=project.space,
            details={tenant.name: [one.name for one in chosen] for tenant, chosen in wanted.items()},
        )


@transaction.atomic
def replace_for_tenant(
    tenant: Tenant, *, links: Mapping[Project, Sequence[Environment]], user: User | None
) -> None:
    """Connects the tenant to exactly these projects in these environments; one without any is left out.

    Raises ValueError where a project or an environment is of another space.
    """
    wanted = {project: list(environments) for project, environments in links.items() if environments}
    things = [*wanted, *(one for chosen in wanted.values() for one in chosen)]
    if any(thing.space_id != tenant.space_id for thing in things):
        raise ValueError("A project or an environment is of another space.")
    TenantLink.objects.filter(tenant=tenant).exclude(project__in=list(wanted)).delete()
    for project, environments in wanted.items():
        link, _ = TenantLink.objects.get_or_create(project=project, tenant=tenant)
        link.environments.set(environments)
    events.record(
        user=user,
        category="Modified",
        subject=tenant,
        message=f"Changed the projects of tenant {tenant.name}.",
        space=tenant.space,
        details={project.name: [one.name for one in chosen] for project, chosen in wanted.items()},
    )


def _refuse_strangers(project: Project, links: Mapping[Tenant, Sequence[Environment]]) -> None:
    things = [*links, *(one for chosen in links.values() for one in chosen)]
    if any(thing.space_id != project.space_id for thing in things):
        raise ValueError("A tenant or an environment is of another space.")
