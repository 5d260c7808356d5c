from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from octoworkers.backup import archive, hold
from octoworkers.backup.manifest import BadManifest, KeyMarks, Manifest
from tasks.engine import contact, jobs
from tasks.models import Attempt, AttemptState, Pause, PauseMode, StepState, TaskState
from tests.factories import AttemptFactory, ExecutionFactory, MachineFactory, ServerTaskFactory

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MANIFEST = Manifest(
    version="0.1.0",
    made_at=NOON,
    engine="sqlite",
    migrations=("tasks.0001_initial",),
    keys=KeyMarks(included=False, master="m", server="s"),
)


# --- The file -------------------------------------------------------------------------------------


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A backup with a database and two files."""
    names = ("database.sqlite3", "media/1/report.txt", "media/2/report.txt")
    files = []
    for number, name in enumerate(names):
        source = tmp_path / f"source-{number}"
        source.write_bytes(os.urandom(200_000))
        files.append((name, source))
    archive.write(tmp_path / "packed.tar.gz", files, MANIFEST)
    return tmp_path / "packed.tar.gz"


def test_what_was_packed_comes_out_again(packed: Path, tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()

    manifest = archive.read(packed, into=into)

    assert replace(manifest, members=()) == MANIFEST
    assert [member.name for member in manifest.members] == [
        "database.sqlite3",
        "media/1/report.txt",
        "media/2/report.txt",
    ]
    assert (into / "media/2/report.txt").read_bytes() == (tmp_path / "source-2").read_bytes()
    assert packed.stat().st_mode & 0o777 == 0o600


def test_a_backup_that_was_broken_off_is_refused(packed: Path) -> None:
    whole = packed.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        packed.write_bytes(whole[:length])

        with pytest.raises(archive.Damaged):
            archive.read(packed)


def test_a_single_changed_byte_is_found_wherever_it_is(packed: Path) -> None:
    whole = packed.read_bytes()
    for place in range(20, len(whole), len(whole) // 12):
        packed.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])

        with pytest.raises((archive.Damaged, BadManifest)):
            archive.read(packed)


def repack(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> None:
    with gzip.open(path, "wb") as file, tarfile.open(fileobj=file, mode="w") as tar:
        for header, content in members:
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))


def test_a_file_that_was_exchanged_is_found(packed: Path, tmp_path: Path) -> None:
    manifest = archive.read(packed)
    database = tarfile.TarInfo("database.sqlite3")
    repack(packed, (database, b"another"), (tarfile.TarInfo(archive.MANIFEST), manifest.to_json()))

    with pytest.raises(archive.Damaged, match=r"database\.sqlite3 is not what was backed up"):
        archive.read(packed)


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "media/../../outside"])
def test_nothing_is_unpacked_outside(tmp_path: Path, name: str) -> None:
    into = tmp_path / "into"
    into.mkdir()
    repack(tmp_path / "packed.tar.gz", (tarfile.TarInfo(name), b"x"))

    with pytest.raises(archive.Damaged, match="not a name"):
        archive.read(tmp_path / "packed.tar.gz", into=into)

    assert list(into.iterdir()) == []
    assert not (tmp_path / "outside").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("media/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    repack(tmp_path / "packed.tar.gz", (link, b""))

    with pytest.raises(archive.Damaged, match="does not belong"):
        archive.read(tmp_path / "packed.tar.gz")


def test_a_failure_leaves_no_half_of_a_backup(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")

    with pytest.raises(FileNotFoundError):
        archive.write(
            tmp_path / "out.tar.gz",
            [("database.sqlite3", source), ("keys.json", tmp_path / "gone")],
            MANIFEST,
        )

    assert list(tmp_path.iterdir()) == [source]


def test_a_file_that_retention_removed_meanwhile_is_left_out(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    files = [("database.sqlite3", source), ("media/gone", tmp_path / "gone"), ("media/there", source)]

    manifest = archive.write(tmp_path / "out.tar.gz", files, MANIFEST)

    assert [member.name for member in manifest.members] == ["database.sqlite3", "media/there"]
    assert archive.read(tmp_path / "out.tar.gz") == manifest


def test_a_format_of_the_future_is_refused() -> None:
    data = json.loads(MANIFEST.to_json()) | {"format": 2}

    with pytest.raises(BadManifest, match="format"):
        Manifest.from_json(json.dumps(data).encode())


# --- Going back in time ---------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_was_being_given_to_a_worker_is_never_given_again() -> None:
    """In the backup a step was just assigned. It ran to its end since, and the worker has forgotten it."""
    now = timezone.now()
    machine = MachineFactory()
    task = ServerTaskFactory(space=machine.space, state=TaskState.EXECUTING)
    execution = ExecutionFactory(task=task, state=StepState.RUNNING, machine=machine, epoch=1)
    AttemptFactory(
        execution=execution,
        machine=machine,
        state=AttemptState.ASSIGNED,
        assigned_at=now - timedelta(hours=1),
    )

    hold.hold(made_at=now - timedelta(hours=1), now=now)
    jobs.sweep(now=now)
    verdicts, after = contact.reconcile(machine.pk, [], now=now)

    assert (verdicts, after) == ([], [])
    [attempt] = Attempt.objects.filter(execution__task=task)
    assert attempt.state == AttemptState.UNKNOWN


@pytest.mark.django_db
def test_a_restored_queue_waits_for_a_person() -> None:
    task = ServerTaskFactory()

    held = hold.hold(made_at=NOON, now=timezone.now())
    jobs.sweep(now=timezone.now())

    assert held == hold.Held(queued=1, active=0)
    task.refresh_from_db()
    assert task.state == TaskState.QUEUED
    pause = Pause.objects.get(mode=PauseMode.PAUSE, environment=None, pool=None)
    assert pause.reason.startswith("Restored from a backup of 2026-11-24 12:00 UTC.")


@pytest.mark.django_db
def test_an_earlier_pause_is_not_forgotten() -> None:
    Pause.objects.create(
        mode=PauseMode.PAUSE, reason="Moving house.", created_by_name="ada", created_at=timezone.now()
    )

    hold.hold(made_at=NOON, now=timezone.now())

    assert Pause.objects.get().reason.endswith("Paused before that: Moving house.")


@pytest.mark.django_db(transaction=True)
def test_numbers_of_runs_that_the_backup_does_not_know_are_not_given_again() -> None:
    before = ServerTaskFactory()

    hold.hold(made_at=NOON, now=timezone.now())

    assert ServerTaskFactory().pk >= before.pk + hold.TASK_ID_MARGIN


@pytest.mark.django_db
def test_nobody_is_signed_in_after_a_restore() -> None:
    SessionStore().create()

    hold.hold(made_at=NOON, now=timezone.now())

    assert Session.objects.count() == 0
