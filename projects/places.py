"""Where a run goes: environments, and for each the tenants that are connected to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.labels import listed
from environments.models import Environment
from projects.models import Project, TenantedMode, TenantLink
from tasks.models import ServerTask
from tasks.subjects import CannotRerun
from tenants.models import Tenant


@dataclass(frozen=True)
class Place:
    """One task's worth of where: an environment, and a tenant or none."""

    environment: Environment
    tenant: Tenant | None = None

    @property
    def label(self) -> str:
        return f"{self.environment.name}, {self.tenant.name}" if self.tenant else self.environment.name

    @property
    def key(self) -> str:
        """Stable within a space, for slot keys and element ids."""
        return f"env:{self.environment.pk}:tenant:{self.tenant.pk if self.tenant else '-'}"


class NoPlace(ValueError):
    """The choice of environments and tenants leads nowhere; the message says why."""


def places_for(
    project: Project, *, environments: Sequence[Environment], tenants: Sequence[Tenant] = ()
) -> list[Place]:
    """One place per environment, or per connected pair of environment and tenant where tenants are chosen.

    Raises `NoPlace` for a choice that the project does not allow, or of which a part would come to nothing.
    """
    if not environments:
        raise NoPlace("Choose at least one environment.")
    if tenants:
        return _tenanted(project, environments, tenants)
    if project.tenanted_mode == TenantedMode.TENANTED:
        raise NoPlace(f"{project.name} runs for tenants only. Choose at least one tenant.")
    return [Place(environment) for environment in environments]


def same_place(project: Project, task: ServerTask) -> Place:
    """Where a task ran, to run there again. Raises `CannotRerun` where that is not possible any more."""
    tenants = [task.tenant] if task.tenant else []
    try:
        return places_for(project, environments=[task.environment], tenants=tenants)[0]
    except NoPlace as error:
        raise CannotRerun(str(error)) from error


def _tenanted(
    project: Project, environments: Sequence[Environment], tenants: Sequence[Tenant]
) -> list[Place]:
    if project.tenanted_mode == TenantedMode.UNTENANTED:
        raise NoPlace(f"{project.name} runs without tenants only.")
    disabled = [tenant.name for tenant in tenants if tenant.is_disabled]
    if disabled:
        raise NoPlace(f"{listed(disabled)} {'is' if len(disabled) == 1 else 'are'} disabled.")
    connected = _connections(project)
    places = [
        Place(environment, tenant)
        for environment in environments
        for tenant in tenants
        if (tenant.pk, environment.pk) in connected
    ]
    _refuse_unconnected(places, environments, tenants)
    return places


def _connections(project: Project) -> set[tuple[int, int]]:
    rows = TenantLink.objects.filter(project=project).values_list("tenant_id", "environments")
    return {(tenant, environment) for tenant, environment in rows if environment is not None}


def _refuse_unconnected(
    places: Sequence[Place], environments: Iterable[Environment], tenants: Iterable[Tenant]
) -> None:
    for tenant in tenants:
        if all(place.tenant != tenant for place in places):
            raise NoPlace(f"{tenant.name} is not connected to any environment that is chosen here.")
    for environment in environments:
        if all(place.environment != environment for place in places):
            raise NoPlace(f"No tenant that is chosen here is connected to {environment.name}.")
