"""Storing logs: in order, exactly once, whatever is sent again, late or wrong."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol.log import Level, Stream
from tasks.models import Attempt, AttemptState, LogChunk
from tasks.selectors import logs as selectors
from tasks.services import log_tails, logs
from tests.factories import AttemptFactory
from tests.tasks.builders import chunks_of, numbered, run, settle, sha256, write

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempt() -> Attempt:
    return AttemptFactory()


def stored(attempt: Attempt) -> bytes:
    attempt.refresh_from_db()
    return b"".join(selectors.raw([attempt]))


def texts(attempt: Attempt, first: int = 0, count: int = 1000) -> list[str]:
    return [line.text for line in selectors.lines(attempt.pk, first, count)]


def test_chunks_are_stored_as_they_come(attempt):
    chunks = chunks_of([run(b"one\ntwo\n")], [run(b"three\n")])

    result = logs.append(attempt.pk, attempt.epoch, chunks)

    assert result == logs.AppendResult(next_seq=3)
    rows = LogChunk.objects.filter(attempt=attempt)
    assert [(row.first_seq, row.lines, bytes(row.payload), row.crc, row.levels) for row in rows] == [
        (chunk.first_seq, chunk.lines, chunk.payload, chunk.crc, None) for chunk in chunks
    ]
    attempt.refresh_from_db()
    assert (attempt.log_lines, attempt.log_bytes) == (3, 14)


def test_sending_again_changes_nothing(attempt):
    chunks = chunks_of([run(b"one\n")], [run(b"two\n")])
    logs.append(attempt.pk, attempt.epoch, chunks)

    again = logs.append(attempt.pk, attempt.epoch, chunks)

    assert again == logs.AppendResult(next_seq=2)
    assert texts(attempt) == ["one", "two"]


def test_a_gap_is_asked_for_again_and_what_came_before_it_is_kept(attempt):
    first, second, third = chunks_of([run(b"one\n")], [run(b"two\n")], [run(b"three\n")])

    result = logs.append(attempt.pk, attempt.epoch, [first, third])

    assert result == logs.AppendResult(next_seq=1, resend=True)
    assert logs.append(attempt.pk, attempt.epoch, [second, third]) == logs.AppendResult(next_seq=3)
    assert texts(attempt) == ["one", "two", "three"]


def test_an_overlapping_chunk_is_refused_with_its_whole_batch(attempt):
    write(attempt, [run(b"one\ntwo\n")])
    (overlapping,) = chunks_of([run(b"two\nthree\nfour\n")], first_seq=1)

    with pytest.raises(logs.LogRefused) as refusal:
        logs.append(attempt.pk, attempt.epoch, [*chunks_of([run(b"three\n")], first_seq=2), overlapping])

    assert refusal.value.code == "overlap"
    assert texts(attempt) == ["one", "two"]


@pytest.mark.parametrize("wrong", [{"crc": 1}, {"lines": 7}, {"raw_length": 3}, {"payload": b"not zlib"}])
def test_a_damaged_chunk_is_refused(attempt, wrong):
    (chunk,) = chunks_of([run(b"one\n")])

    with pytest.raises(logs.LogRefused) as refusal:
        logs.append(attempt.pk, attempt.epoch, [replace(chunk, **wrong)])

    assert refusal.value.code == "bad_chunk"
    assert not LogChunk.objects.exists()


def test_another_epoch_and_an_unknown_attempt_are_refused(attempt):
    chunks = chunks_of([run(b"one\n")])

    with pytest.raises(logs.LogRefused) as epoch:
        logs.append(attempt.pk, attempt.epoch + 1, chunks)
    with pytest.raises(logs.LogRefused) as unknown:
        logs.append(uuid.uuid4(), 1, chunks)

    assert (epoch.value.code, unknown.value.code) == ("wrong_epoch", "unknown_attempt")


def test_a_finished_attempt_takes_nothing_new_but_does_not_mind_repeats(attempt):
    chunks = chunks_of([run(b"one\n")], [run(b"two\n")])
    logs.append(attempt.pk, attempt.epoch, chunks[:1])
    Attempt.objects.filter(pk=attempt.pk).update(state=AttemptState.FINISHED)

    assert logs.append(attempt.pk, attempt.epoch, chunks[:1]).next_seq == 1
    with pytest.raises(logs.LogRefused) as refusal:
        logs.append(attempt.pk, attempt.epoch, chunks)
    assert refusal.value.code == "attempt_finished"


def test_levels_are_kept_where_they_differ_and_warnings_show_on_step_and_task(attempt):
    write(
        attempt,
        [run(b"a\nb\n"), run(b"c\n", level=Level.VERBOSE), run(b"d\n", level=Level.VERBOSE)],
        [run(b"e\n", level=Level.WARNING), run(b"f")],
        [run(b"g\nh\n", continues=True)],
    )

    levels = LogChunk.objects.order_by("first_seq").values_list("levels", flat=True)
    assert list(levels) == [[[20, 2], [10, 2]], [[40, 1], [20, 1]], [[0, 1], [20, 1]]]
    assert selectors.marks(attempt.pk) == [(2, 3, "v"), (4, 4, "w"), (6, 6, "c")]
    assert selectors.marks(attempt.pk, first=3) == [(3, 3, "v"), (4, 4, "w"), (6, 6, "c")]
    attempt.execution.refresh_from_db()
    attempt.execution.task.refresh_from_db()
    assert attempt.execution.has_warnings
    assert attempt.execution.task.has_warnings


def test_settle_compares_count_size_and_digest(attempt):
    groups = numbered(10, per_chunk=4)
    digest = sha256(*groups)
    write(attempt, *groups[:2])

    assert settle(attempt, 10, 800, digest) == logs.Missing(next_seq=8)
    write(attempt, groups[2])
    assert settle(attempt, 10, 800, digest) == logs.Complete(lines=10, bytes=800, sha256=digest)
    assert settle(attempt, 10, 800, digest) == logs.Complete(lines=10, bytes=800, sha256=digest)
    assert settle(attempt, 10, 800, "0" * 64) == logs.Mismatch(lines=10, bytes=800, sha256=digest)


def test_an_empty_log_is_complete(attempt):
    nothing = hashlib.sha256().hexdigest()

    assert settle(attempt, 0, 0, nothing) == logs.Complete(lines=0, bytes=0, sha256=nothing)


def test_after_a_restart_the_digest_goes_on_from_the_rows(attempt):
    groups = numbered(9, per_chunk=3)
    write(attempt, *groups[:2])
    log_tails.forget(attempt.pk)
    write(attempt, groups[2])

    assert isinstance(settle(attempt, 9, 720, sha256(*groups)), logs.Complete)


def test_lines_are_read_across_chunks(attempt):
    write(attempt, *numbered(100, per_chunk=7))

    found = selectors.lines(attempt.pk, 5, 30)

    assert [line.seq for line in found] == list(range(5, 35))
    assert [line.text.strip() for line in found] == [f"line {number}" for number in range(5, 35)]
    assert selectors.lines(attempt.pk, 100, 10) == []
    assert [line.seq for line in selectors.lines(attempt.pk, 98, 10)] == [98, 99]


def test_reading_a_range_costs_only_its_chunks(attempt, django_assert_num_queries):
    write(attempt, *numbered(20_000, per_chunk=100))

    with django_assert_num_queries(2):
        assert len(selectors.lines(attempt.pk, 15_050, 100)) == 100


def test_a_line_that_came_in_pieces_is_shown_whole_at_its_first_piece(attempt):
    write(
        attempt,
        [run(b"10%"), run(b"oops\n", stream=Stream.STDERR, level=Level.ERROR), run(b"\r50%", continues=True)],
        [run(b"\r100%\nnext\n", continues=True)],
    )

    found = selectors.lines(attempt.pk, 0, 10)

    assert [line.text for line in found] == ["10%\r50%\r100%", "oops", "\r50%", "\r100%", "next"]
    assert [line.continues for line in found] == [False, False, True, True, False]
    assert selectors.plain(found[0].text) == "100%"
    assert stored(attempt) == b"10%oops\n\r50%\r100%\nnext\n"


def test_a_very_long_line_is_cut_for_people_and_whole_in_the_raw_log(attempt):
    line = b"x" * 150_000
    write(
        attempt,
        [run(line[:65536])],
        [run(line[65536:131072], continues=True)],
        [run(line[131072:] + b"\n", continues=True)],
    )

    first = selectors.lines(attempt.pk, 0, 1)[0]

    assert first.text == "x" * selectors.MAX_TEXT
    assert first.cut == 150_000 - selectors.MAX_TEXT
    assert stored(attempt) == line + b"\n"


def test_an_answer_stays_below_its_size(attempt):
    write(attempt, *[[run(b"y" * 4000 + b"\n")] * 50] * 10)

    found = selectors.lines(attempt.pk, 0, 500)

    assert 200 < len(found) < 300


def test_what_cannot_be_shown_is_made_harmless_and_stays_exact_in_the_raw_log(attempt):
    data = b"\x00\xff\xfe caf\xc3\xa9\t\x1b[31mred\x1b[0m \xe2\x80\xaeevil\xe2\x80\xa9\r\n"
    write(attempt, [run(data)])

    assert texts(attempt) == ["␀\ufffd\ufffd café\t\x1b[31mred\x1b[0m <U+202E>evil<U+2029>"]
    assert selectors.plain(texts(attempt)[0]) == "␀\ufffd\ufffd café\tred <U+202E>evil<U+2029>"
    assert stored(attempt) == data


def test_timed_lines_say_when_in_utc(attempt):
    write(attempt, [run(b"one\n"), run(b"two")])
    attempt.refresh_from_db()

    assert b"".join(selectors.timed([attempt])) == (
        b"2023-11-14T22:13:20.000Z one\n2023-11-14T22:13:20.000Z two\n"
    )


RUNS = st.lists(
    st.builds(
        run,
        st.binary(min_size=1, max_size=40).map(lambda data: data.replace(b"\x01", b"\n")),
        level=st.sampled_from(Level),
        stream=st.sampled_from(Stream),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(RUNS, min_size=1, max_size=6), order=st.lists(st.integers(0, 5), max_size=12))
def test_any_order_of_sending_ends_in_the_same_log(groups, order):
    attempt = AttemptFactory()
    chunks = chunks_of(*groups)
    for index in order:
        logs.append(attempt.pk, attempt.epoch, chunks[index % len(chunks) :][:2])
    while (at := logs.append(attempt.pk, attempt.epoch, []).next_seq) < chunks[-1].next_seq:
        logs.append(attempt.pk, attempt.epoch, [chunk for chunk in chunks if chunk.first_seq >= at])

    content = b"".join(run.data for runs in groups for run in runs)
    assert stored(attempt) == content
    assert isinstance(
        settle(attempt, chunks[-1].next_seq, len(content), hashlib.sha256(content).hexdigest()),
        logs.Complete,
    )
    found = selectors.lines(attempt.pk, 0, 10_000)
    assert [line.seq for line in found] == list(range(chunks[-1].next_seq))
