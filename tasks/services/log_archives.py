"""Turns the rows of an ended attempt's log into one object, and takes such objects away again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from common import live, objects
from protocol.log import Chunk
from protocol.log_file import BadLogFile, LogFileWriter, LogIndex, verify
from tasks.models import LIVE, Attempt, LogArchive, LogChunk
from tasks.selectors import nodes
from tasks.selectors.log_chunks import chunk_of
from tasks.services import log_tails

logger = logging.getLogger("octoworkers.logs")

#: An attempt that has just ended is what people look at, and what may be sent again.
SETTLED_AFTER = timedelta(seconds=10)
#: Attempts in one go, and rows in one transaction: others want to write, too.
_AT_ONCE = 50
_ROWS = 400


def archive_due(*, now: datetime) -> int:
    """Archives what has ended; how many. Each for itself: what fails is tried again with the next go."""
    done = 0
    if not (settings.OBJECTS_SHARED or nodes.live(now).count() <= 1):
        # The other nodes could not read what stands on this one's disk.
        return done
    for attempt in _due(now)[:_AT_ONCE]:
        try:
            archive(attempt, now=now)
            done += 1
        except (OSError, BadLogFile):
            logger.exception("The log of attempt %s could not be archived and is tried again.", attempt.pk)
    for attempt_id in _half_removed()[:_AT_ONCE]:
        _remove_rows(attempt_id)
    return done


def _due(now: datetime) -> QuerySet[Attempt]:
    ended = Attempt.objects.exclude(state__in=LIVE).filter(log_lines__gt=0, archive=None)
    return ended.filter(finished_at__lte=now - SETTLED_AFTER).order_by("finished_at")


def _half_removed() -> QuerySet[LogArchive, UUID]:
    """Archived, but the process ended before all rows were gone."""
    rows = LogChunk.objects.filter(attempt=OuterRef("attempt"))
    return LogArchive.objects.filter(Exists(rows)).values_list("attempt_id", flat=True)


def archive(attempt: Attempt, *, now: datetime) -> LogArchive:
    """One object in the storage instead of rows. The rows go only once the object is there and says of every
    line what the rows say. Doing it again, after a kill at any moment, ends the same. Raises OSError,
    `BadLogFile` and what the storage raises."""
    name = object_name(attempt.pk)
    with objects.incoming(name) as file:
        writer = LogFileWriter(file)
        for chunk in _rows(attempt.pk):
            writer.add(chunk)
        index = writer.close(lines=attempt.log_lines)
        size = objects.put(name, file)
    stored = verify(lambda offset, length: objects.read(name, offset, length), size)
    if stored != index:
        raise BadLogFile(f"{name} is not in the storage as it was written.")
    return _replace_rows(attempt, name, size, index, now=now)


def object_name(attempt_id: UUID) -> str:
    return f"logs/{attempt_id.hex[:2]}/{attempt_id}.olog"


def _rows(attempt_id: UUID) -> Iterator[Chunk]:
    after = -1
    while batch := list(
        LogChunk.objects.filter(attempt=attempt_id, first_seq__gt=after).order_by("first_seq")[:8]
    ):
        yield from map(chunk_of, batch)
        after = batch[-1].first_seq


def _replace_rows(attempt: Attempt, name: str, size: int, index: LogIndex, *, now: datetime) -> LogArchive:
    about = {
        "name": name,
        "size": size,
        "lines": index.lines,
        "bytes": index.bytes,
        "sha256": index.sha256,
        "gaps": [list(gap) for gap in index.gaps],
        "archived_at": now,
    }
    archive, _ = LogArchive.objects.get_or_create(attempt=attempt, defaults=about)
    _remove_rows(attempt.pk)
    log_tails.forget(attempt.pk)
    return archive


def _remove_rows(attempt_id: UUID) -> None:
    """From the last one on: readers rely on it that what is left begins at line 0."""
    rows = LogChunk.objects.filter(attempt=attempt_id).order_by("-first_seq")
    while ids := list(rows.values_list("pk", flat=True)[:_ROWS]):
        LogChunk.objects.filter(pk__in=ids).delete()


def remove_log(attempt: Attempt, *, reason: str, now: datetime) -> None:
    """Takes the content of an ended attempt's log away, wherever it is, and keeps the receipt."""
    archive = LogArchive.objects.filter(attempt=attempt).first() or LogArchive(
        attempt=attempt,
        size=0,
        lines=attempt.log_lines,
        bytes=attempt.log_bytes,
        sha256=attempt.log_sha256,
        archived_at=now,
    )
    _remove(archive, reason=reason, now=now)
    _remove_rows(attempt.pk)


@transaction.atomic
def _remove(archive: LogArchive, *, reason: str, now: datetime) -> None:
    """Takes the content away and keeps the receipt. The row first: an object without a row is found by
    nobody, a row without its object would promise what is not there."""
    name = archive.name
    archive.name, archive.removed_at, archive.removed_reason = "", now, reason
    archive.save()
    task = archive.attempt.execution.task
    live.nudge(task.space_id, f"task-{task.pk}", f"log-{task.pk}")
    if name:
        transaction.on_commit(lambda: objects.delete(name))
