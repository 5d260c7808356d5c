"""What higher apps add to the page of a tenant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.requests import PageRequest
from tenants.models import Tenant

Section = tuple[str, dict[str, Any]]
"""A template and what it is rendered with."""

SectionOf = Callable[[PageRequest, Tenant], Section]
_sections: list[SectionOf] = []


def register_section(section: SectionOf) -> None:
    """Called in an AppConfig's `ready`."""
    if section not in _sections:
        _sections.append(section)


def sections(request: PageRequest, tenant: Tenant) -> list[Section]:
    return [section(request, tenant) for section in _sections]
