"""Golden files hold the frames as they travel; a changed golden file is a changed protocol."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from protocol import frames
from protocol.frames import BadFrame, decode, encode
from tests.protocol.examples import ATTEMPT, EXAMPLES

GOLDEN = Path(__file__).parent / "golden"


def golden(frame: frames.Frame) -> Path:
    return GOLDEN / f"{frame.TYPE}.json"


def test_every_frame_type_has_an_example_and_a_golden_file():
    types = set(frames._types)

    assert {example.TYPE for example in EXAMPLES} == types
    assert {path.stem for path in GOLDEN.glob("*.json")} == types


@pytest.mark.parametrize("frame", EXAMPLES, ids=lambda frame: frame.TYPE)
def test_golden_file_is_what_the_frame_says(frame):
    text = golden(frame).read_text()

    assert decode(text) == frame
    assert json.loads(encode(frame)) == json.loads(text)


@pytest.mark.parametrize("frame", EXAMPLES, ids=lambda frame: frame.TYPE)
def test_what_a_newer_peer_says_more_is_dropped(frame):
    newer = {**json.loads(golden(frame).read_text()), "said_by_a_newer_peer": {"a": 1}}

    assert decode(json.dumps(newer)) == frame


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", "malformed"),
        ("[1, 2]", "malformed"),
        ("{}", "malformed"),
        ('{"type": 7}', "malformed"),
        ("[" * 100_000, "malformed"),
        (b"\xff\xfe\x00", "malformed"),
        ('{"type": "execution.fly.v1"}', "unknown_type"),
        ('{"type": "execution.start.v9"}', "unknown_type"),
        ('{"type": "execution.accepted.v1"}', "bad_value"),
        ('{"type": "execution.accepted.v1", "attempt_id": "x", "epoch": "1"}', "bad_value"),
        ('{"type": "execution.accepted.v1", "attempt_id": "x", "epoch": true}', "bad_value"),
        ('{"type": "execution.accepted.v1", "attempt_id": null, "epoch": 1}', "bad_value"),
        ('{"type": "hello.v1", "agent_id": "x", "nonce": "x", "versions": ["1"]}', "bad_value"),
        ('{"type": "hello.v1", "agent_id": "x", "nonce": "x", "versions": {}}', "bad_value"),
        ('{"type": "heartbeat.v1", "time": NaN, "busy": 0, "disk_free": 0}', "malformed"),
        ('{"type": "heartbeat.v1", "time": -Infinity, "busy": 0, "disk_free": 0}', "malformed"),
        ('{"type": "heartbeat.v1", "time": 1' + "0" * 400 + ', "busy": 0, "disk_free": 0}', "bad_value"),
        ('{"type": "heartbeat.v1", "time": 1e400, "busy": 0, "disk_free": 0}', "bad_value"),
    ],
)
def test_what_is_no_frame_is_refused_with_a_code(message, code):
    with pytest.raises(BadFrame) as refusal:
        decode(message)

    assert refusal.value.code == code


def test_left_out_fields_have_their_defaults():
    text = json.dumps(
        {"type": "execution.start.v1", "attempt_id": ATTEMPT, "epoch": 1, "syntax": "bash", "script": ""}
    )

    start = decode(text)

    assert (start.variables, start.environment, start.secrets) == ({}, {}, [])


def test_end_told_by_an_agent_that_knows_no_output_variables_has_none():
    example = next(one for one in EXAMPLES if isinstance(one, frames.Finished))
    older = json.loads(encode(example))
    del older["outputs"]

    assert decode(json.dumps(older)) == replace(example, outputs=[])
