"""Rotates the master key: everything that is sealed, wherever it is stored, is sealed anew.

`keys.json` has both keys from before the first value changes until after the last one has, and each batch is
a transaction: a rotation that was broken off, at whatever moment, is taken up by the next call.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.db.models import Q, TextField
from django.db.models.functions import Cast

from octoworkers.conf import KEY_BYTES, Keys, load_keys, save_keys
from variables.models import Type, Variable
from variables.services import sealing

BATCH = 200
#: The shortest text that a sealed value can be: header, nonce and tag.
_SHORTEST = 60
_SEALED = re.compile(rf"{sealing.VERSION}:[0-9a-f]{{8}}:[^:]*:[A-Za-z0-9_=-]+")

Seen = Callable[[str, int], None]


@dataclass
class Resealed:
    """How many values were sealed anew, and where values are that cannot be read (with any known key)."""

    values: int = 0
    unreadable: list[str] = field(default_factory=list)


def prepare(path: Path) -> bool:
    """Make the next key, which is only read with until `begin`. False where it is there already."""
    keys = load_keys(path)
    if keys.next_master_key or keys.former_master_keys:
        return False
    save_keys(path, replace(keys, next_master_key=secrets.token_bytes(KEY_BYTES), first_mark=keys.mark))
    return True


def begin(path: Path) -> bool:
    """Make the next key the one to seal with; the former one stays. False where a rotation is under way."""
    keys = load_keys(path)
    if keys.former_master_keys:
        return False
    save_keys(path, _begun(keys))
    return True


def _begun(keys: Keys) -> Keys:
    return replace(
        keys,
        master_key=keys.next_master_key or secrets.token_bytes(KEY_BYTES),
        former_master_keys=(keys.master_key,),
        next_master_key=None,
        rotated_at=time.time(),
        first_mark=keys.mark,
    )


def end(path: Path) -> None:
    """Forget the former key. Only once nothing is sealed with it."""
    save_keys(path, replace(load_keys(path), former_master_keys=()))


def reseal_all(seen: Seen = lambda label, values: None) -> Resealed:
    """Seal everything anew that is not under the current key. `seen` hears of each kind of row."""
    found = Resealed()
    for model, column in columns():
        before = found.values
        for rows in _batches(model, column):
            _reseal(model, column, rows, found)
        if found.values > before:
            seen(str(model._meta.verbose_name_plural), found.values - before)
    return found


def unreadable() -> str:
    """A sentence where stored variables are sealed under a key that is not here; empty where all is well.
    One look, as servers ask when they start."""
    rows = Variable.objects.filter(type=Type.SENSITIVE, value__startswith=f"{sealing.VERSION}:")
    for id in sealing.known_key_ids():
        rows = rows.exclude(value__startswith=f"{sealing.VERSION}:{id}:")
    first = rows.values_list("value", flat=True).first()
    if first is None:
        return ""
    return (
        f"Sensitive values are sealed under the master key {sealing.key_id_of(first)}, and "
        f"{settings.KEYS_FILE} holds {sealing.current_key_id()}: steps that need them will fail. "
        "Restore the keys.json of this database, from a backup or another node, or enter the values anew."
    )


def columns() -> Iterator[tuple[type[models.Model], str]]:
    """Every column of the database that is wide enough for a sealed value."""
    for model in apps.get_models():
        if not model._meta.managed or model._meta.proxy:
            continue
        for column in model._meta.concrete_fields:
            if _is_wide(column) and column.model is model:
                yield model, column.name


def _is_wide(column: models.Field[Any, Any]) -> bool:
    if isinstance(column, models.CharField):
        return (column.max_length or _SHORTEST) >= _SHORTEST
    return isinstance(column, (models.TextField, models.JSONField))


def _holding(model: type[models.Model], column: str, condition: Q) -> Any:
    return model._default_manager.annotate(_text=Cast(column, TextField())).filter(condition).order_by("pk")


def _batches(model: type[models.Model], column: str) -> Iterator[list[Any]]:
    """Keys of rows that hold something under another key than the current one."""
    condition = Q(pk__in=[])
    for id in sealing.known_key_ids() - {sealing.current_key_id()}:
        condition |= Q(_text__contains=f"{sealing.VERSION}:{id}:")
    rows = _holding(model, column, condition)
    last = None
    while True:
        after = rows if last is None else rows.filter(pk__gt=last)
        batch = list(after.values_list("pk", flat=True)[:BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1]


def _reseal(model: type[models.Model], column: str, keys: Iterable[Any], found: Resealed) -> None:
    manager = model._default_manager
    with transaction.atomic():
        rows = manager.select_for_update().filter(pk__in=list(keys)).values_list("pk", column)
        for pk, value in rows:
            anew = _Walk(f"{model._meta.label} {pk}, {column}", found)
            after = anew.of(value)
            if after != value:
                manager.filter(pk=pk).update(**{column: after})


class _Walk:
    """Seals what is in one value anew, down to the texts of JSON."""

    def __init__(self, place: str, found: Resealed) -> None:
        self._place = place
        self._found = found

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.of(one) for one in value]
        if isinstance(value, dict):
            return {name: self.of(one) for name, one in value.items()}
        return value

    def _text(self, text: str) -> str:
        if not _SEALED.fullmatch(text):
            return text
        try:
            anew = sealing.reseal(text)
        except sealing.CannotUnseal:
            self._found.unreadable.append(self._place)
            return text
        self._found.values += anew != text
        return anew


def keys_file() -> Path:
    return Path(settings.KEYS_FILE)
