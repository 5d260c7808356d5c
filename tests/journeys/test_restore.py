"""A restored database is older than what its agents have done since: nothing of it runs a second time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.db import connections
from django.utils import timezone

from tasks.models import AttemptState, Execution, ServerTask, StepState, TaskState
from tasks.selectors import nodes
from tasks.services import pauses, tasks
from tests.harness import scenarios
from tests.harness.installation import ROOT, Installation, wait_for

SCRIPT = """echo "$OCTOWORKERS_TASK_ID" >> {0}/ran
while [ ! -e {0}/go ]; do sleep 0.05; done
"""


def command(installation: Installation, *words: object) -> None:
    """The command line, in a process of its own on the installation's database."""
    # A restore refuses while anybody is connected; this process connects again by itself.
    connections.close_all()
    environment = {**os.environ, "OCTOWORKERS_HOME": str(installation.home)}
    done = subprocess.run(
        [sys.executable, "-m", "octoworkers.cli", *map(str, words)],
        cwd=ROOT,
        env={**environment, "DJANGO_SETTINGS_MODULE": "octoworkers.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def stop_server(installation: Installation) -> None:
    """Only the server: the agents go on. A node that was killed earlier counts until its lease is over."""
    assert installation.process is not None
    installation.process.terminate()
    installation.process.wait(30)
    wait_for(lambda: not nodes.live(timezone.now()).exists(), seconds=2 * nodes.LEASE.seconds)


def test_a_restore_runs_nothing_that_has_run(installation: Installation, tmp_path: Path) -> None:
    place = scenarios.environment(installation.space, "Development")
    pool = scenarios.pool(installation.space, "Restored")
    installation.add_agent("restored-01", pools=[pool])
    project = scenarios.project(installation.space, "Restored", routes={place: pool})
    book = scenarios.runbook(project, "Counts", [SCRIPT.format(tmp_path)])
    running, queued = scenarios.run(book, place), scenarios.run(book, place)
    wait_for((tmp_path / "ran").exists)
    step = Execution.objects.filter(task=running)
    wait_for(lambda: step.get().attempts.get().state == AttemptState.RUNNING)
    backup = tmp_path / "backup.tar.gz"
    command(installation, "backup", backup)
    (tmp_path / "go").touch()
    both = ServerTask.objects.filter(pk__in=[running.pk, queued.pk])
    wait_for(lambda: both.filter(state=TaskState.SUCCESS).count() == 2)

    stop_server(installation)
    command(installation, "restore", "--replace", backup)
    installation.start()

    # The worker no longer knows of the step that ran in the backup: a person is asked.
    wait_for(lambda: step.get().state == StepState.INTERRUPTED)
    assert step.get().attempts.get().state == AttemptState.UNKNOWN
    assert "no longer knows" in step.get().interruptions.get().text
    # The queued one has run since, which nobody here can know: it waits, and the page says for what.
    queued.refresh_from_db()
    assert queued.state == TaskState.QUEUED
    assert (tmp_path / "ran").read_text().split() == [str(running.pk), str(queued.pk)]
    newer = scenarios.run(book, place)
    assert newer.pk > queued.pk + 1000

    # What the pause asks for: cancel what has run, then resume.
    user, now = scenarios.administrator(), timezone.now()
    for task in (running, queued):
        tasks.cancel(task, user=user, now=now)
    pauses.resume(None, user=user)
    wait_for(lambda: ServerTask.objects.get(pk=newer.pk).state == TaskState.SUCCESS)
    assert both.filter(state=TaskState.CANCELED).count() == 2
