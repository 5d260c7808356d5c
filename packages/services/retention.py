"""What time takes away: packages that nothing needs any more, and files that no package names."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import Q

from common.usage import InUse
from packages.models import Feed, Package
from packages.services import files, packages

logger = logging.getLogger("octoworkers.packages")

#: A file of this age has its row, unless its push was killed.
_ABANDONED_AFTER = timedelta(days=1)


def apply(*, now: datetime) -> None:
    for feed in Feed.objects.filter(keep_days__isnull=False):
        _expire(feed, now=now)
    known = set(Package.objects.values_list("file", flat=True))
    for key in list(files.abandoned(known, before=now - _ABANDONED_AFTER)):
        logger.info("Removed %s, which no package names.", key)
        files.delete(key)


def _expire(feed: Feed, *, now: datetime) -> None:
    """The newest version of each package stays: the next release would take it."""
    assert feed.keep_days is not None  # noqa: S101  # asked for above
    limit = now - timedelta(days=feed.keep_days)
    unused = Q(used_at__isnull=True) | Q(used_at__lt=limit)
    old = feed.packages.filter(unused, published_at__lt=limit, uses__isnull=True)
    newest = {row.pk for row in feed.packages.newest()}
    for package in old.exclude(pk__in=newest):
        _delete(package)


def _delete(package: Package) -> None:
    try:
        packages.delete(package, user=None)
    except InUse:
        logger.info("%s is needed by now and stays.", package)
