from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from spaces.models import NamedInSpace


class FeedType(models.TextChoices):
    BUILT_IN = "BuiltIn", "Built-in"


class Feed(NamedInSpace):
    """Where packages come from. Each space has one built-in feed, whose files this server keeps."""

    feed_type = models.CharField(max_length=20, choices=FeedType.choices, default=FeedType.BUILT_IN)
    #: Days that a package is kept which nothing refers to; None keeps all of them for ever.
    keep_days = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])

    class Meta(NamedInSpace.Meta):
        ordering = ["name"]
        constraints = [
            *NamedInSpace.Meta.constraints,
            models.UniqueConstraint(
                fields=["space"], condition=Q(feed_type="BuiltIn"), name="packages_feed_one_built_in"
            ),
        ]
