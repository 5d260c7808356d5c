"""The REST API: lists over a hundred thousand tasks, and an import of five hundred projects."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from accounts.services import api_keys
from benchmarks.report import Row, spread
from projects.models import Deployment, Release
from projects.services import channels
from runbooks.models import RunbookRun
from tasks.models import Execution, ServerTask, StepState, TaskState
from tests.harness import scenarios

if TYPE_CHECKING:
    from benchmarks.measures import Bench

TASKS, PROJECTS, ASKED = 100_000, 500, 25
LISTS = (
    "tasks",
    "tasks?states=Failed&take=30",
    "tasks?partialName=nothing",
    "tasks?hasPendingInterruptions=true",
    "runbookRuns",
    "deployments",
    "releases",
    "projects",
    "interruptions",
    "events",
)


class Caller:
    """One connection with a key, as a client keeps it."""

    def __init__(self, bench: Bench) -> None:
        owner = scenarios.administrator()
        _, key = api_keys.create(owner=owner, purpose="Benchmark", now=timezone.now(), user=owner)
        self._headers = {"X-Octopus-ApiKey": key, "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection(bench.installation.url.removeprefix("http://"))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        self._connection.request(method, path, json.dumps(body) if body else None, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status < 300, (path, answer.status, text[:500])
        return json.loads(text) if text else None


def api(bench: Bench) -> list[Row]:
    rows = [_import(Caller(bench))]
    like = bench.finished(scenarios.run(bench.runbook("Listed", "true"), bench.place))
    _fill(like)
    # The server has closed the connection meanwhile.
    caller = Caller(bench)
    for path in LISTS:
        caller.ask("GET", f"/api/{path}")
        spans = []
        for _ in range(ASKED):
            began = time.perf_counter()
            caller.ask("GET", f"/api/{path}")
            spans.append((time.perf_counter() - began) * 1000)
        rows.append(Row(f"`GET /api/{path}` with {TASKS:,} tasks", spread(spans, "ms"), "50 ms"))
    return rows


def _import(caller: Caller) -> Row:
    """Each with a runbook of two steps and five variables."""
    step = {
        "ActionType": "Octopus.Script",
        "Properties": {"Octopus.Action.Script.Syntax": "Bash", "Octopus.Action.Script.ScriptBody": "true"},
    }
    began = time.perf_counter()
    for number in range(PROJECTS):
        project = caller.ask("POST", "/api/projects", {"Name": f"Imported {number}"})
        runbook = caller.ask("POST", f"/api/projects/{project['Id']}/runbooks", {"Name": "Run"})
        process = runbook["Links"]["RunbookProcesses"]
        names = ("One", "Two")
        steps = [{"Name": name, "Actions": [{**step, "Name": name}]} for name in names]
        caller.ask("PUT", process, {"Version": 1, "Steps": steps})
        variables = [{"Name": f"V{place}", "Value": "x"} for place in range(5)]
        caller.ask("PUT", project["Links"]["Variables"], {"Version": 1, "Variables": variables})
    seconds = time.perf_counter() - began
    what = f"{PROJECTS} projects with a runbook and variables each, imported over one connection"
    return Row(what, f"{seconds:.1f} s", "60 s")


def _fill(like: ServerTask) -> None:
    """Copies of a finished run, of which every second one is a deployment."""
    run = RunbookRun.objects.get(task=like)
    project = run.runbook.project
    channel = channels.ensure_default(project)
    release = Release.objects.create(
        project=project, channel=channel, version="1.0.0", process={"steps": []}, variables={}
    )
    for _ in range(TASKS // 5000):
        rows = ServerTask.objects.bulk_create([_copy(like, number) for number in range(5000)], batch_size=500)
        Execution.objects.bulk_create(
            [
                Execution(task=row, number=1, step_number=1, name="Run", state=StepState.SUCCESS)
                for row in rows
            ],
            batch_size=500,
        )
        RunbookRun.objects.bulk_create(
            [
                RunbookRun(runbook=run.runbook, snapshot=run.snapshot, environment=run.environment, task=row)
                for row in rows[::2]
            ],
            batch_size=500,
        )
        Deployment.objects.bulk_create(
            [Deployment(release=release, environment=run.environment, task=row) for row in rows[1::2]],
            batch_size=500,
        )


def _copy(like: ServerTask, number: int) -> ServerTask:
    now = timezone.now()
    return ServerTask(
        space_id=like.space_id,
        kind=like.kind,
        name=f"Listed {number}",
        subject_kind=like.subject_kind,
        subject_id=like.subject_id,
        subject_url=like.subject_url,
        project_id=like.project_id,
        project_name=like.project_name,
        runbook_id=like.runbook_id,
        environment_id=like.environment_id,
        plan=like.plan,
        concurrency_key=like.concurrency_key,
        state=TaskState.FAILED if number % 10 == 0 else TaskState.SUCCESS,
        created_by_name="benchmark",
        queued_at=now,
        started_at=now,
        completed_at=now,
    )
