"""Control lines change the level of what follows and stay in the log."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protocol.log import Level, Stream
from protocol.service_messages import Levels


def test_streams_begin_at_their_usual_level():
    levels = Levels()

    assert levels.split(Stream.STDOUT, b"a\n") == [(Level.INFO, b"a\n")]
    assert levels.split(Stream.STDERR, b"b\n") == [(Level.ERROR, b"b\n")]


def test_control_line_is_verbose_and_changes_what_follows():
    data = b"a\n##octopus[stdout-highlight]\nb\nc\n##octopus[stdout-default]\nd\n"

    assert Levels().split(Stream.STDOUT, data) == [
        (Level.INFO, b"a\n"),
        (Level.VERBOSE, b"##octopus[stdout-highlight]\n"),
        (Level.HIGHLIGHT, b"b\nc\n"),
        (Level.VERBOSE, b"##octopus[stdout-default]\n"),
        (Level.INFO, b"d\n"),
    ]


def test_level_holds_until_it_is_changed():
    levels = Levels()
    levels.split(Stream.STDOUT, b"##octopus[stdout-warning]\n")

    assert levels.split(Stream.STDOUT, b"x\n") == [(Level.WARNING, b"x\n")]
    assert levels.split(Stream.STDERR, b"y\n") == [(Level.ERROR, b"y\n")]


def test_standard_output_may_speak_for_standard_error():
    levels = Levels()
    levels.split(Stream.STDOUT, b"##octopus[stderr-progress]\n")

    assert levels.split(Stream.STDERR, b"50 %\n") == [(Level.VERBOSE, b"50 %\n")]
    assert levels.split(Stream.STDERR, b"##octopus[stderr-default]\r\nx\n")[-1] == (Level.ERROR, b"x\n")


def test_other_service_messages_are_only_verbose():
    data = b"##octopus[setVariable name='YQ==' value='Yg==']\nx\n##octopus[stdout-purple]\ny\n"

    assert Levels().split(Stream.STDOUT, data) == [
        (Level.VERBOSE, b"##octopus[setVariable name='YQ==' value='Yg==']\n"),
        (Level.INFO, b"x\n"),
        (Level.VERBOSE, b"##octopus[stdout-purple]\n"),
        (Level.INFO, b"y\n"),
    ]


def test_rest_of_a_begun_line_is_no_control_line():
    data = b"##octopus[stdout-error]\nx\n"

    assert Levels().split(Stream.STDOUT, data, continues=True) == [(Level.INFO, data)]


def test_text_in_a_line_is_no_control_line():
    data = b"say ##octopus[stdout-error]\n##octopus[stdout-error] twice\n"

    assert Levels().split(Stream.STDOUT, data) == [(Level.INFO, data)]


lines = st.sampled_from(
    [
        b"x\n",
        b"\n",
        b"##octopus[stdout-error]\n",
        b"##octopus[stdout-default]\r\n",
        b"##octopus[",
        b"]\n",
        b"\x00\xff",
    ]
)


@given(st.lists(lines, max_size=20), st.booleans())
def test_nothing_is_lost_or_moved(parts, continues):
    data = b"".join(parts)

    pieces = Levels().split(Stream.STDOUT, data, continues=continues)

    assert b"".join(part for _, part in pieces) == data


def test_message_longer_than_a_line_is_verbose_to_its_end():
    levels = Levels()
    parts = [
        levels.split(Stream.STDOUT, b"a\n##octopus[setVariable value='QUJD"),
        levels.split(Stream.STDOUT, b"REVG", continues=True),
        levels.split(Stream.STDOUT, b"R0hJ']\nb\n", continues=True),
        levels.split(Stream.STDOUT, b"c\n"),
    ]

    assert parts == [
        [(Level.INFO, b"a\n"), (Level.VERBOSE, b"##octopus[setVariable value='QUJD")],
        [(Level.VERBOSE, b"REVG")],
        [(Level.VERBOSE, b"R0hJ']\n"), (Level.INFO, b"b\n")],
        [(Level.INFO, b"c\n")],
    ]
