"""Archived logs: nothing is lost or shown twice at any moment of it, and retention says what it took away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.urls import reverse
from django.utils import timezone

from common import objects
from protocol.log import Level
from tasks.engine import jobs
from tasks.engine.drivers.base import Job
from tasks.models import Attempt, AttemptState, LogArchive, LogChunk, ServerTask, TaskState
from tasks.selectors import log_archives as reading
from tasks.selectors import log_chunks, log_frames, receipts
from tasks.selectors import logs as selectors
from tasks.services import log_archives, logs, retention
from tasks.services.retention import Policy
from tests.factories import AttemptFactory, ExecutionFactory, NodeFactory, ServerTaskFactory
from tests.tasks.builders import numbered, run, sha256, write

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def attempt() -> Attempt:
    last = [run(b"bad\n", level=Level.ERROR), run(b"end")]
    return ended(AttemptFactory(), *numbered(5000, per_chunk=70), last)


def ended(attempt: Attempt, *groups) -> Attempt:
    write(attempt, *groups)
    attempt.refresh_from_db()
    attempt.state, attempt.outcome, attempt.exit_code = AttemptState.FINISHED, "exited", 0
    attempt.finished_at = NOW - timedelta(minutes=1)
    attempt.log_sha256 = sha256(*groups)
    attempt.save()
    return attempt


def forget_what_is_in_memory() -> None:
    log_chunks._unpacked.clear()
    reading._indexes.clear()


def seen(attempt: Attempt) -> tuple:
    """Everything that can be read of a log, by every way."""
    forget_what_is_in_memory()
    attempt = Attempt.objects.select_related("archive").get(pk=attempt.pk)
    return (
        b"".join(selectors.raw([attempt])),
        b"".join(selectors.timed([attempt])),
        selectors.lines(attempt.pk, 0, 20_000),
        selectors.lines(attempt.pk, 4321, 100),
        selectors.marks(attempt.pk),
        selectors.marks(attempt.pk, 4999, total=attempt.log_lines),
        selectors.size_of([attempt]),
    )


def test_an_archived_log_reads_as_its_rows_did(attempt):
    before = seen(attempt)

    jobs.run(Job.TIDY)

    assert not LogChunk.objects.exists()
    archive = LogArchive.objects.get()
    assert (archive.lines, archive.bytes, archive.sha256) == (5002, 5000 * 80 + 7, attempt.log_sha256)
    assert archive.gaps == []
    assert default_storage.size(archive.name) == archive.size
    assert seen(attempt) == before


def test_a_log_that_is_still_written_to_or_has_just_ended_keeps_its_rows():
    live, fresh = AttemptFactory(), AttemptFactory()
    write(live, [run(b"one\n")])
    ended(fresh, [run(b"two\n")])
    Attempt.objects.filter(pk=fresh.pk).update(finished_at=NOW)

    assert log_archives.archive_due(now=NOW) == 0
    assert LogChunk.objects.count() == 2


def test_a_kill_between_object_and_row_costs_nothing(attempt, monkeypatch):
    before = seen(attempt)
    monkeypatch.setattr(log_archives, "_replace_rows", killed)
    with pytest.raises(Killed):
        log_archives.archive(attempt, now=NOW)
    assert seen(attempt) == before
    monkeypatch.undo()

    log_archives.archive_due(now=NOW)

    assert not LogChunk.objects.exists()
    assert seen(attempt) == before


def test_a_kill_while_the_rows_go_shows_everything_once(attempt, monkeypatch):
    before = seen(attempt)
    monkeypatch.setattr(log_archives, "_remove_rows", killed)
    with pytest.raises(Killed):
        log_archives.archive(attempt, now=NOW)
    monkeypatch.undo()
    last = LogChunk.objects.order_by("-first_seq")
    LogChunk.objects.filter(pk__in=list(last.values_list("pk", flat=True)[:30])).delete()
    assert seen(attempt) == before

    log_archives.archive_due(now=NOW)

    assert not LogChunk.objects.exists()
    assert seen(attempt) == before


def test_an_object_that_is_not_what_was_written_costs_no_row(attempt, monkeypatch):
    def damage(name, file):
        size = put(name, file)
        path = settings.MEDIA_ROOT / name
        path.write_bytes(path.read_bytes()[:-40] + bytes(40))
        return size

    put = objects.put
    monkeypatch.setattr(objects, "put", damage)
    rows = LogChunk.objects.count()

    assert log_archives.archive_due(now=NOW) == 0
    assert LogChunk.objects.count() == rows
    assert not LogArchive.objects.exists()


def test_a_reader_that_was_under_way_goes_on_in_the_archive(attempt):
    forget_what_is_in_memory()
    before = seen(attempt)[0]
    forget_what_is_in_memory()
    reader = selectors.raw([attempt])
    begun = next(reader)

    log_archives.archive(attempt, now=NOW)

    assert begun + b"".join(reader) == before


def test_gaps_are_kept_as_gaps(attempt):
    LogChunk.objects.filter(attempt=attempt, first_seq=70).delete()

    log_archives.archive(attempt, now=NOW)

    assert LogArchive.objects.get().gaps == [[70, 139]]
    [receipt] = receipts.verified(attempt.execution.task)
    assert receipt.gaps == ((70, 139),)
    assert receipt.verdict == "Missing: lines 71 to 140."
    assert not receipt.is_good


def test_what_is_sent_once_more_after_the_archive_is_passed_over(attempt):
    log_archives.archive(attempt, now=NOW)

    again = logs.append(attempt.pk, attempt.epoch, [])

    assert again.next_seq == 5002


def test_the_receipt_is_complete_before_and_after(attempt):
    before = list(receipts.verified(attempt.execution.task))
    log_archives.archive(attempt, now=NOW)

    assert list(receipts.verified(attempt.execution.task)) == before
    assert [one.verdict for one in before] == ["Complete."]


def test_a_damaged_object_is_named_and_breaks_no_page(attempt, as_user, viewer):
    archive = log_archives.archive(attempt, now=NOW)
    path = settings.MEDIA_ROOT / archive.name
    path.write_bytes(path.read_bytes()[:-1])
    forget_what_is_in_memory()
    task = attempt.execution.task

    [receipt] = receipts.verified(task)
    frame = log_frames.first_frame(task)

    assert receipt.verdict.startswith("Damaged from line 1 on")
    assert "cannot be read" in frame["groups"][0]["head"]["removed"]
    client = as_user(viewer)
    assert client.get(reverse("task_detail", args=[task.pk])).status_code == 200
    assert client.get(reverse("task_raw", args=[task.pk])).status_code == 404


def test_several_nodes_without_a_common_storage_leave_the_rows_in_the_database(attempt, settings):
    NodeFactory()
    NodeFactory()

    assert log_archives.archive_due(now=NOW) == 0
    settings.OBJECTS_SHARED = True
    assert log_archives.archive_due(now=NOW) == 1


# --- Retention ------------------------------------------------------------------------------------


def runs_of(count: int, **about) -> list[Attempt]:
    """Archived runs of one runbook, oldest first."""
    found = []
    for index in range(count):
        given = {"state": TaskState.SUCCESS, "subject_id": 7, **about}
        task = ServerTaskFactory(completed_at=NOW - timedelta(days=count - index), **given)
        about.setdefault("environment", task.environment)
        attempt = ended(AttemptFactory(execution=ExecutionFactory(task=task)), [run(b"one\n")])
        log_archives.archive(attempt, now=NOW)
        found.append(attempt)
    return found


def kept(attempts: list[Attempt]) -> list[bool]:
    return [LogArchive.objects.get(attempt=one).name != "" for one in attempts]


def test_the_last_runs_in_each_environment_are_kept(django_capture_on_commit_callbacks):
    mine = runs_of(4)
    others = runs_of(2)

    with django_capture_on_commit_callbacks(execute=True):
        removed = retention.enforce(Policy(days=0, runs=2), now=NOW)

    assert removed == 2
    assert kept(mine) == [False, False, True, True]
    assert kept(others) == [True, True]
    gone = LogArchive.objects.get(attempt=mine[0])
    assert not default_storage.exists(log_archives.object_name(mine[0].pk))
    assert (gone.lines, gone.removed_at) == (1, NOW)
    assert retention.enforce(Policy(days=0, runs=2), now=NOW) == 0


def test_what_is_too_old_goes_but_the_last_success_stays():
    success = runs_of(1)
    failures = runs_of(3, environment=success[0].execution.task.environment, state=TaskState.FAILED)
    later = NOW + timedelta(days=100)

    retention.enforce(Policy(days=30, runs=0), now=later)

    assert kept([*success, *failures]) == [True, False, False, False]


def test_rows_that_were_never_archived_go_as_well(attempt):
    ServerTask.objects.update(state=TaskState.FAILED, completed_at=NOW)

    retention.enforce(Policy(days=1, runs=0), now=NOW + timedelta(days=2))

    assert not LogChunk.objects.exists()
    assert LogArchive.objects.get().removed_reason == "logs are kept for 1 days."


def test_without_limits_nothing_goes():
    mine = runs_of(3)

    assert retention.enforce(Policy(days=0, runs=0), now=NOW + timedelta(days=9999)) == 0
    assert kept(mine) == [True, True, True]


def test_the_page_says_what_was_removed(as_user, viewer):
    mine = runs_of(2)
    retention.enforce(Policy(days=0, runs=1), now=NOW)
    task = mine[0].execution.task

    [group] = log_frames.first_frame(task)["groups"]

    assert group["head"]["total"] == 0
    assert group["head"]["removed"].endswith("the last 1 runs in an environment are kept.")
    assert group["head"]["removed"].startswith("Its 1 lines were removed on ")
    client = as_user(viewer)
    assert "were removed on" in client.get(reverse("task_detail", args=[task.pk])).content.decode()
    assert client.get(reverse("task_raw", args=[task.pk])).status_code == 404
    [receipt] = receipts.verified(task)
    assert receipt.removed
    assert receipt.is_good


class Killed(BaseException):
    """Not an Exception, so that nothing tidies up after it."""


def killed(*args: object, **kwargs: object) -> None:
    raise Killed
