"""The only writer of variables. A set is saved as a whole, under its version."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from accounts.permissions import Permission, require
from accounts.services import events
from domain.codec import check_schema, decode
from domain.prompts import Prompt
from domain.scopes import Scope
from domain.variables import REFERENCES, Candidate, Source, VariableType
from pools.models import WorkerPool
from spaces.models import Space
from variables import merging, owners, references, selectors
from variables.models import (
    LibraryVariableSet,
    OwnerKind,
    ScopeValue,
    Variable,
    VariableSet,
    VariableSetRevision,
)
from variables.services import credentials
from variables.services.prompts import prompt_json
from variables.services.rows import Row, RowProblem, RowsRefused, ScopeRefused, TiedValues, check
from variables.services.sealing import seal

__all__ = [
    "Row",
    "RowProblem",
    "RowsRefused",
    "ScopeRefused",
    "StaleVariables",
    "TiedValues",
    "candidates",
    "delete",
    "freeze",
    "get_or_create",
    "save",
]

SCHEMA = 1
KEPT_REVISIONS = 20
"""Saves of which the whole content is kept; of those before only who, when and what changed."""


class StaleVariables(Exception):
    """Somebody saved the set since it was loaded; `current` is the set as it is now."""

    def __init__(self, current: VariableSet) -> None:
        super().__init__("These variables were saved by somebody else.")
        self.current = current


@dataclass
class _Changes:
    """Names by what happened to a value of theirs, for the audit. Values never get there."""

    added: list[str]
    changed: list[str]
    removed: list[str]

    def sentence(self, label: str) -> str:
        parts = [
            f"{word} {', '.join(sorted(set(names)))}"
            for word, names in (("added", self.added), ("changed", self.changed), ("removed", self.removed))
            if names
        ]
        return f"Changed the variables of {label}: {'; '.join(parts) or 'nothing'}."


def get_or_create(*, owner_kind: str, owner_id: int, space: Space) -> VariableSet:
    """The set of an owner, empty at first."""
    variable_set, created = VariableSet.objects.get_or_create(
        owner_kind=owner_kind, owner_id=owner_id, defaults={"space": space}
    )
    if created:
        _keep_revision(variable_set)
    return variable_set


def delete(*, owner_kind: str, owner_id: int) -> None:
    """Called by the service that deletes the owner; nothing else would find the set again."""
    VariableSet.objects.filter(owner_kind=owner_kind, owner_id=owner_id).delete()


@transaction.atomic
def save(
    *, variable_set: VariableSet, version: int, rows: Sequence[Row], user: User | None = None
) -> VariableSet:
    """Make the set hold these rows and no others, in this order.

    `user` is None for the system itself. Raises StaleVariables, RowsRefused (ScopeRefused for a scope),
    TiedValues, or NotAllowed where a value picks a pool that the user may not use.
    """
    _claim(variable_set, version=version, user=user)
    before = freeze(variable_set)
    stored = {one.pk: one for one in variable_set.variables.prefetch_related("scope_values")}
    check(variable_set, rows, stored)
    _check_rights(rows, stored, variable_set=variable_set, user=user)
    changes = _write(variable_set, rows, stored, user=user)
    variable_set.refresh_from_db()
    _keep_revision(variable_set, before)
    label = owners.resolve([(variable_set.owner_kind, variable_set.owner_id)])
    owner = label.get((variable_set.owner_kind, variable_set.owner_id))
    events.record(
        user=user,
        category="Modified",
        subject=variable_set,
        space=variable_set.space,
        message=changes.sentence(owner.label if owner else str(variable_set)),
        details={"added": changes.added, "changed": changes.changed, "removed": changes.removed},
    )
    return variable_set


def freeze(variable_set: VariableSet, *, included: Collection[LibraryVariableSet] = ()) -> dict[str, Any]:
    """The set as a snapshot keeps it, with the library sets that it includes; secrets stay sealed.
    `candidates` reads it."""
    own = list(variable_set.variables.prefetch_related("scope_values"))
    shared = list(_of_library(included)) if included else []
    variables = [*own, *(one for _, one in shared)]
    names = references.labels((one.type, one.value) for one in variables if one.type in REFERENCES)
    return {
        "schema": SCHEMA,
        "variables": [
            *(_frozen(one, names) for one in own),
            *({**_frozen(one, names), "library": name} for name, one in shared),
        ],
    }


def _of_library(included: Collection[LibraryVariableSet]) -> Iterator[tuple[str, Variable]]:
    """Each set's name with a value of it, set by set."""
    names = {one.pk: one.name for one in included}
    rows = Variable.objects.filter(
        variable_set__owner_kind=OwnerKind.LIBRARY, variable_set__owner_id__in=names
    )
    ordered = rows.order_by("variable_set__owner_id", "position", "id").select_related("variable_set")
    for one in ordered.prefetch_related("scope_values"):
        yield names[one.variable_set.owner_id], one


def of_library(included: Collection[LibraryVariableSet]) -> list[Candidate]:
    """The values of library sets as they are now, without the names of what they stand for."""
    rows = [{**_frozen(one, {}), "library": name} for name, one in _of_library(included)]
    return candidates({"schema": SCHEMA, "variables": rows})


def candidates(frozen: Mapping[str, Any]) -> list[Candidate]:
    """The values of a frozen set, for `domain.variables`. Raises codec.UnsupportedSchema."""
    check_schema(frozen, supported=SCHEMA)
    return [
        Candidate(
            id=one["id"],
            name=one["name"],
            type=VariableType(one["type"]),
            value=one["value"],
            scope=Scope.from_json(one["scope"]),
            label=one["label"],
            source=Source.LIBRARY if one.get("library") else Source.PROJECT,
            library=one.get("library", ""),
            prompt=decode(Prompt, one["prompt"]) if one.get("prompt") else None,
        )
        for one in frozen["variables"]
    ]


def _frozen(variable: Variable, names: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    prompt = {"prompt": variable.prompt} if variable.prompt else {}
    return {
        "id": str(variable.pk),
        "name": variable.name,
        "type": variable.type,
        "value": variable.value,
        "scope": selectors.scope_of(variable).to_json(),
        "label": names.get((variable.type, variable.value), ""),
        "description": variable.description,
        **prompt,
    }


def _claim(variable_set: VariableSet, *, version: int, user: User | None) -> None:
    """Take the next version, or raise StaleVariables. Holds the row until the end of the transaction."""
    username = user.username if user else ""
    fresh = VariableSet.objects.filter(pk=variable_set.pk, version=version)
    taken = fresh.update(version=F("version") + 1, updated_at=timezone.now(), updated_by=username)
    if not taken:
        variable_set.refresh_from_db()
        raise StaleVariables(variable_set)


def _check_rights(
    rows: Sequence[Row], stored: Mapping[int, Variable], *, variable_set: VariableSet, user: User | None
) -> None:
    """Whoever makes a variable pick a pool, an account or a certificate needs the right to use that."""
    if user is None:
        return
    picked: dict[VariableType, set[str]] = {}
    for row in rows:
        if row.type in REFERENCES and row.value and _is_new_value(row, stored.get(row.id or 0)):
            picked.setdefault(row.type, set()).add(row.value)
    pools = picked.pop(VariableType.WORKER_POOL, set())
    for pool in WorkerPool.objects.in_space(variable_set.space).filter(pk__in=pools):
        require(user, Permission.USE_POOL, pool)
    credentials.refuse_strangers(user, variable_set.space, picked)


def _is_new_value(row: Row, variable: Variable | None) -> bool:
    if variable is None:
        return True
    return variable.value != row.value or selectors.scope_of(variable) != row.scope


def _write(
    variable_set: VariableSet, rows: Sequence[Row], stored: Mapping[int, Variable], *, user: User | None
) -> _Changes:
    kept = {row.id for row in rows if row.id is not None}
    changes = _Changes([], [], [one.name for pk, one in stored.items() if pk not in kept])
    Variable.objects.filter(pk__in=set(stored) - kept).delete()
    for position, row in enumerate(rows):
        variable = stored.get(row.id or 0)
        if variable is None:
            changes.added.append(row.name)
            _store(Variable(variable_set=variable_set), row, position=position, user=user)
        elif _differs(variable, row):
            changes.changed.append(row.name)
            _store(variable, row, position=position, user=user)
        elif variable.position != position:
            Variable.objects.filter(pk=variable.pk).update(position=position)
    return changes


def _differs(variable: Variable, row: Row) -> bool:
    """A secret that is typed anew counts as changed, whether or not it is the same text."""
    same = (
        variable.name == row.name
        and variable.type == row.type
        and variable.description == row.description
        and variable.prompt == prompt_json(row.prompt)
        and row.value in (None if row.type is VariableType.SENSITIVE else variable.value,)
        and selectors.scope_of(variable) == row.scope
    )
    return not same


def _store(variable: Variable, row: Row, *, position: int, user: User | None) -> None:
    variable.name, variable.type = row.name, row.type
    variable.description, variable.position = row.description, position
    variable.prompt = prompt_json(row.prompt)
    variable.updated_by = user.username if user else ""
    if row.value is not None:
        variable.value = _at_rest(row, variable.variable_set_id)
    variable.save()
    variable.scope_values.all().delete()
    ScopeValue.objects.bulk_create(
        ScopeValue(variable=variable, kind=kind, value=one)
        for kind, ids in row.scope.items()
        for one in sorted(ids)
    )


def _at_rest(row: Row, variable_set_id: int) -> str:
    """Sealed where it is a secret; nothing stays nothing, which a prompt without a default has."""
    value = row.value or ""
    is_secret = row.type is VariableType.SENSITIVE and (value or row.prompt is None)
    return seal(value, context=f"set-{variable_set_id}") if is_secret else value


def _keep_revision(variable_set: VariableSet, before: Mapping[str, Any] | None = None) -> None:
    content = freeze(variable_set)
    # What scopes are called costs a query for each kind.
    has_changed = before is not None and content != before
    names = selectors.scope_names(selectors.scope_options(variable_set)) if has_changed else {}
    VariableSetRevision.objects.create(
        variable_set=variable_set,
        version=variable_set.version,
        content=content,
        saved_at=variable_set.updated_at,
        saved_by=variable_set.updated_by,
        changes=[asdict(one) for one in merging.compare(before, content, names=names)] if before else [],
    )
    oldest = variable_set.version - KEPT_REVISIONS
    old = VariableSetRevision.objects.filter(variable_set=variable_set, version__lte=oldest)
    old.exclude(content=None).update(content=None)
