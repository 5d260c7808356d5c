"""Output variables: what a line says, what is kept, and what of it may be shown."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import replace

import pytest

from protocol import MAX_AGENT_MESSAGE
from protocol.frames import Finished, OutputValue, encode
from protocol.outputs import (
    MAX_OUTPUT_BYTES,
    MAX_OUTPUTS,
    BadOutput,
    OutputSet,
    parse,
    within_limits,
    without_value,
)
from tests.protocol.examples import EXAMPLES


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def line(name: str, value: str, sensitive: str = "") -> bytes:
    words = f"##octopus[setVariable name='{coded(name)}' value='{coded(value)}'"
    return (words + (f" sensitive='{coded(sensitive)}'" if sensitive else "") + "]\n").encode()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (line("Path", "/tmp/é\n"), OutputValue("Path", "/tmp/é\n")),
        (line("Empty", ""), OutputValue("Empty", "")),
        (line("Token", "s3cr3t", "True"), OutputValue("Token", "s3cr3t", True)),
        (line("Token", "s3cr3t", "true"), OutputValue("Token", "s3cr3t", True)),
        (line("Token", "plain", "False"), OutputValue("Token", "plain")),
        (b"##octopus[setVariable value='Yg==' name='YQ==' ]\r\n", OutputValue("a", "b")),
        (b"##octopus[setVariable name='YQ==' value='Yg==' colour='Yg==']", OutputValue("a", "b")),
    ],
)
def test_line_says_a_variable(message, expected):
    assert parse(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        b"##octopus[setVariable]\n",
        b"##octopus[setVariable name='YQ==']\n",
        b"##octopus[setVariable name='YQ==' value='Yg==']trailing\n",
        b"##octopus[setVariable name='YQ==' value='Yg==\n",
        b"##octopus[setVariable name='YQ==' value='not base64!']\n",
        b"##octopus[setVariable name='YQ==' value='/w==']\n",
    ],
)
def test_what_is_no_variable_is_refused_and_its_value_not_shown(message):
    with pytest.raises(BadOutput):
        parse(message)

    shown = without_value(message)
    assert b"Yg==" not in shown
    assert b"not base64" not in shown
    assert shown.count(b"\n") == 1


def test_only_the_value_is_left_out_of_a_line():
    assert without_value(line("a", "secret", "True")) == (
        b"##octopus[setVariable name='YQ==' value='********' sensitive='VHJ1ZQ==']\n"
    )


def test_last_value_of_a_name_counts_whatever_its_case():
    kept = OutputSet([OutputValue("Path", "1"), OutputValue("Other", "2"), OutputValue("PATH", "3")])

    assert list(kept) == [OutputValue("Other", "2"), OutputValue("PATH", "3")]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (OutputValue("", "x"), "name is empty"),
        (OutputValue("a\nb", "x"), "not printable"),
        (OutputValue("a" * 201, "x"), "longer than 200"),
        (OutputValue("a", "x\0y"), "NUL"),
        (OutputValue("a", "x" * MAX_OUTPUT_BYTES), "1,000,000 bytes together"),
    ],
)
def test_what_cannot_be_kept_is_refused(value, reason):
    with pytest.raises(BadOutput, match=reason):
        OutputSet([value])


def test_what_an_agent_may_not_have_kept_is_left_out():
    values = [OutputValue("", "x"), OutputValue("a", "1"), OutputValue("b", "\0"), OutputValue("A", "2")]

    assert within_limits(values) == [OutputValue("A", "2")]


def test_a_step_sets_at_most_a_thousand_and_may_go_on_changing_them():
    kept = OutputSet(OutputValue(f"v{number}", "x") for number in range(MAX_OUTPUTS))

    kept.set(OutputValue("V0", "changed"))
    with pytest.raises(BadOutput, match="at most 1,000"):
        kept.set(OutputValue("one too many", "x"))

    assert len(list(kept)) == MAX_OUTPUTS
    assert OutputValue("V0", "changed") in kept


def test_a_value_that_is_too_large_does_not_leave_the_one_before_it_in_its_place():
    kept = OutputSet([OutputValue("Path", "old")])

    with pytest.raises(BadOutput):
        kept.set(OutputValue("Path", "x" * MAX_OUTPUT_BYTES))

    assert list(kept) == []


@pytest.mark.parametrize("character", ["x", "\x01", "é", "🐙"])
def test_the_most_that_is_kept_fits_into_one_message(character):
    value = character * (1000 // (len(json.dumps(character)) - 2))
    kept = OutputSet()
    for number in range(MAX_OUTPUTS):
        with suppress(BadOutput):
            kept.set(OutputValue(f"v{number}", value))
    example = next(one for one in EXAMPLES if isinstance(one, Finished))

    frame = replace(example, message="x" * 2000, outputs=list(kept))

    assert MAX_OUTPUT_BYTES * 0.9 < len(encode(frame)) < MAX_AGENT_MESSAGE
