"""Where each log that is being written ends, kept in memory so that appending reads nothing back.

Only a short cut: a tail that does not fit the attempt's row is rebuilt from the chunks.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING
from uuid import UUID

from protocol.log import Level, Run
from tasks.selectors.log_chunks import stored_runs

if TYPE_CHECKING:
    from hashlib import _Hash

MAX_TAILS = 2000


@dataclass
class LogTail:
    """`next_seq` is the number of the next line, `size` the bytes of content so far."""

    next_seq: int = 0
    size: int = 0
    loudest: Level = Level.VERBOSE
    warned: bool = False
    digest: _Hash = field(default_factory=hashlib.sha256)

    def take(self, runs: Iterable[Run]) -> None:
        for run in runs:
            self.next_seq += run.lines
            self.size += len(run.data)
            self.digest.update(run.data)
            self.loudest = max(self.loudest, run.level)

    def copy(self) -> LogTail:
        return replace(self, digest=self.digest.copy())

    @property
    def receipt(self) -> tuple[int, int, str]:
        """Lines, bytes, sha256 in hex."""
        return self.next_seq, self.size, self.digest.hexdigest()


_tails: OrderedDict[UUID, LogTail] = OrderedDict()
_lock = Lock()


def recall(attempt_id: UUID) -> LogTail | None:
    with _lock:
        return _tails.get(attempt_id)


def remember(attempt_id: UUID, tail: LogTail) -> None:
    with _lock:
        _tails[attempt_id] = tail
        _tails.move_to_end(attempt_id)
        while len(_tails) > MAX_TAILS:
            _tails.popitem(last=False)


def forget(attempt_id: UUID) -> None:
    with _lock:
        _tails.pop(attempt_id, None)


def rebuild(attempt_id: UUID, lines: int) -> LogTail:
    """The tail of a log of so many lines, as the stored chunks say."""
    tail = LogTail()
    if lines:
        for runs in stored_runs(attempt_id):
            tail.take(runs)
    return tail
