"""What an agent says that a script has set: kept within the limits, and never in the way of the end."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
from django.utils import timezone

from protocol import frames
from protocol.frames import OutputValue
from tasks.engine import attempts, jobs
from tasks.models import Attempt, AttemptState, OutputVariable
from tests.factories import MachineFactory, WorkerPoolFactory
from tests.tasks.engine.builders import live_attempt, queue
from variables.services import sealing

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def attempt(space) -> Attempt:
    pool = WorkerPoolFactory(space=space)
    MachineFactory(space=space, pools=[pool], slots=1)
    task = queue("echo", pool=pool)
    jobs.sweep(now=NOW)
    attempt = live_attempt(task)
    attempts.accepted(attempt.machine_id, frames.Accepted(str(attempt.pk), attempt.epoch), now=NOW)
    return attempt


def finish(attempt: Attempt, outputs: list[OutputValue], **changes: str) -> frames.Frame:
    empty = sha256(b"").hexdigest()
    frame = frames.Finished(
        str(attempt.pk), attempt.epoch, "exited", 0, None, "", 0, 0, empty, 0.0, 0.0, outputs
    )
    frame = replace(frame, **changes)
    return attempts.finished(attempt.machine_id, frame, now=NOW)


def test_outputs_are_kept_with_the_end_and_sensitive_ones_sealed(attempt):
    finish(attempt, [OutputValue("Path", "/tmp"), OutputValue("Token", "s3cr3t", True)])

    kept = {one.name: one for one in OutputVariable.objects.filter(execution=attempt.execution)}
    assert (kept["Path"].value, kept["Path"].is_sensitive) == ("/tmp", False)
    assert kept["Token"].is_sensitive
    assert "s3cr3t" not in kept["Token"].value
    assert sealing.unseal(kept["Token"].value) == "s3cr3t"


@pytest.mark.parametrize(
    "bad",
    [
        OutputValue("", "x"),
        OutputValue("a\0b", "x"),
        OutputValue("n" * 201, "x"),
        OutputValue("NUL", "a\0b"),
        OutputValue("Large", "x" * 1_000_001),
        OutputValue("Half", "\ud83d"),
        OutputValue("Half\ud83d", "x"),
    ],
)
def test_what_no_honest_agent_says_is_left_out_and_the_attempt_ends(attempt, bad):
    answer = finish(attempt, [bad, OutputValue("Good", "1"), OutputValue("GOOD", "2")])

    assert isinstance(answer, frames.Settled)
    attempt.refresh_from_db()
    assert attempt.state == AttemptState.FINISHED
    kept = OutputVariable.objects.filter(execution=attempt.execution).values_list("name", "value")
    assert list(kept) == [("GOOD", "2")]


@pytest.mark.parametrize("odd", ["a\0b", "a\ud83db"])
def test_words_that_no_database_takes_do_not_keep_an_attempt_from_ending(attempt, odd):
    assert isinstance(finish(attempt, [], outcome=odd, message=odd), frames.Settled)

    attempt.refresh_from_db()
    assert attempt.state == AttemptState.FINISHED
    assert attempt.message.replace("?", "") == "ab"
