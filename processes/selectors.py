"""Step templates as pages and forms need them."""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet

from domain import step_templates
from processes.action_types import ActionType, by_key
from processes.action_types.template import SLUG, type_of
from processes.models import ActionTemplate, ActionTemplateVersion
from processes.services.steps import StepFields
from processes.services.templates import content
from spaces.models import Space


def templates(user: Any, space: Space) -> QuerySet[ActionTemplate]:
    return ActionTemplate.objects.visible_to(user).in_space(space)


def newest(user: Any, space: Space) -> QuerySet[ActionTemplateVersion]:
    """The newest version of each template, by name."""
    rows = ActionTemplateVersion.objects.filter(
        template__in=templates(user, space), version=F("template__version")
    )
    return rows.select_related("template").order_by("template__name")


def template_types(user: Any, space: Space) -> list[ActionType]:
    """What steps can be made of by a template of the space."""
    found = []
    for row in newest(user, space):
        made = content(row)
        base = by_key(made.action_type)
        if base is not None:
            found.append(type_of(row.template, made, base))
    return found


def by_template_slug(user: Any, space: Space, slug: str) -> ActionType | None:
    """For an address such as template-12."""
    number = slug.removeprefix(SLUG)
    if number == slug or not (number.isascii() and number.isdigit() and len(number) < 10):
        return None
    row = newest(user, space).filter(template=int(number)).first()
    return _type(row)


def type_of_step(fields: StepFields, space: Space) -> ActionType | None:
    """The type by which a step is edited: that of its template's version, or else of its action."""
    found = step_templates.origin(fields.properties)
    if found is not None:
        rows = ActionTemplateVersion.objects.filter(
            template=found[0], version=found[1], template__space=space
        )
        if made := _type(rows.select_related("template").first()):
            return made
    return by_key(fields.action_type)


def _type(row: ActionTemplateVersion | None) -> ActionType | None:
    if row is None:
        return None
    made = content(row)
    base = by_key(made.action_type)
    return type_of(row.template, made, base) if base else None
