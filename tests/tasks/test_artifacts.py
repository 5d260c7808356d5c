"""Artifacts: taken in parts, exactly, whatever is sent again, late, wrong or too large."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from common import objects
from protocol import frames
from protocol.artifacts import PART_BYTES
from protocol.frames import ArtifactFile, ArtifactPart, ArtifactWanted, Finished
from tasks.engine import attempts
from tasks.models import Artifact, ArtifactState, Attempt, ServerTask, StepState, TaskState
from tasks.services import artifacts, retention
from tasks.services.retention import Policy
from tests.factories import AttemptFactory, ExecutionFactory, MachineFactory

pytestmark = pytest.mark.django_db

NOW = timezone.now()
CONTENT = bytes(range(256)) * 2000


@pytest.fixture
def attempt(space) -> Attempt:
    task = ExecutionFactory(task__space=space, state=StepState.RUNNING).task
    ServerTask.objects.filter(pk=task.pk).update(state=TaskState.EXECUTING, started_at=NOW)
    machine = MachineFactory(space=space)
    return AttemptFactory(execution=task.executions.get(), machine=machine, started_at=NOW)


def file(name: str, content: bytes) -> ArtifactFile:
    return ArtifactFile(name, len(content), hashlib.sha256(content).hexdigest())


def finish(attempt: Attempt, *files: ArtifactFile) -> frames.Frame:
    frame = Finished(
        attempt_id=str(attempt.pk),
        epoch=attempt.epoch,
        outcome="exited",
        exit_code=0,
        signal=None,
        message="",
        lines=0,
        bytes=0,
        sha256=hashlib.sha256().hexdigest(),
        started=None,
        ended=0.0,
        artifacts=list(files),
    )
    return attempts.finished(attempt.machine_id, frame, now=NOW)


def part(attempt: Attempt, number: int, offset: int, data: bytes, *, lost: str = "") -> frames.Frame:
    encoded = base64.b64encode(data).decode()
    frame = ArtifactPart(str(attempt.pk), attempt.epoch, number, offset, encoded, lost)
    return artifacts.take(attempt.machine_id, frame, now=NOW)


def send(attempt: Attempt, contents: list[bytes], answer: frames.Frame) -> frames.Frame:
    """As an agent does it: what is wanted, until there is nothing more."""
    while isinstance(answer, ArtifactWanted) and answer.number < len(contents):
        data = contents[answer.number][answer.offset : answer.offset + PART_BYTES]
        answer = part(attempt, answer.number, answer.offset, data)
    return answer


def stored(row: Artifact) -> bytes:
    return b"".join(artifacts.content(row))


def test_files_come_in_parts_before_the_attempt_is_settled(attempt):
    contents = [CONTENT, b"", b"short"]
    files = [file(f"file {number}.bin", content) for number, content in enumerate(contents)]

    answer = send(attempt, contents, finish(attempt, *files))

    assert isinstance(answer, ArtifactWanted)
    assert answer.number >= len(files)
    attempt.refresh_from_db()
    assert attempt.finished_at is None
    assert isinstance(finish(attempt, *files), frames.Settled)
    rows = list(Artifact.objects.order_by("number"))
    assert [(row.name, row.state, stored(row)) for row in rows] == [
        (f"file {number}.bin", ArtifactState.STORED, content) for number, content in enumerate(contents)
    ]
    assert not [path for path in objects._incoming_folder().iterdir() if "artifacts" in path.name]


def test_an_upload_goes_on_where_it_was_after_a_restart_of_either_side(attempt):
    wanted = finish(attempt, file("a", CONTENT))
    part(attempt, 0, 0, CONTENT[:PART_BYTES])

    again = finish(attempt, file("a", CONTENT))

    assert (wanted.offset, again.offset) == (0, PART_BYTES)
    assert part(attempt, 0, 0, CONTENT[:PART_BYTES]) == replace(again, resend=True)
    send(attempt, [CONTENT], again)
    assert stored(Artifact.objects.get()) == CONTENT


def test_a_kill_after_the_last_byte_is_made_good(attempt, monkeypatch):
    finish(attempt, file("a", b"small"))
    monkeypatch.setattr(artifacts, "_complete", lambda row: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        part(attempt, 0, 0, b"small")
    monkeypatch.undo()

    answer = send(attempt, [b"small"], finish(attempt, file("a", b"small")))

    assert answer.number > 0
    assert stored(Artifact.objects.get()) == b"small"


def test_what_differs_is_sent_once_more_and_then_refused(attempt):
    finish(attempt, file("a", b"right"))

    again = part(attempt, 0, 0, b"wrong")
    assert (again.number, again.offset, again.resend) == (0, 0, True)
    part(attempt, 0, 0, b"wrong")

    row = Artifact.objects.get()
    assert row.state == ArtifactState.REFUSED
    assert "differed" in row.message
    assert isinstance(finish(attempt, file("a", b"right")), frames.Settled)


def test_a_file_that_the_worker_lost_does_not_keep_the_run_from_ending(attempt):
    finish(attempt, file("a", CONTENT))

    part(attempt, 0, 0, b"", lost="The disk is broken.\0")

    assert Artifact.objects.get().message == "The disk is broken."
    assert isinstance(finish(attempt, file("a", CONTENT)), frames.Settled)


def test_more_than_may_be_left_is_refused_and_the_rest_taken(attempt, settings):
    settings.ARTIFACT_BYTES = 100
    files = [file("large", b"x" * 101), file("small", b"y" * 60), file("too", b"z" * 60)]

    send(attempt, [b"", b"y" * 60], finish(attempt, *files))

    assert list(Artifact.objects.order_by("number").values_list("state", flat=True)) == [
        ArtifactState.REFUSED,
        ArtifactState.STORED,
        ArtifactState.REFUSED,
    ]


@pytest.mark.parametrize("data", ["not base64!", "", base64.b64encode(bytes(PART_BYTES + 1)).decode()])
def test_what_is_no_part_is_refused(attempt, data):
    finish(attempt, file("a", CONTENT))
    frame = ArtifactPart(str(attempt.pk), attempt.epoch, 0, 0, data)

    with pytest.raises(frames.BadFrame):
        artifacts.take(attempt.machine_id, frame, now=NOW)


def test_more_bytes_than_announced_are_not_stored(attempt):
    finish(attempt, file("a", b"12345"))

    answer = part(attempt, 0, 0, b"123456")

    assert (answer.number, answer.offset, answer.resend) == (0, 0, True)


def test_another_workers_attempt_takes_nothing(attempt):
    finish(attempt, file("a", b"12345"))
    other = MachineFactory(space=attempt.execution.task.space)
    frame = ArtifactPart(str(attempt.pk), attempt.epoch, 0, 0, "MTIzNDU=")

    assert isinstance(artifacts.take(other.pk, frame, now=NOW), frames.Forget)
    assert isinstance(artifacts.take(attempt.machine_id, replace(frame, epoch=9), now=NOW), frames.Forget)


def test_names_of_an_agent_are_cleaned_once_more(attempt):
    finish(attempt, file("../../etc/pass\u202ewd", b"x"))

    assert Artifact.objects.get().name == "passwd"


def test_a_person_can_add_one_and_not_too_large_a_one(attempt, settings):
    task = attempt.execution.task
    row = artifacts.create(task, name="notes.txt", content=[b"one ", b"two"], now=NOW)
    settings.ARTIFACT_BYTES = 5

    with pytest.raises(artifacts.TooLarge):
        artifacts.create(task, name="more.txt", content=[b"one ", b"two"], now=NOW)

    assert [stored(one) for one in Artifact.objects.all()] == [b"one two"]
    assert (row.size, row.sha256) == (7, hashlib.sha256(b"one two").hexdigest())


def test_retention_takes_them_with_the_log(attempt, django_capture_on_commit_callbacks):
    task = attempt.execution.task
    row = artifacts.create(task, name="notes.txt", content=[b"x"], now=NOW)
    ServerTask.objects.update(state=TaskState.FAILED, completed_at=NOW)

    with django_capture_on_commit_callbacks(execute=True):
        retention.enforce(Policy(days=1, runs=0), now=NOW + timedelta(days=2))

    row.refresh_from_db()
    assert row.state == ArtifactState.REMOVED
    assert "kept for 1 days" in row.message
    assert not default_storage.exists(row.object_name)
