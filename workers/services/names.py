from __future__ import annotations

from spaces.models import Space
from workers.models import Machine

MAX_NAME = 120


def free_name(space: Space, wanted: str) -> str:
    """The wanted name, with -2, -3, … where another worker of the space has it already."""
    name, number = wanted, 1
    while Machine.objects.in_space(space).filter(name__iexact=name).exists():
        number += 1
        suffix = f"-{number}"
        name = wanted[: MAX_NAME - len(suffix)] + suffix
    return name
