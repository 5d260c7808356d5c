"""The demo's scripts as an agent runs them, on real databases."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from agent import environment, scripts
from domain import octostache
from environments.models import Environment
from octoworkers.demo import databases
from octoworkers.demo.processes import BACK_UP_AND_MIGRATE, PRINT_LINES, RESTORE_DRILL, DemoStep, script
from octoworkers.demo.seed import PROJECT, seed
from pools.models import WorkerPool
from processes.models import Step
from projects.models import Project, Release
from runbooks.models import Runbook
from tasks.services.planning import Planner
from variables.models import Variable

KEY = "a key with a ' quote and a \" quote"


@dataclass
class Worker:
    """Runs steps one after the other, with the variables of a run."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, step: DemoStep) -> subprocess.CompletedProcess[str]:
        syntax = "Bash" if step.parts[-1].endswith(".sh") else "Python"
        home = self.folder / "attempt"
        (home / "work").mkdir(parents=True, exist_ok=True)
        command = scripts.prepare(
            home,
            syntax=syntax,
            script=script(*step.parts),
            variables=self.variables,
            environment=environment.build({}, os.environ),
        )
        return subprocess.run(
            [command.program, *command.arguments[1:]],
            cwd=home / "work",
            env=command.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def run_all(self, steps: tuple[DemoStep, ...]) -> str:
        """The output of all steps; fails where one of them does."""
        output = []
        for step in steps:
            done = self.run(step)
            assert done.returncode == 0, f"{step.name}: {done.stdout}{done.stderr}"
            output.append(done.stdout)
        return "".join(output)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    databases.create(tmp_path / "it's data")
    path = databases.path_of("Development", tmp_path / "it's data")
    return Worker(
        tmp_path,
        {
            "Database.ConnectionString": f"sqlite:///{path}",
            "Backup.Folder": str(tmp_path / "back ups"),
            "Backup.OffsiteFolder": str(tmp_path / "offsite"),
            "Backup.FreeMegabytes": "1",
            "Backup.Keep": "2",
            "Backup.SigningKey": KEY,
            "Printer.Lines": "3000",
            "Octopus.Task.Id": "ServerTasks-1",
        },
    )


def rows(worker: Worker, sql: str) -> list[tuple[object, ...]]:
    path = worker.variables["Database.ConnectionString"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_the_databases_differ_and_are_made_once(tmp_path: Path) -> None:
    databases.create(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    databases.create(tmp_path)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert len(set(before.values())) == len(databases.SIZES) == 3


def test_back_up_and_migrate_changes_the_database_once(worker: Worker) -> None:
    output = worker.run_all(BACK_UP_AND_MIGRATE.steps)

    assert "Applied 4 of 4 migrations" in output
    assert rows(worker, "SELECT COUNT(*) FROM schema_journal") == [(4,)]
    assert rows(worker, "SELECT SUM(total_cents) > 0, COUNT(DISTINCT currency) FROM orders") == [(1, 1)]
    assert rows(worker, "SELECT SUM(orders) FROM daily_sales") == [(60,)]

    worker.variables["Octopus.Task.Id"] = "ServerTasks-2"
    assert "Nothing to apply" in worker.run_all(BACK_UP_AND_MIGRATE.steps)


def test_a_backup_holds_the_rows_from_before_the_migration(worker: Worker) -> None:
    worker.run_all(BACK_UP_AND_MIGRATE.steps)

    [backup] = Path(worker.variables["Backup.Folder"]).glob("*.sqlite3")
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM orders").fetchone() == (60,)
        assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_journal'").fetchall()


def test_old_backups_are_pruned_and_strangers_stay(worker: Worker) -> None:
    folder = Path(worker.variables["Backup.Folder"])
    folder.mkdir()
    (folder / "00000000-other.json").write_text(json.dumps({"facts": {"file": "x"}, "signature": "no"}))
    prune = BACK_UP_AND_MIGRATE.steps[-1]
    for number in range(4):
        worker.variables["Octopus.Task.Id"] = f"ServerTasks-{number}"
        worker.run_all(BACK_UP_AND_MIGRATE.steps[1:2])

    output = worker.run(prune).stdout

    assert "Kept 2 of 4 backups" in output
    assert "Left 1 files alone" in output
    assert len(list(folder.glob("*.sqlite3"))) == 2
    assert len(list(folder.glob("*.json"))) == 3


def test_a_changed_migration_is_refused(worker: Worker) -> None:
    worker.run_all(BACK_UP_AND_MIGRATE.steps)
    path = worker.variables["Database.ConnectionString"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE schema_journal SET checksum = 'other' WHERE id = '0002_order_currency'")

    done = worker.run(BACK_UP_AND_MIGRATE.steps[2])

    assert done.returncode == 1
    assert "0002_order_currency was changed after it had been applied" in done.stderr


def test_a_migration_that_fails_leaves_nothing_behind(worker: Worker) -> None:
    path = worker.variables["Database.ConnectionString"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE order_lines")

    done = worker.run(BACK_UP_AND_MIGRATE.steps[2])

    assert done.returncode == 1
    assert "0003_order_totals failed and was rolled back" in done.stderr
    assert rows(worker, "SELECT MAX(id) FROM schema_journal") == [("0002_order_currency",)]
    assert "total_cents" not in [row[1] for row in rows(worker, "PRAGMA table_info(orders)")]


def test_lost_rows_are_found(worker: Worker) -> None:
    worker.run_all(BACK_UP_AND_MIGRATE.steps[:3])
    path = worker.variables["Database.ConnectionString"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM orders WHERE id = 1")

    done = worker.run(BACK_UP_AND_MIGRATE.steps[3])

    assert done.returncode == 1
    assert "orders lost rows" in done.stderr


def test_too_little_space_stops_the_run(worker: Worker) -> None:
    worker.variables["Backup.FreeMegabytes"] = "999999999"

    done = worker.run(BACK_UP_AND_MIGRATE.steps[0])

    assert done.returncode == 1
    assert "wants 999999999 MB" in done.stderr


def test_the_restore_drill_fails_at_its_second_step_until_the_copies_are_there(worker: Worker) -> None:
    worker.run_all(BACK_UP_AND_MIGRATE.steps)
    first, second, third = RESTORE_DRILL.steps

    assert worker.run(first).returncode == 0
    failed = worker.run(second)
    assert failed.returncode == 1
    assert "does not exist on this worker" in failed.stderr

    shutil.copytree(worker.variables["Backup.Folder"], worker.variables["Backup.OffsiteFolder"])
    assert "off-site copies are as they were taken" in worker.run(second).stdout
    assert "Restored" in worker.run(third).stdout


def test_the_printer_prints_each_line_once(worker: Worker) -> None:
    output = worker.run(PRINT_LINES.steps[0]).stdout

    numbers = re.findall(r"^\x1b\[\d+m(\d{8})\x1b\[0m", output, re.MULTILINE)
    assert numbers == [f"{number:08}" for number in range(1, 3001)]
    assert "Printed 3,000 lines" in output


def test_no_script_takes_values_as_pasted_text() -> None:
    """A value with a quote in it must never become a part of a script."""
    steps = [step for runbook in (BACK_UP_AND_MIGRATE, RESTORE_DRILL, PRINT_LINES) for step in runbook.steps]

    assert [step.name for step in steps if "#{" in script(*step.parts)] == []


def test_every_value_of_the_demo_can_be_filled_in(space, default_pool, administrator, tmp_path) -> None:
    seed(space=space, user=administrator, folder=tmp_path)
    given = dict(Variable.objects.filter(type="String").values_list("name", "value"))

    expansion = octostache.expand_all({**given, "Octopus.Environment.Name": "Test"})

    assert [value for value in expansion.values.values() if "#{" in value] == []
    assert expansion.values["Backup.Folder"] == f"{tmp_path}/backups/Test"


@pytest.fixture
def postgres_orders(postgres_server: str) -> Iterator[str]:
    """The address of a database with the demo's orders in a PostgreSQL."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS octoworkers_demo_test")
        connection.execute("CREATE DATABASE octoworkers_demo_test")
    url = f"{postgres_server.rpartition('/')[0]}/octoworkers_demo_test"
    with psycopg.connect(url) as connection:
        connection.execute(databases._SCHEMA)
        connection.execute("INSERT INTO customers VALUES (1, 'Harbour Books', 'Ghent')")
        connection.execute("INSERT INTO products VALUES (1, 'Shelf tag', 35)")
        connection.execute("INSERT INTO orders VALUES (1, 1, '2026-01-02', 'paid')")
        connection.execute("INSERT INTO order_lines VALUES (1, 1, 1, 3, 35)")
    yield url
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("DROP DATABASE octoworkers_demo_test")


@pytest.mark.postgres
def test_the_same_runbook_works_on_postgresql(worker: Worker, postgres_orders: str) -> None:
    worker.variables["Database.ConnectionString"] = postgres_orders

    assert "Applied 4 of 4 migrations" in worker.run_all(BACK_UP_AND_MIGRATE.steps)

    with psycopg.connect(postgres_orders) as connection:
        assert connection.execute("SELECT total_cents, currency FROM orders").fetchall() == [(105, "EUR")]
    assert len(list(Path(worker.variables["Backup.Folder"]).glob("*.dump"))) == 1
    worker.variables["Octopus.Task.Id"] = "ServerTasks-2"
    assert "Nothing to apply" in worker.run_all(BACK_UP_AND_MIGRATE.steps)


def test_seeding_twice_changes_nothing(space, default_pool, administrator, tmp_path: Path) -> None:
    assert seed(space=space, user=administrator, folder=tmp_path)
    counts = [model.objects.count() for model in (Project, Runbook, Step, WorkerPool)]

    assert not seed(space=space, user=administrator, folder=tmp_path)

    assert [model.objects.count() for model in (Project, Runbook, Step, WorkerPool)] == counts
    assert Project.objects.get().name == PROJECT
    assert all(runbook.published for runbook in Runbook.objects.all())


def test_the_demo_runs_in_each_environment_on_its_own_pool(
    space, default_pool, administrator, tmp_path
) -> None:

    seed(space=space, user=administrator, folder=tmp_path)
    release = Release.objects.get()
    planner = Planner(
        space=space,
        process=release.process,
        variables=release.variables,
        process_ref="deployment",
        process_label="Deployment process",
    )

    plans = {one.name: planner.plan(environment=one, tenant=None) for one in Environment.objects.all()}
    pools = {name: {step.pool_name for step in plan.steps} for name, plan in plans.items()}

    assert pools == {"Development": {"SQL - Dev"}, "Test": {"SQL - Dev"}, "Production": {"SQL - Production"}}
