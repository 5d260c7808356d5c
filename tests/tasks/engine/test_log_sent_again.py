"""A stored log that is not what the worker wrote is sent again, once, over what is there."""

from __future__ import annotations

from hashlib import sha256

import pytest
from django.utils import timezone

from protocol import frames
from protocol.log import Chunk, Level, Run, Stream, pack
from tasks.engine import attempts, jobs
from tasks.models import Attempt, AttemptState, LogChunk, TaskEvent
from tasks.selectors import logs as selectors
from tasks.selectors.log_frames import first_frame
from tasks.services import log_tails
from tests.factories import MachineFactory, WorkerPoolFactory
from tests.tasks.engine.builders import live_attempt, queue

pytestmark = pytest.mark.django_db
NOW = timezone.now()
LINES = [b"one\n", b"two\nthree\n", b"four\n"]


@pytest.fixture
def attempt(space) -> Attempt:
    pool = WorkerPoolFactory(space=space)
    MachineFactory(space=space, pools=[pool], slots=1)
    task = queue("echo", pool=pool)
    jobs.sweep(now=NOW)
    attempt = live_attempt(task)
    attempts.accepted(attempt.machine_id, frames.Accepted(str(attempt.pk), attempt.epoch), now=NOW)
    return attempt


def chunks(blocks: list[bytes]) -> list[Chunk]:
    packed: list[Chunk] = []
    for block in blocks:
        first = packed[-1].next_seq if packed else 0
        packed.append(pack(first, [Run(0, Stream.STDOUT, Level.INFO, block)]))
    return packed


def send(attempt: Attempt, blocks: list[bytes]) -> frames.Frame:
    return attempts.append_log(attempt.machine_id, attempt.pk, attempt.epoch, chunks(blocks))


def finish(attempt: Attempt, blocks: list[bytes]) -> frames.Frame:
    whole = b"".join(blocks)
    frame = frames.Finished(
        attempt_id=str(attempt.pk),
        epoch=attempt.epoch,
        outcome="exited",
        exit_code=0,
        signal=None,
        message="",
        lines=whole.count(b"\n"),
        bytes=len(whole),
        sha256=sha256(whole).hexdigest(),
        started=0.0,
        ended=0.0,
    )
    return attempts.finished(attempt.machine_id, frame, now=NOW)


def stored(attempt: Attempt) -> bytes:
    attempt.refresh_from_db()
    return b"".join(selectors.raw([attempt]))


def damage(attempt: Attempt, **values: object) -> None:
    """As a disk would, behind the back of whoever remembers the log's end."""
    LogChunk.objects.filter(attempt=attempt, first_seq=1).update(**values)
    log_tails.forget(attempt.pk)


def notes(attempt: Attempt) -> list[str]:
    return list(TaskEvent.objects.filter(task=attempt.execution.task_id).values_list("message", flat=True))


@pytest.mark.parametrize(
    "values",
    [
        {"payload": b"garbage"},
        {"crc": 1},
        {
            key: getattr(pack(1, [Run(0, Stream.STDOUT, Level.INFO, b"2wo\n3hree\n")]), key)
            for key in ("payload", "crc")
        },
    ],
    ids=["not readable", "wrong check sum", "other content"],
)
def test_log_is_healed_by_sending_it_again(attempt, values):
    send(attempt, LINES)
    damage(attempt, **values)

    answer = finish(attempt, LINES)

    assert answer == frames.LogAck(str(attempt.pk), attempt.epoch, 0, resend=True)
    assert send(attempt, LINES) == frames.LogAck(str(attempt.pk), attempt.epoch, 4)
    assert isinstance(finish(attempt, LINES), frames.Settled)
    assert stored(attempt) == b"".join(LINES)
    assert attempt.log_sha256 == sha256(b"".join(LINES)).hexdigest()
    assert any("sends all of it again" in note for note in notes(attempt))
    assert not first_frame(attempt.execution.task)["groups"][0]["head"]["differs"]


def test_chunk_that_is_gone_is_healed(attempt):
    send(attempt, LINES)
    LogChunk.objects.filter(attempt=attempt, first_seq=1).delete()
    log_tails.forget(attempt.pk)
    assert send(attempt, [*LINES, b"five\n"]) == frames.LogAck(str(attempt.pk), attempt.epoch, 5)

    finish(attempt, [*LINES, b"five\n"])
    send(attempt, [*LINES, b"five\n"])
    finish(attempt, [*LINES, b"five\n"])

    assert stored(attempt) == b"".join([*LINES, b"five\n"])
    assert attempt.log_sha256


def test_what_differs_twice_is_settled_and_said(attempt):
    send(attempt, LINES)
    others = [b"one\n", b"2wo\n3hree\n", b"four\n"]

    assert isinstance(finish(attempt, others), frames.LogAck)
    send(attempt, LINES)
    assert isinstance(finish(attempt, others), frames.Settled)

    assert stored(attempt) == b"".join(LINES)
    assert (attempt.state, attempt.log_sha256) == (AttemptState.FINISHED, "")
    assert sum("check sum differs" in note for note in notes(attempt)) == 2
    assert any("although it was sent again" in note for note in notes(attempt))
    assert first_frame(attempt.execution.task)["groups"][0]["head"]["differs"]


def test_nothing_that_has_arrived_is_given_up_for_a_shorter_copy(attempt):
    send(attempt, LINES)

    assert isinstance(finish(attempt, LINES[:2]), frames.Settled)

    assert stored(attempt) == b"".join(LINES)
    assert attempt.log_sha256 == ""
    assert any("lost the end of its copy" in note for note in notes(attempt))


def test_worker_that_is_cut_off_while_it_sends_again_costs_nothing(attempt):
    send(attempt, LINES)
    damage(attempt, payload=b"garbage")
    finish(attempt, LINES)
    send(attempt, LINES[:1])

    assert isinstance(finish(attempt, LINES), frames.Settled)

    assert LogChunk.objects.filter(attempt=attempt).count() == 3


def test_lines_are_replaced_only_while_they_are_asked_for(attempt):
    send(attempt, LINES)

    send(attempt, [b"one\n", b"2wo\n3hree\n", b"four\n"])
    assert stored(attempt) == b"".join(LINES)

    assert isinstance(finish(attempt, LINES), frames.Settled)
    send(attempt, [b"one\n", b"2wo\n3hree\n", b"four\n"])
    assert stored(attempt) == b"".join(LINES)
