"""Blocks of a pipe become numbered lines: nothing lost, nothing moved, whatever the blocks."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.output import CHUNK_BYTES, LineCutter, Recorder, StreamRecorder
from agent.outputs import Outputs
from agent.spool import SpoolReader, SpoolWriter, count_lines, summarise
from protocol import log
from protocol.log import MAX_LINE, Level, Run, Stream
from protocol.masking import Patterns
from protocol.service_messages import Levels

pieces = st.lists(
    st.sampled_from(
        [b"a", b"\n", b"some words\n", b"\x00\xff", "é…\n".encode(), b"x" * MAX_LINE, b"y" * 70_000]
    ),
    max_size=12,
)


def cut(blocks: list[bytes]) -> list[tuple[bytes, bool]]:
    cutter = LineCutter()
    found = [piece for block in blocks for piece in cutter.feed(block)]
    return found + cutter.flush()


@given(pieces)
def test_cutting_keeps_every_byte_and_says_what_goes_on(blocks):
    found = cut(blocks)

    assert b"".join(data for data, _ in found) == b"".join(blocks)
    begun = False
    for data, continues in found:
        assert continues == begun
        assert max(map(len, data.split(b"\n"))) <= MAX_LINE
        begun = not data.endswith(b"\n")


@given(pieces)
def test_cutting_does_not_depend_on_the_blocks(blocks):
    whole = b"".join(blocks)

    def lines(found: list[tuple[bytes, bool]]) -> list[bytes]:
        return [line for data, _ in found for line in data.splitlines(keepends=True) if b"\n" in line]

    if max(map(len, whole.split(b"\n"))) < MAX_LINE:
        assert lines(cut(blocks)) == lines(cut([whole]))


def test_long_line_is_not_cut_inside_of_a_character():
    found = cut([b"x" + "é".encode() * MAX_LINE])

    assert len(found) == 3
    for data, _ in found:
        data.decode()


@pytest.fixture
def spool(tmp_path: Path) -> SpoolWriter:
    return SpoolWriter(tmp_path / "spool")


def read(path: Path) -> list[log.Chunk]:
    reader = SpoolReader(path)
    chunks = []
    while (chunk := reader.read()) is not None:
        chunks.append(chunk)
    reader.close()
    return chunks


def content(chunks: list[log.Chunk]) -> bytes:
    return b"".join(run.data for chunk in chunks for run in log.unpack(chunk))


def record(spool: SpoolWriter, blocks: list[bytes], **options: int) -> Recorder:
    recorder = Recorder(spool, **options)
    patterns = Patterns([])
    stream = StreamRecorder(
        Stream.STDOUT, outputs=Outputs(patterns), patterns=patterns, levels=Levels(), recorder=recorder
    )
    for at, block in enumerate(blocks):
        stream.feed(block, time=at)
    stream.close(time=len(blocks))
    recorder.close(time=len(blocks))
    return recorder


@given(pieces)
def test_spool_holds_what_was_written_numbered_without_a_gap(tmp_path_factory, blocks):
    path = tmp_path_factory.mktemp("spool") / "spool"

    recorder = record(SpoolWriter(path), blocks)

    chunks = read(path)
    whole = b"".join(blocks)
    assert content(chunks) == whole
    assert [chunk.first_seq for chunk in chunks] == [0, *(chunk.next_seq for chunk in chunks)][: len(chunks)]
    assert (recorder.lines, recorder.bytes) == (count_lines(path), len(whole))
    assert recorder.sha256 == hashlib.sha256(whole).hexdigest()
    assert summarise(path) == (recorder.lines, recorder.bytes, recorder.sha256)


def test_chunks_stay_small_even_of_many_tiny_runs(spool, tmp_path):
    recorder = Recorder(spool)
    for at in range(60_000):
        recorder.add(Run(at * 10, Stream.STDOUT, Level.INFO, b"x\n"))
    recorder.flush()

    chunks = read(tmp_path / "spool")

    assert len(chunks) > 1
    assert all(chunk.raw_length <= CHUNK_BYTES for chunk in chunks)
    assert chunks[-1].next_seq == 60_000


def test_lines_beyond_the_limit_are_counted_and_said(spool, tmp_path):
    blocks = [f"{at} {hashlib.sha256(bytes([at])).hexdigest()}\n".encode() * 9000 for at in range(9)]

    recorder = record(spool, blocks, limit=10_000)

    runs = [run for chunk in read(tmp_path / "spool") for run in log.unpack(chunk)]
    kept = sum(run.lines for run in runs if run.stream is Stream.STDOUT)
    assert kept < 81_000
    assert runs[-1].stream is Stream.AGENT
    assert f"{81_000 - kept:,} further lines" in runs[-1].data.decode()
    assert recorder.lines == kept + 1


def test_reader_goes_to_any_line(spool, tmp_path):
    recorder = Recorder(spool)
    for at in range(5):
        recorder.add(Run(at, Stream.STDOUT, Level.INFO, b"a\nb\n"))
        recorder.flush()
    reader = SpoolReader(tmp_path / "spool")

    for seq, expected in ((4, 4), (0, 0), (9, 8), (6, 6)):
        reader.seek(seq)
        assert reader.read().first_seq == expected
    reader.seek(10)
    assert reader.read() is None
    reader.close()


def test_unfinished_record_is_not_there_yet(spool, tmp_path):
    recorder = Recorder(spool)
    recorder.add(Run(0, Stream.STDOUT, Level.INFO, b"a\n"))
    recorder.flush()
    path = tmp_path / "spool"
    whole = path.read_bytes()

    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert read(path) == []
        assert summarise(path)[0] == 0
    path.write_bytes(whole)
    assert len(read(path)) == 1


def test_full_disk_loses_nothing(spool, monkeypatch, tmp_path):
    real, room = os.write, [10]

    def small_disk(descriptor: int, data: bytes) -> int:
        taken = min(room[0], len(data))
        if not taken:
            raise OSError(28, "No space left on device")
        room[0] -= taken
        return real(descriptor, bytes(data[:taken]))

    monkeypatch.setattr("agent.spool.os.write", small_disk)
    recorder = Recorder(spool)
    recorder.add(Run(0, Stream.STDOUT, Level.INFO, b"a\n"))
    recorder.flush()
    assert spool.blocked

    room[0] = 1000
    spool.retry()

    assert not spool.blocked
    assert content(read(tmp_path / "spool")) == b"a\n"
