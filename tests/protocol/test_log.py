"""Chunks come out as they went in, and damage is noticed."""

from __future__ import annotations

import contextlib
import dataclasses
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import log
from protocol.log import BadChunk, Level, Run, Stream

runs = st.builds(
    Run,
    time=st.integers(0, 2**53),
    stream=st.sampled_from(Stream),
    level=st.sampled_from(Level),
    data=st.binary(min_size=1, max_size=300) | st.just(b"line\n" * 40),
    continues=st.booleans(),
)


@given(st.integers(0, 2**40), st.lists(runs, min_size=1, max_size=8))
def test_chunk_comes_out_as_it_went_in(first_seq, given_runs):
    chunk = log.pack(first_seq, given_runs)

    address, epoch, received = log.from_message(log.to_message(b"0123456789abcdef", 3, chunk))

    assert (address, epoch, received) == (b"0123456789abcdef", 3, chunk)
    assert log.unpack(received) == given_runs


@given(st.lists(runs, min_size=1, max_size=8))
def test_lines_are_counted_as_the_runs_split(given_runs):
    lines = sum(len(run.data.split(b"\n")) - run.data.endswith(b"\n") for run in given_runs)

    assert log.pack(0, given_runs).lines == lines


@given(st.lists(runs, min_size=1, max_size=4), st.data())
def test_damage_is_noticed(given_runs, data):
    chunk = log.pack(0, given_runs)
    at = data.draw(st.integers(0, len(chunk.payload) - 1))
    damaged = bytearray(chunk.payload)
    damaged[at] ^= data.draw(st.integers(1, 255))

    with contextlib.suppress(BadChunk):
        assert log.unpack(dataclasses.replace(chunk, payload=bytes(damaged))) == given_runs


@pytest.mark.parametrize(
    "change",
    [
        {"lines": 7},
        {"raw_length": 1},
        {"raw_length": 10**9},
        {"crc": 0},
        {"payload": b""},
        {"payload": b"x" * 40},
    ],
)
def test_header_that_does_not_fit_is_refused(change):
    chunk = dataclasses.replace(log.pack(0, [Run(1, Stream.STDOUT, Level.INFO, b"a\nb\n")]), **change)

    with pytest.raises(BadChunk):
        log.unpack(chunk)


def test_a_small_message_never_inflates_to_a_large_one():
    bomb = zlib.compress(bytes(50 * 1024 * 1024))

    with pytest.raises(BadChunk):
        log.unpack(log.Chunk(0, 1, 1000, 0, bomb))


@pytest.mark.parametrize("message", [b"", b"x" * 19, b"x" * 30])
def test_short_message_is_refused(message):
    with pytest.raises(BadChunk):
        log.from_message(message)
