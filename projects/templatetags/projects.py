"""Pieces that the pages of a project share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.template.context import RequestContext

from accounts.permissions import Permission, can
from projects import parts
from projects.models import Project

register = template.Library()


@dataclass(frozen=True)
class TabLink:
    label: str
    url: str
    count: int | None
    is_active: bool


@register.simple_tag
def project_tabs(project: Project, active: str = "") -> list[TabLink]:
    """The tabs of a project, with `active` the key of the page that is shown."""
    return [
        TabLink(
            label=tab.label,
            url=tab.url(project),
            count=tab.count(project) if tab.count else None,
            is_active=tab.key == active,
        )
        for tab in parts.tabs()
    ]


@register.simple_tag(takes_context=True)
def may(context: RequestContext, permission: str, obj: Any = None) -> bool:
    """Whether the signed-in user has the permission of that name, such as "EDIT_PROJECT"."""
    return can(context["request"].user, Permission[permission], obj)
