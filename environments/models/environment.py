from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from spaces.models import NamedInSpace


class Environment(NamedInSpace):
    """Where work happens: Development, Test, Production. Sorted as work is promoted."""

    sort_order = models.PositiveIntegerField(default=0)
    hue = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(6)],
        help_text="One of the six colours; always shown with the name.",
    )
    guided_failure = models.BooleanField(
        default=False, help_text="Ask a person when a step fails, unless a process says otherwise."
    )

    class Meta(NamedInSpace.Meta):
        ordering = ["sort_order", "name"]
