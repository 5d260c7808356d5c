"""Logs of ended attempts, each one object in the storage with an index at its end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from threading import Lock
from uuid import UUID

from common import objects
from protocol.log import Chunk
from protocol.log_file import BadLogFile, Block, LogIndex, read_block, read_index
from tasks.models import LogArchive

#: Indexes kept in memory. Most have a few hundred entries.
_INDEXES = 64


class LogGone(Exception):
    """The storage does not have a log that it should have, or it is damaged; the text is for people."""


def chunks(attempt_id: UUID, first: int, end: int) -> Iterator[Chunk]:
    """The chunks that hold any line from `first` below `end`; none without an archive. Raises `LogGone`."""
    for _, read in blocks(attempt_id, first, end):
        yield read()


def blocks(attempt_id: UUID, first: int, end: int) -> Iterator[tuple[Block, Callable[[], Chunk]]]:
    """The same without reading them: each with what reads it."""
    archive = of(attempt_id)
    if archive is None:
        return
    for block in index_of(archive).covering(first, end):
        yield block, partial(_read, archive, block)


def of(attempt_id: UUID) -> LogArchive | None:
    """None while there are rows, and once retention has removed it."""
    return LogArchive.objects.filter(attempt=attempt_id).exclude(name="").first()


_indexes: OrderedDict[str, LogIndex] = OrderedDict()
_lock = Lock()


def index_of(archive: LogArchive) -> LogIndex:
    """Raises `LogGone`."""
    with _lock:
        if archive.name in _indexes:
            _indexes.move_to_end(archive.name)
            return _indexes[archive.name]
    try:
        index = read_index(partial(objects.read, archive.name), archive.size)
    except (BadLogFile, objects.ObjectGone) as error:
        raise LogGone(f"The archived log cannot be read. {error}") from error
    with _lock:
        _indexes[archive.name] = index
        while len(_indexes) > _INDEXES:
            _indexes.popitem(last=False)
    return index


def _read(archive: LogArchive, block: Block) -> Chunk:
    try:
        return read_block(partial(objects.read, archive.name), block)
    except (BadLogFile, objects.ObjectGone) as error:
        raise LogGone(f"The archived log cannot be read. {error}") from error
