"""Who uses what, asked from below: higher apps register how they use a lower app's model, and the
lower app shows the list and refuses to delete what is in use."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from django.db import models, transaction


@dataclass(frozen=True)
class Use:
    """One use: `kind` such as "Step", `label` for people, `url` of the page that shows it."""

    kind: str
    label: str
    url: str


Provider = Callable[[models.Model], Iterable[Use]]
_providers: dict[type[models.Model], list[Provider]] = defaultdict(list)


class CannotDelete(Exception):
    """Raised by a service that will not delete something; the text says why, to a person."""


class InUse(Exception):
    """Raised by a service that will not delete something; `uses` says why."""

    def __init__(self, subject: models.Model, uses: list[Use]) -> None:
        super().__init__(f"{subject} is in use.")
        self.subject = subject
        self.uses = uses


def register(model: type[models.Model], provider: Provider) -> None:
    """Called in an AppConfig's `ready`."""
    if provider not in _providers[model]:
        _providers[model].append(provider)


def uses_of(subject: models.Model) -> list[Use]:
    return [use for provider in _providers[type(subject)] for use in provider(subject)]


def refuse_if_used(subject: models.Model) -> None:
    """Raises `InUse` where anything uses the subject."""
    uses = uses_of(subject)
    if uses:
        raise InUse(subject, uses)


#: How many rows of a refused deletion are named; there may be thousands of tasks.
NAMED = 50


def delete_unused(subject: models.Model) -> None:
    """Deletes, or raises `InUse`: where a provider names a use, and where a foreign key protects it."""
    refuse_if_used(subject)
    try:
        with transaction.atomic():
            subject.delete()
    except models.ProtectedError as error:
        rows = list(islice(error.protected_objects, NAMED))
        raise InUse(subject, [_protected_use(row) for row in rows]) from error


def _protected_use(row: models.Model) -> Use:
    kind = str(row._meta.verbose_name or "").capitalize()
    return Use(kind=kind, label=str(row), url="")
