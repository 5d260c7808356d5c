"""The only writer of lifecycles. Each space has exactly one default lifecycle, which is never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common.slugs import unique_slug
from common.usage import CannotDelete, delete_unused
from domain.lifecycles import PhaseRule
from environments.models import Environment, Lifecycle, Phase
from spaces.models import Space

DEFAULT = "Default Lifecycle"
DEFAULT_DESCRIPTION = "Releases may go to every environment."


class CannotDeleteDefault(CannotDelete):
    pass


@dataclass(frozen=True)
class PhaseFields:
    """`id` is the stored phase that is kept; None, or one of another lifecycle, makes a new one."""

    name: str
    environments: Sequence[Environment]
    minimum: int = 0
    is_optional: bool = False
    id: int | None = None


@transaction.atomic
def create(
    *,
    space: Space,
    name: str,
    description: str = "",
    phases: Sequence[PhaseFields] = (),
    is_default: bool = False,
    user: User | None = None,
) -> Lifecycle:
    """Raises IntegrityError where the name is taken."""
    lifecycle = Lifecycle.objects.create(
        space=space,
        name=name,
        slug=unique_slug(name, Lifecycle.objects.in_space(space), fallback="lifecycle"),
        description=description,
        is_default=is_default,
    )
    _save_phases(lifecycle, phases)
    _record(lifecycle, user=user, category="Created", message=f"Created lifecycle {lifecycle}.")
    return lifecycle


def ensure_default(space: Space) -> Lifecycle:
    found: Lifecycle | None = Lifecycle.objects.in_space(space).filter(is_default=True).first()
    return found or create(space=space, name=DEFAULT, description=DEFAULT_DESCRIPTION, is_default=True)


@transaction.atomic
def edit(
    lifecycle: Lifecycle,
    *,
    name: str,
    description: str,
    phases: Sequence[PhaseFields] | None,
    user: User | None,
) -> Lifecycle:
    """`phases` are all of them in their order; None leaves them as they are."""
    lifecycle.name, lifecycle.description = name, description
    lifecycle.save(update_fields=["name", "description", "updated_at"])
    if phases is not None:
        _save_phases(lifecycle, phases)
    _record(lifecycle, user=user, category="Modified", message=f"Changed lifecycle {lifecycle}.")
    return lifecycle


@transaction.atomic
def delete(lifecycle: Lifecycle, *, user: User | None) -> None:
    """Raises `CannotDeleteDefault`, and `common.usage.InUse` with the projects that follow it."""
    if lifecycle.is_default:
        raise CannotDeleteDefault(f"{lifecycle} is the default lifecycle of its space.")
    _record(lifecycle, user=user, category="Deleted", message=f"Deleted lifecycle {lifecycle}.")
    delete_unused(lifecycle)


def rules_of(lifecycle: Lifecycle) -> list[PhaseRule]:
    """The phases as `domain.lifecycles` sees them."""
    return [
        PhaseRule(
            name=phase.name,
            environments=tuple((one.pk, one.name) for one in phase.environments.all()),
            minimum=phase.minimum,
            is_optional=phase.is_optional,
        )
        for phase in lifecycle.phases.prefetch_related("environments")
    ]


def _save_phases(lifecycle: Lifecycle, rows: Sequence[PhaseFields]) -> None:
    existing = {phase.pk: phase for phase in lifecycle.phases.all()}
    kept = {row.id for row in rows if row.id in existing and row.id is not None}
    lifecycle.phases.exclude(pk__in=kept).delete()
    # Out of the way first, since two phases may swap their places.
    for place, pk in enumerate(sorted(kept)):
        Phase.objects.filter(pk=pk).update(position=1_000_000 + place)
    for position, row in enumerate(rows, start=1):
        phase = existing.pop(row.id or 0, None) or Phase(lifecycle=lifecycle)
        phase.position, phase.name = position, row.name
        phase.minimum, phase.is_optional = row.minimum, row.is_optional
        phase.save()
        phase.environments.set(row.environments)


def _record(lifecycle: Lifecycle, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=lifecycle, message=message, space=lifecycle.space)
