"""`octoworkers verify-log`, for a task of the database and for a file alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from octoworkers import cli
from tasks.services import log_archives
from tests.factories import AttemptFactory
from tests.tasks.builders import numbered, sha256
from tests.tasks.test_log_archives import ended

pytestmark = pytest.mark.django_db
LINES = numbered(1000, per_chunk=300)


@pytest.fixture
def archived():
    attempt = ended(AttemptFactory(), *LINES)
    return log_archives.archive(attempt, now=timezone.now())


def test_a_whole_log_is_complete(archived, capsys):
    task = archived.attempt.execution.task

    assert cli.main(["verify-log", str(task.pk)]) == 0
    said = capsys.readouterr().out
    assert f"1,000 lines, 80,000 bytes, sha256 {sha256(*LINES)}. Complete." in said


def test_a_file_alone_is_complete_too(archived, capsys, tmp_path: Path):
    copy = tmp_path / "mine.olog"
    shutil.copy(settings.MEDIA_ROOT / archived.name, copy)

    assert cli.main(["verify-log", str(copy)]) == 0
    assert "1,000 lines, 80,000 bytes" in capsys.readouterr().out


def test_damage_ends_with_an_error_and_a_sentence(archived, capsys, tmp_path: Path):
    copy = tmp_path / "mine.olog"
    data = (settings.MEDIA_ROOT / archived.name).read_bytes()
    copy.write_bytes(data[:60] + bytes([data[60] ^ 255]) + data[61:])

    assert cli.main(["verify-log", str(copy)]) == 1
    assert "is damaged" in capsys.readouterr().err


def test_what_is_not_there_is_named(capsys, tmp_path: Path):
    assert cli.main(["verify-log", "987654"]) == 1
    assert cli.main(["verify-log", str(tmp_path / "none.olog")]) == 1
    said = capsys.readouterr().err
    assert "There is no task 987654" in said
    assert "No such file" in said
