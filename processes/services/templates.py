"""The only writer of step templates, and of the steps that are brought to another version of theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.services import events
from common.usage import refuse_if_used
from domain import step_templates
from domain.ids import IdKind, encode
from domain.processes import Syntax
from domain.step_templates import SYNTAX, BadTemplate, Template
from processes.action_types import by_key
from processes.models import Action, ActionTemplate, ActionTemplateVersion, Step
from processes.services import processes
from processes.services.steps import fields_of
from spaces.models import Space


class TemplateNameTaken(Exception):
    """Another template of the space has this name, ignoring case."""


class StaleTemplate(Exception):
    """Somebody saved the template since it was read."""


@dataclass(frozen=True)
class Imported:
    """What became of one template of a file. `problem` says why it was not imported; `notes` what of it does
    not do here what it did there."""

    name: str
    template: ActionTemplate | None = None
    version: int = 0
    is_unchanged: bool = False
    problem: str = ""
    notes: Sequence[str] = ()


def import_all(*, space: Space, text: str, user: User | None) -> list[Imported]:
    """Each template of a text in the form in which people share them. One whose name the space has becomes
    its next version. Raises `BadTemplate` for a text that holds none at all."""
    return [_imported(space, found, user) for found in step_templates.read_all(text)]


def _imported(space: Space, found: Template | BadTemplate, user: User | None) -> Imported:
    if isinstance(found, BadTemplate):
        return Imported("", problem=str(found))
    if problem := cannot_run(found):
        return Imported(found.name, problem=problem, notes=found.notes)
    known = ActionTemplate.objects.in_space(space).filter(name__iexact=found.name).first()
    if known is None:
        made = create(space=space, content=found, user=user)
        return Imported(found.name, made, made.version, notes=found.notes)
    if _is_same(content_of(known), found):
        return Imported(found.name, known, known.version, is_unchanged=True, notes=found.notes)
    saved = save(known, content=found, version=known.version, user=user)
    return Imported(found.name, saved, saved.version, notes=found.notes)


def _is_same(one: Template, other: Template) -> bool:
    return replace(one, version=1, notes=(), shared_id="") == replace(
        other, version=1, notes=(), shared_id=""
    )


def cannot_run(content: Template) -> str:
    """Why no step made from a template could run here; empty where it could."""
    if by_key(content.action_type) is None:
        return f"This server has no steps of the type {content.action_type}."
    syntax = content.properties.get(SYNTAX)
    if syntax and syntax not in tuple(Syntax):
        return f"This server cannot run scripts in {syntax}."
    return ""


def create(*, space: Space, content: Template, user: User | None) -> ActionTemplate:
    """Raises `TemplateNameTaken`."""
    with transaction.atomic():
        template = ActionTemplate(space=space, name=content.name, shared_id=content.shared_id)
        try:
            with transaction.atomic():
                template.save()
        except IntegrityError as error:
            raise TemplateNameTaken from error
        _keep(template, content, user)
        _record(template, user, "Created", f"Created step template {template}.")
    return template


def save(template: ActionTemplate, *, content: Template, version: int, user: User | None) -> ActionTemplate:
    """The next version of a template; `version` is the one that was read. Raises `TemplateNameTaken` or
    `StaleTemplate`."""
    with transaction.atomic():
        rows = ActionTemplate.objects.filter(pk=template.pk, version=version)
        try:
            with transaction.atomic():
                saved = rows.update(name=content.name, version=version + 1)
        except IntegrityError as error:
            raise TemplateNameTaken from error
        if not saved:
            raise StaleTemplate(f"{template} was saved by somebody else.")
        template.refresh_from_db()
        template.save(update_fields=["updated_at"])
        _keep(template, content, user)
        _record(template, user, "Modified", f"Saved version {template.version} of step template {template}.")
    return template


def delete(template: ActionTemplate, *, user: User | None) -> None:
    """Steps keep all that they need to run, but could never be edited again. Raises `InUse`."""
    with transaction.atomic():
        refuse_if_used(template)
        _record(template, user, "Deleted", f"Deleted step template {template}.")
        template.delete()


def content_of(template: ActionTemplate, version: int | None = None) -> Template:
    """A template as it is, or was in a version. Raises `ActionTemplateVersion.DoesNotExist`."""
    row = template.versions.get(version=version or template.version)
    return content(row)


def content(row: ActionTemplateVersion) -> Template:
    found = step_templates.read(row.content)
    return replace(found, version=row.version, notes=tuple(row.notes))


def _keep(template: ActionTemplate, content: Template, user: User | None) -> None:
    ActionTemplateVersion.objects.create(
        template=template,
        version=template.version,
        content=replace(content, version=template.version).to_json(),
        notes=list(content.notes),
        saved_by=user.username if user else "",
    )


# --- Steps made from it -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Use:
    """A step that was made from a template."""

    action: Action
    version: int


def uses_of(template: ActionTemplate) -> list[Use]:
    """In the order of their processes."""
    rows = Action.objects.filter(
        step__process__space=template.space_id,
        **{f"properties__{step_templates.TEMPLATE_ID}": encode(IdKind.ACTION_TEMPLATE, template.pk)},
    )
    rows = rows.select_related("step__process").order_by("step__process", "step__position")
    return [Use(one, found[1]) for one in rows if (found := step_templates.origin(one.properties))]


def update_steps(
    template: ActionTemplate, steps: Sequence[Step], *, version: int | None = None, user: User | None
) -> int:
    """Brings steps to a version of their template, the newest if none is named: each keeps its values of the
    parameters that are still there, and new ones get their default. How many changed. Raises `StaleProcess`,
    `SaveRefused` or NotAllowed; none has changed then."""
    target = content_of(template, version)
    with transaction.atomic():
        return sum(_update(template, step, target, user) for step in steps)


def _update(template: ActionTemplate, step: Step, target: Template, user: User | None) -> bool:
    process = step.process
    process.refresh_from_db()
    before = fields_of(step)
    found = step_templates.origin(before.properties)
    if found is None or found[0] != template.pk or found[1] == target.version:
        return False
    properties = renewed(template, before.properties, target)
    fields = replace(before, properties=properties, action_type=target.action_type)
    processes.edit_step(step=step, version=process.version, fields=fields, user=user)
    return True


def renewed(template: ActionTemplate, properties: Mapping[str, str], target: Template) -> dict[str, str]:
    """The settings of a step after it is brought to a version of its template."""
    found = step_templates.origin(properties)
    rows = template.versions.filter(version=found[1] if found else 0)
    before = [content(row) for row in rows]
    own = step_templates.own_settings(properties, before[0].properties if before else ())
    given = step_templates.parameter_values(properties)
    values = {one.name: given.get(one.name, one.default) for one in target.parameters}
    settings = step_templates.settings_of(
        id=template.pk, version=target.version, properties=target.properties, values=values
    )
    return {**own, **settings}


def _record(template: ActionTemplate, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=template, space=template.space, message=message)
