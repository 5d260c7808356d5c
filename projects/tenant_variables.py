"""Everything that a tenant is asked for: by the projects it is connected to and the library sets of those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch

from domain.prompts import Control, Option
from domain.tenant_values import Template
from domain.variables import VariableType
from environments.models import Environment
from pools.models import WorkerPool
from projects.models import Project, TenantLink
from tenants.models import Tenant
from variables.models import LibraryVariableSet, OwnerKind, TenantValue, VariableTemplate
from variables.services.templates import as_template


@dataclass
class Cell:
    """One value to give. `value` is in the clear, "" for a secret; `error` is what stands against what was
    sent instead."""

    row: VariableTemplate
    template: Template
    environment: Environment | None
    stored: TenantValue | None
    options: Sequence[Option] = ()
    value: str = ""
    error: str = ""

    @property
    def key(self) -> str:
        """Stable, for names of inputs and ids of elements."""
        return f"{self.row.pk}-{self.environment.pk}" if self.environment else str(self.row.pk)

    @property
    def is_secret(self) -> bool:
        return self.template.type is VariableType.SENSITIVE

    @property
    def is_missing(self) -> bool:
        return self.stored is None and not self.template.stand_in

    @property
    def default(self) -> str:
        """What a page may show of it; for a worker pool its name."""
        if self.is_secret:
            return "hidden" if self.template.default else ""
        labels = {one.value: one.label for one in self.options}
        return labels.get(self.template.stand_in, self.template.stand_in)

    @property
    def label(self) -> str:
        """For an element that names what it is for."""
        return (
            f"{self.template.label} in {self.environment.name}" if self.environment else self.template.label
        )


@dataclass(frozen=True)
class Common:
    """What a library set asks for, and the projects through which."""

    library_set: LibraryVariableSet
    projects: tuple[str, ...]
    cells: list[Cell]


@dataclass(frozen=True)
class OfProject:
    """What a project asks for: a line for each template, with a cell for each environment."""

    project: Project
    environments: list[Environment]
    lines: list[tuple[Template, list[Cell]]]


@dataclass(frozen=True)
class Sheet:
    """`is_connected`: whether the tenant has any project."""

    common: list[Common]
    projects: list[OfProject]
    is_connected: bool

    def cells(self) -> Iterator[Cell]:
        for one in self.common:
            yield from one.cells
        for project in self.projects:
            for _, cells in project.lines:
                yield from cells

    @property
    def missing(self) -> list[Cell]:
        return [cell for cell in self.cells() if cell.is_missing]


def sheet(tenant: Tenant, *, viewer: Any) -> Sheet:
    """What the viewer may see of it, in a handful of queries however many projects there are."""
    return sheets([tenant], viewer=viewer)[tenant.pk]


def sheets(tenants: Sequence[Tenant], *, viewer: Any) -> dict[int, Sheet]:
    """By the tenant's key; all of one space."""
    ids = [tenant.pk for tenant in tenants]
    seen = Project.objects.visible_to(viewer).prefetch_related(
        Prefetch("library_sets", LibraryVariableSet.objects.order_by("name"))
    )
    found = (
        TenantLink.objects.filter(tenant__in=ids, project__in=seen)
        .prefetch_related(Prefetch("project", seen), "environments")
        .order_by("project__name")
    )
    links = list(found)
    rows = _templates(links)
    values = {
        (one.tenant_id, one.template_id, one.environment_id): one
        for one in TenantValue.objects.filter(tenant__in=ids, template__in=_all(rows))
    }
    pools = _pools(tenants, rows)
    return {
        tenant.pk: _sheet(tenant, [one for one in links if one.tenant_id == tenant.pk], rows, values, pools)
        for tenant in tenants
    }


_Rows = Mapping[tuple[str, int], list[VariableTemplate]]
_Values = Mapping[tuple[int, int, int | None], TenantValue]


def _templates(links: Sequence[TenantLink]) -> _Rows:
    projects = {link.project_id for link in links}
    libraries = {one.pk for link in links for one in link.project.library_sets.all()}
    found: dict[tuple[str, int], list[VariableTemplate]] = {}
    for kind, ids in ((OwnerKind.PROJECT, projects), (OwnerKind.LIBRARY, libraries)):
        rows = VariableTemplate.objects.filter(variable_set__owner_kind=kind, variable_set__owner_id__in=ids)
        for row in rows.select_related("variable_set"):
            found.setdefault((kind, row.variable_set.owner_id), []).append(row)
    return found


def _all(rows: _Rows) -> list[int]:
    return [row.pk for some in rows.values() for row in some]


def _pools(tenants: Sequence[Tenant], rows: _Rows) -> list[Option]:
    asks = any(row.control == Control.WORKER_POOL for some in rows.values() for row in some)
    if not asks or not tenants:
        return []
    pools = WorkerPool.objects.filter(space=tenants[0].space_id)
    return [Option(str(pk), name) for pk, name in pools.values_list("pk", "name")]


def _sheet(
    tenant: Tenant, links: Sequence[TenantLink], rows: _Rows, values: _Values, pools: Sequence[Option]
) -> Sheet:
    def cell(row: VariableTemplate, environment: Environment | None, library: str) -> Cell:
        stored = values.get((tenant.pk, row.pk, environment.pk if environment else None))
        template = as_template(row, library=library)
        made = Cell(row, template, environment, stored, _options(template, pools))
        made.value = "" if made.is_secret or stored is None else stored.value
        return made

    included: dict[int, tuple[LibraryVariableSet, list[str]]] = {}
    for link in links:
        for one in link.project.library_sets.all():
            included.setdefault(one.pk, (one, []))[1].append(link.project.name)
    common = [
        Common(found, tuple(names), [cell(row, None, found.name) for row in rows[OwnerKind.LIBRARY, pk]])
        for pk, (found, names) in included.items()
        if (OwnerKind.LIBRARY, pk) in rows
    ]
    projects = [
        OfProject(
            link.project,
            list(link.environments.all()),
            [
                (as_template(row), [cell(row, environment, "") for environment in link.environments.all()])
                for row in rows[OwnerKind.PROJECT, link.project_id]
            ],
        )
        for link in links
        if (OwnerKind.PROJECT, link.project_id) in rows
    ]
    return Sheet(common, projects, is_connected=bool(links))


def _options(template: Template, pools: Sequence[Option]) -> Sequence[Option]:
    if template.type is VariableType.WORKER_POOL:
        return pools
    if template.ask.control is Control.CHECKBOX:
        return (Option("True", "True"), Option("False", "False"))
    return template.ask.choices({})
