"""Output variables are taken out of a stream wherever its blocks are cut, and sensitive ones never shown."""

from __future__ import annotations

import base64
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.output import Recorder, StreamRecorder
from agent.outputs import OutputReader, Outputs
from agent.spool import SpoolReader, SpoolWriter
from protocol import log
from protocol.frames import OutputValue
from protocol.log import Level, Stream
from protocol.masking import Patterns
from protocol.outputs import MAX_OUTPUT_LINE
from protocol.service_messages import Levels
from tests.protocol.test_outputs import coded, line

SECRET = "correct horse battery"


def read(blocks: list[bytes], secrets: tuple[str, ...] = ()) -> tuple[bytes, list[OutputValue], list[str]]:
    outputs = Outputs(Patterns(secrets))
    reader = OutputReader(outputs)
    shown = b"".join([*map(reader.feed, blocks), reader.close()])
    return shown, outputs.values(), outputs.remarks()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


lines = st.lists(
    st.sampled_from(
        [
            b"x\n",
            b"\n",
            b"##octopus[stdout-warning]\n",
            b"##octopus[set",
            b"#",
            b"say " + line("Not", "at the start of a line"),
            line("Name", "value"),
            line("name", "another"),
        ]
    ),
    max_size=8,
)


@given(lines, st.lists(st.integers(0, 400), max_size=12))
def test_blocks_give_the_same_as_the_whole_and_ordinary_output_is_left_alone(parts, places):
    data = b"".join(parts)

    assert read(cut(data, places)) == read([data])
    assert read([data])[0] == data


@given(st.lists(st.integers(0, 400), max_size=12))
def test_sensitive_value_is_not_in_what_is_shown_however_it_is_cut(places):
    data = b"a\n" + line("Token", SECRET, "True") + b"b\n"

    shown, values, _ = read(cut(data, places))

    assert values == [OutputValue("Token", SECRET, True)]
    assert shown == data.replace(coded(SECRET).encode(), b"********")


def test_message_at_the_end_without_a_line_end_counts():
    shown, values, _ = read([line("Token", SECRET, "True")[:-1]])

    assert values == [OutputValue("Token", SECRET, True)]
    assert coded(SECRET).encode() not in shown


def test_value_that_holds_a_known_secret_is_sensitive_too():
    shown, values, _ = read([line("Connection", "Password=swordfish-4711;")], ("swordfish-4711",))

    assert values == [OutputValue("Connection", "Password=swordfish-4711;", True)]
    assert b"value='********'" in shown


def test_what_cannot_be_set_is_said_and_what_is_said_has_an_end():
    bad = b"##octopus[setVariable name='YQ==' value='?']\n"
    outputs = Outputs(Patterns([]))
    reader = OutputReader(outputs)

    reader.feed(bad * 50)

    assert len(outputs.remarks()) == 20
    assert outputs.close() == ["30 more such remarks about output variables were left out."]


def test_line_without_end_is_given_up_and_what_follows_it_is_read():
    beginning = b"##octopus[setVariable name='YQ==' value='"
    blocks = [beginning, *[b"QUJD" * 30_000] * 20, b"QUJD']\nordinary\n" + line("After", "it")]
    assert sum(map(len, blocks)) > MAX_OUTPUT_LINE

    shown, values, remarks = read(blocks)

    assert values == [OutputValue("After", "it")]
    assert shown == b"##octopus[setVariable ********]\nordinary\n" + line("After", "it")
    assert "longer than" in remarks[0]


@pytest.mark.parametrize("held", [b"#", b"##octopu"])
def test_beginning_of_an_ordinary_line_is_shown_when_its_time_comes(held):
    reader = OutputReader(Outputs(Patterns([])))

    assert reader.feed(b"x\n" + held) == b"x\n"
    assert reader.waiting
    assert reader.flush() == held
    assert reader.feed(b" 50 %\n") == b" 50 %\n"


def test_beginning_of_a_message_waits_for_its_end_whatever_the_time():
    reader = OutputReader(Outputs(Patterns([])))
    message = line("Token", SECRET, "True")

    assert reader.feed(message[:60]) == b""
    assert not reader.waiting
    assert reader.flush() == b""
    assert b"********" in reader.feed(message[60:])


# --- With masking, levels and the spool ---------------------------------------------------------


def recorded(path: Path, blocks: list[tuple[Stream, bytes]], secrets: tuple[str, ...] = ()) -> list[log.Run]:
    recorder = Recorder(SpoolWriter(path))
    patterns, levels = Patterns(secrets), Levels()
    outputs = Outputs(patterns)
    streams = {
        stream: StreamRecorder(stream, outputs=outputs, patterns=patterns, levels=levels, recorder=recorder)
        for stream in (Stream.STDOUT, Stream.STDERR)
    }
    for stream, block in blocks:
        streams[stream].feed(block, time=0)
        streams[stream].flush_line(time=0)
    for stream in streams.values():
        stream.close(time=0)
    recorder.close(time=0)
    reader, runs = SpoolReader(path), []
    while (chunk := reader.read()) is not None:
        runs += log.unpack(chunk)
    return runs


def test_sensitive_value_is_masked_from_then_on_in_both_streams_and_in_base64(tmp_path):
    blocks = [
        (Stream.STDOUT, line("Token", SECRET, "True")),
        (Stream.STDERR, f"failed for {SECRET}\n".encode()),
        (Stream.STDOUT, base64.b64encode(f"user:{SECRET}".encode()) + b"\n"),
    ]

    runs = recorded(tmp_path / "spool", blocks)

    assert (
        Level.VERBOSE,
        b"##octopus[setVariable name='VG9rZW4=' value='********' sensitive='VHJ1ZQ==']\n",
    ) in [(run.level, run.data) for run in runs]
    everything = b"".join(run.data for run in runs)
    assert b"failed for ********\n" in everything
    assert everything.count(b"********") == 3
    assert base64.b64encode(b"orse batter") not in everything


def test_sensitive_value_that_is_too_short_to_mask_is_kept_and_said(tmp_path):
    runs = recorded(tmp_path / "spool", [(Stream.STDOUT, line("Pin", "123", "True"))])

    assert runs[-1].stream is Stream.AGENT
    assert b"Pin is sensitive and has fewer than 4 characters" in runs[-1].data
    assert coded("123").encode() not in b"".join(run.data for run in runs)


def test_value_with_a_secret_in_it_arrives_whole_though_its_line_is_masked():
    # In base64 the secret would be masked in the line, and the value spoiled with it.
    _, values, _ = read([line("Url", "https://swordfish-4711@host")], ("swordfish-4711",))

    assert values[0].value == "https://swordfish-4711@host"


def test_a_thousand_sensitive_values_cost_seconds_at_most():
    began = time.monotonic()

    _, values, _ = read([line(f"v{number}", f"secret number {number}", "True") for number in range(1000)])

    assert len(values) == 1000
    assert time.monotonic() - began < 10
