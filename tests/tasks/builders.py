"""Logs for tests, packed as an agent packs them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from django.test import Client
from django.urls import reverse

from protocol.log import Chunk, Level, Run, Stream, pack
from tasks.models import Attempt
from tasks.services import logs

TIME = 1_700_000_000_000


def run(
    data: bytes, *, level: Level = Level.INFO, stream: Stream = Stream.STDOUT, continues: bool = False
) -> Run:
    return Run(TIME, stream, level, data, continues)


def chunks_of(*groups: Iterable[Run], first_seq: int = 0) -> list[Chunk]:
    """One chunk for each group of runs, numbered on from `first_seq`."""
    chunks = []
    for runs in groups:
        chunks.append(pack(first_seq, list(runs)))
        first_seq = chunks[-1].next_seq
    return chunks


def write(attempt: Attempt, *groups: Iterable[Run]) -> logs.AppendResult:
    """Appends to the attempt's log, one chunk for each group of runs."""
    attempt.refresh_from_db()
    return logs.append(attempt.pk, attempt.epoch, chunks_of(*groups, first_seq=attempt.log_lines))


def numbered(count: int, *, per_chunk: int = 3200, first: int = 0) -> list[list[Run]]:
    """Groups of runs with lines of 80 bytes, "line 0" and so on."""
    numbers = range(first, first + count)
    return [
        [
            run(
                b"".join(
                    b"%-79s\n" % f"line {number}".encode() for number in numbers[start : start + per_chunk]
                )
            )
        ]
        for start in range(0, count, per_chunk)
    ]


def sha256(*groups: Iterable[Run]) -> str:
    return hashlib.sha256(b"".join(run.data for runs in groups for run in runs)).hexdigest()


def page(client: Client, name: str, *args: object, **query: object) -> str:
    """The HTML of a page that has to be there."""
    response = client.get(reverse(name, args=args), query)
    assert response.status_code == 200
    return response.content.decode()


def settle(
    attempt: Attempt, lines: int, size: int, digest: str
) -> logs.Complete | logs.Missing | logs.Mismatch:
    """Compares what is stored by now with what an agent announces."""
    attempt.refresh_from_db()
    return logs.settle(attempt.pk, lines, size, digest, stored=attempt.log_lines)
