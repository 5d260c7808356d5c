"""A finished log as one file: what went in comes out, by range and as a whole, and damage is noticed."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.log import Chunk, Level, Run, Stream, pack, unpack
from protocol.log_file import (
    BLOCK_BYTES,
    BadLogFile,
    LogFileWriter,
    LogIndex,
    read_block,
    read_index,
    verify,
)

runs = st.builds(
    Run,
    time=st.integers(0, 2**50),
    stream=st.sampled_from(Stream),
    level=st.sampled_from(Level),
    data=st.binary(min_size=1, max_size=60) | st.just(b"line\n" * 5000),
    continues=st.booleans(),
)


def chunked(groups: list[list[Run]]) -> list[Chunk]:
    chunks, at = [], 0
    for group in groups:
        chunks.append(pack(at, group))
        at = chunks[-1].next_seq
    return chunks


def written(chunks: list[Chunk], *, lines: int | None = None) -> tuple[bytes, LogIndex]:
    file = io.BytesIO()
    writer = LogFileWriter(file)
    for chunk in chunks:
        writer.add(chunk)
    index = writer.close(lines=chunks[-1].next_seq if lines is None else lines)
    return file.getvalue(), index


def reading(data: bytes):
    return lambda offset, length: data[offset : offset + length]


def simple(count: int, size: int = 20) -> list[Chunk]:
    return chunked(
        [[Run(5, Stream.STDOUT, Level.INFO, b"%d" % number + b"." * size + b"\n")] for number in range(count)]
    )


@given(st.lists(st.lists(runs, min_size=1, max_size=4), min_size=1, max_size=8))
def test_every_line_comes_out_as_it_went_in(groups):
    chunks = chunked(groups)
    data, index = written(chunks)

    assert read_index(reading(data), len(data)) == index == verify(reading(data), len(data))
    raw = b"".join(run.data for group in groups for run in group)
    assert (index.bytes, index.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())
    assert (index.lines, index.gaps) == (chunks[-1].next_seq, ())
    blocks = [read_block(reading(data), block) for block in index.blocks]
    assert [run for block in blocks for run in unpack(block)] == [run for group in groups for run in group]


@given(st.integers(1, 400), st.data())
def test_a_range_is_covered_by_its_blocks_and_no_others(count, draw):
    _, index = written(simple(count, 3000))
    first = draw.draw(st.integers(0, count))
    end = draw.draw(st.integers(first, count + 5))

    found = list(index.covering(first, end))

    wanted = [one for one in index.blocks if one.first_seq < end and one.next_seq > first]
    assert found == wanted


def test_many_small_chunks_become_few_blocks():
    _, index = written(simple(20_000))

    assert index.lines == 20_000
    assert len(index.blocks) < 20_000 * 40 / BLOCK_BYTES * 2 + 2


def test_what_never_came_and_what_is_damaged_is_a_gap():
    chunks = simple(10)
    damaged = Chunk(chunks[6].first_seq, 1, 3, 7, b"x")

    data, index = written([*chunks[:3], *chunks[5:6], damaged, *chunks[7:]], lines=12)

    assert index.gaps == ((3, 4), (6, 6), (10, 11))
    assert index.lines == 12
    assert verify(reading(data), len(data)) == index


def test_a_chunk_that_comes_twice_is_taken_once():
    chunks = simple(3)

    assert written([*chunks, chunks[1]])[1] == written(chunks)[1]


def test_damage_anywhere_is_noticed_or_changes_no_line():
    data, index = written(simple(300, 900))
    noticed = 0
    for place in range(8, len(data), max(len(data) // 60, 1)):
        wrong = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        try:
            # A bit may mean nothing: dots may be copied from other dots.
            assert verify(reading(wrong), len(wrong)) == index
        except BadLogFile:
            noticed += 1
    assert noticed > 40


@pytest.mark.parametrize("keep", [0, 7, 30, 0.5, 0.99])
def test_a_file_that_was_broken_off_is_refused(keep):
    data, _ = written(simple(50))
    short = data[: int(len(data) * keep) if isinstance(keep, float) else keep]

    with pytest.raises(BadLogFile):
        read_index(reading(short), len(short))
