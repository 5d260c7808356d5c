from __future__ import annotations

from django.db import transaction

from accounts.models import User
from accounts.services import events
from packages.models import Feed, FeedType
from spaces.models import Space

BUILT_IN = "Built-in feed"


def built_in(space: Space) -> Feed:
    """The space's own feed, made where it is missing."""
    feed: Feed
    feed, _ = Feed.objects.get_or_create(
        space=space,
        feed_type=FeedType.BUILT_IN,
        defaults={"name": BUILT_IN, "slug": "built-in", "description": "Packages that were pushed here."},
    )
    return feed


@transaction.atomic
def keep_for(feed: Feed, *, days: int | None, user: User | None) -> Feed:
    """How long a package is kept that no release and no snapshot needs; None: for ever."""
    feed.keep_days = days
    feed.save(update_fields=["keep_days", "updated_at"])
    kept = "for ever" if days is None else f"for {days} days"
    message = f"Packages that nothing needs are kept {kept}."
    events.record(user=user, category="Modified", subject=feed, message=message, space=feed.space)
    return feed
