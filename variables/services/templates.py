"""What tenants are asked for: the only writer of the templates of projects and library sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from accounts.models import User
from accounts.permissions import Permission, require
from accounts.services import events
from domain.prompts import Control, Prompt
from domain.tenant_values import Template, objection, template_objection, type_of
from domain.variables import VariableType, name_key
from pools.models import WorkerPool
from variables import owners
from variables.models import LibraryVariableSet, OwnerKind, VariableSet, VariableTemplate
from variables.services.sealing import seal


class TemplateRefused(ValueError):
    """A template that cannot be kept; `field` is name, options, default or control."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@transaction.atomic
def save(
    variable_set: VariableSet,
    *,
    template: VariableTemplate | None = None,
    name: str,
    ask: Prompt,
    default: str | None = "",
    user: User | None = None,
) -> VariableTemplate:
    """Make a template, or change one. `default` in the clear; None keeps the stored one.

    Raises TemplateRefused, or NotAllowed for a pool that the user may not use.
    """
    name = name.strip()
    wanted = Template("", name, replace(ask, required=True))
    _check(variable_set, wanted, template, default, user)
    row = template or VariableTemplate(variable_set=variable_set)
    row.name, row.label, row.help = name, ask.label, ask.help
    row.control, row.options = ask.control, ask.options
    row.save()
    if default is not None:
        row.default = at_rest(wanted.type, default, row)
        row.save(update_fields=["default"])
    verb = "Changed" if template else "Added"
    _record(variable_set, f"{verb} the template {name} for tenants of", user)
    return row


@dataclass(frozen=True)
class Wanted:
    """A template as it is to be; `id` is the stored one that it replaces, `default` as `save` has it."""

    name: str
    ask: Prompt
    default: str | None = ""
    id: int | None = None


@transaction.atomic
def replace_all(variable_set: VariableSet, wanted: Sequence[Wanted], *, user: User | None) -> None:
    """Make the set have these templates and no others; one without an id is found again by its name.
    Raises as `save` does."""
    stored = {row.pk: row for row in variable_set.templates.all()}
    by_name = {name_key(row.name): row for row in stored.values()}
    rows = [(one, stored.get(one.id or 0) or by_name.get(name_key(one.name))) for one in wanted]
    kept = {row.pk for _, row in rows if row is not None}
    for gone in stored.values():
        if gone.pk not in kept:
            delete(gone, user=user)
    for one, row in rows:
        if row is None or not _is_same(one, row):
            save(variable_set, template=row, name=one.name, ask=one.ask, default=one.default, user=user)


def _is_same(wanted: Wanted, row: VariableTemplate) -> bool:
    ask = wanted.ask
    texts = (row.name, row.label, row.help, row.control, row.options)
    is_secret = row.control == Control.SENSITIVE
    keeps = wanted.default is None or (not is_secret and wanted.default == row.default)
    return keeps and texts == (wanted.name, ask.label, ask.help, ask.control, ask.options)


@transaction.atomic
def delete(template: VariableTemplate, *, user: User | None) -> None:
    """With all values that tenants have given for it."""
    _record(template.variable_set, f"Deleted the template {template.name} for tenants of", user)
    template.delete()


def at_rest(type: VariableType, value: str, template: VariableTemplate) -> str:
    """Sealed where it is a secret; nothing stays nothing."""
    is_secret = type is VariableType.SENSITIVE and value
    return seal(value, context=f"template-{template.pk}") if is_secret else value


def as_template(row: VariableTemplate, *, library: str = "") -> Template:
    """For `domain.tenant_values`; `library` is the name of the set that it stands in."""
    ask = Prompt(row.label, row.help, required=True, control=Control(row.control), options=row.options)
    return Template(str(row.pk), row.name, ask, default=row.default, library=library)


def of_set(variable_set: VariableSet) -> list[Template]:
    """The templates of one set."""
    library = ""
    if variable_set.owner_kind == OwnerKind.LIBRARY:
        library = LibraryVariableSet.objects.values_list("name", flat=True).get(pk=variable_set.owner_id)
    return [as_template(row, library=library) for row in variable_set.templates.all()]


def _check(
    variable_set: VariableSet,
    wanted: Template,
    stored: VariableTemplate | None,
    default: str | None,
    user: User | None,
) -> None:
    if found := template_objection(wanted):
        raise TemplateRefused(*found)
    others = variable_set.templates.filter(name__iexact=wanted.name)
    if (others.exclude(pk=stored.pk) if stored else others).exists():
        raise TemplateRefused("name", "There is a template of this name.")
    if stored and type_of(Control(stored.control)) is not wanted.type and stored.values.exists():
        raise TemplateRefused(
            "control",
            "Tenants have values of this template that would not fit. Delete it and make another one.",
        )
    pools = refuse_strange_pool(variable_set, wanted, default, user)
    if reason := objection(wanted, default or "", pools=pools):
        raise TemplateRefused("default", reason)


def refuse_strange_pool(
    variable_set: VariableSet, template: Template, value: str | None, user: User | None
) -> set[str]:
    """The pools that a value can name. Raises NotAllowed for one that the user may not use."""
    if template.type is not VariableType.WORKER_POOL or not value:
        return set()
    found = {str(one.pk): one for one in WorkerPool.objects.in_space(variable_set.space)}
    if value in found and user is not None:
        require(user, Permission.USE_POOL, found[value])
    return set(found)


def _record(variable_set: VariableSet, what: str, user: User | None) -> None:
    key = (variable_set.owner_kind, variable_set.owner_id)
    owner = owners.resolve([key]).get(key)
    events.record(
        user=user,
        category="Modified",
        subject=variable_set,
        message=f"{what} {owner.label if owner else variable_set}.",
        space=variable_set.space,
    )
