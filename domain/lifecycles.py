"""Where a release may go next: the phases of a lifecycle, and what they wait for.

Source: Octopus Deploy's lifecycles. A lifecycle without phases lets a release go anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from domain.labels import counted, listed


@dataclass(frozen=True, slots=True)
class PhaseRule:
    """`environments` by id with their names; `minimum` of them must have the release before the next
    phase is open, 0 means all."""

    name: str
    environments: tuple[tuple[int, str], ...]
    minimum: int = 0
    is_optional: bool = False

    @property
    def ids(self) -> frozenset[int]:
        return frozenset(id for id, _ in self.environments)

    @property
    def needed(self) -> int:
        """How many environments complete the phase."""
        return min(self.minimum or len(self.environments), len(self.environments))

    def is_complete(self, deployed: AbstractSet[int]) -> bool:
        """Whether the release has been in enough of its environments."""
        return self.is_optional or len(self.ids & deployed) >= self.needed


def refusal(
    phases: Sequence[PhaseRule], *, lifecycle: str, environment: int, name: str, deployed: AbstractSet[int]
) -> str | None:
    """Why a release may not go to an environment, or None. `deployed` are those where it succeeded."""
    if not phases:
        return None
    place = next((index for index, phase in enumerate(phases) if environment in phase.ids), None)
    if place is None:
        return f"The lifecycle {lifecycle} has no phase with the environment {name}."
    return next(
        (_waits_for(phase, name, deployed) for phase in phases[:place] if not phase.is_complete(deployed)),
        None,
    )


def _waits_for(phase: PhaseRule, name: str, deployed: AbstractSet[int]) -> str:
    missing = [label for id, label in phase.environments if id not in deployed]
    count = phase.needed - len(phase.ids & deployed)
    what = (
        listed(missing) if count == len(missing) else f"{counted(count, 'more environment')} of {phase.name}"
    )
    return f"{name} comes after the phase {phase.name}: deploy this release to {what} first."
