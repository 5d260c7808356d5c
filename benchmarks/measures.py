"""What is measured, one function each: it prepares, runs, and gives rows for the table."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path

from benchmarks import api, editor, reading, scale, templates, variables
from benchmarks.browser import Visitor, first_line
from benchmarks.report import Row, spread
from environments.models import Environment
from pools.models import WorkerPool
from projects.models import Project
from runbooks.models import Runbook
from tasks.models import Attempt, ServerTask, TaskState
from tasks.selectors import logs
from tests.harness import scenarios
from tests.harness.installation import Agent, Installation, wait_for

Measure = Callable[["Bench"], list[Row]]

PRINT_FAST = """import sys
line = "\\x1b[32m2026-11-23 12:00:00\\x1b[0m batch %d of 200000 copied, 1,024 rows, all good so far\\n"
sys.stdout.writelines(line % number for number in range({count}))
"""


SECOND_NODE = "second"


class Bench:
    """An installation with four agents in one pool, and somebody who is signed in."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.place: Environment = scenarios.environment(installation.space, "Development")
        pool = scenarios.pool(installation.space, "SQL - Dev")
        self.agents: list[Agent] = [
            installation.add_agent(f"agent-{number}", pools=[pool]) for number in range(1, 5)
        ]
        self.project: Project = scenarios.project(installation.space, "Orders", routes={self.place: pool})
        self.visitor = Visitor(installation, scenarios.administrator())

    def runbook(self, name: str, *scripts: str, syntax: str = "Bash") -> Runbook:
        return scenarios.runbook(self.project, name, scripts, syntax=syntax)

    def fixed_runbook(self, name: str, pools: Sequence[WorkerPool], *, steps: int) -> Runbook:
        """Trivial steps that go round these pools."""
        return scenarios.runbook(self.project, name, ["true"] * steps, pools=pools)

    def finished(self, task: ServerTask, *, seconds: float = 120) -> ServerTask:
        # Looked for seldom: whoever asks takes the processor from those who are measured.
        rows = ServerTask.objects.exclude(completed_at=None).filter(pk=task.pk)
        wait_for(rows.exists, seconds=seconds, every=0.05)
        return rows.get()


def dispatch(bench: Bench) -> list[Row]:
    """From the request on an idle worker: to the process, to its first line in a socket, to the end.

    The script pauses before it prints, so that the socket is open by then as a page's would be; the
    pause is taken off again.
    """
    book = bench.runbook("Dispatch", "start=$EPOCHREALTIME; sleep 0.3; echo $start $EPOCHREALTIME")
    spans: dict[str, list[float]] = {"answer": [], "process": [], "line": [], "end": []}
    for _ in range(50):
        with bench.visitor.socket() as socket:
            asked = time.time()
            task = bench.visitor.start(book, bench.place)
            answered = time.time()
            received, text = first_line(socket, task)
            done = bench.finished(task)
        began, printed = (float(word) for word in text.split())
        assert done.completed_at is not None
        to_process = began - asked
        for name, span in {
            "answer": answered - asked,
            "process": to_process,
            "line": to_process + received - printed,
            "end": to_process + done.completed_at.timestamp() - printed,
        }.items():
            spans[name].append(span * 1000)
    warm = {name: values[10:] for name, values in spans.items()}
    return [
        Row("Run request to its answer, median / p95", spread(warm["answer"], "ms")),
        Row("Run request to the process on an idle worker", spread(warm["process"], "ms"), "15 ms"),
        Row("Run request to the first line in a browser's socket", spread(warm["line"], "ms"), "25 ms"),
        Row("Run request to finished", spread(warm["end"], "ms")),
    ]


def live(bench: Bench) -> list[Row]:
    """A line of a script that is running: from its print to the browser's socket."""
    book = bench.runbook("Live", "for n in $(seq 40); do echo $EPOCHREALTIME; sleep 0.1; done")
    task = bench.visitor.start(book, bench.place)
    delays: list[float] = []
    with bench.visitor.socket() as socket:
        first_line(socket, task)
        while len(delays) < 30:
            delays += [(time.time() - printed) * 1000 for printed in _printed(socket)]
    bench.finished(task)
    return [Row("A printed line to the browser's socket, median / p95", spread(delays, "ms"), "60 ms")]


def _printed(socket) -> list[float]:

    log = json.loads(socket.recv(timeout=30)).get("log")
    if not log:
        return []
    socket.send(json.dumps({"got": log["frame"]}))
    return [float(found) for found in re.findall(r"\b\d{10}\.\d{6}\b", json.dumps(log))]


def jobs(bench: Bench) -> list[Row]:
    """Trivial runs over four agents, queued at once."""
    count = 400
    books = [bench.runbook(f"Trivial {number}", "true") for number in range(40)]
    began = time.time()
    tasks = [scenarios.run(book, bench.place) for book in islice(cycle(books), count)]
    queued = time.time()
    wait_for(lambda: not _unfinished(tasks), seconds=120, every=0.02)
    last = max(
        row.completed_at.timestamp() for row in ServerTask.objects.filter(pk__in=[t.pk for t in tasks])
    )
    assert not ServerTask.objects.filter(pk__in=[t.pk for t in tasks]).exclude(state=TaskState.SUCCESS)
    return [
        Row("Runs created a second, one after the other", f"{count / (queued - began):.0f} /s"),
        Row(
            f"{count} trivial runs over 4 agents, created and finished",
            f"{count / (last - began):.0f} /s",
            "100 /s",
        ),
    ]


def _unfinished(tasks: list[ServerTask]) -> bool:
    return ServerTask.objects.filter(pk__in=[task.pk for task in tasks], completed_at=None).exists()


def steps(bench: Bench) -> list[Row]:
    """A run of many trivial steps on an idle worker."""
    count = 100
    book = bench.runbook("Steps", *["true"] * count)
    task = bench.finished(bench.visitor.start(book, bench.place))
    assert task.completed_at is not None
    assert task.started_at is not None
    span = (task.completed_at - task.started_at).total_seconds() * 1000
    return [Row(f"A trivial step, of {count} in one run", f"{span / count:.1f} ms", "5 ms")]


def log(bench: Bench) -> list[Row]:
    """Lines a second from the script's start to stored, checked and readable."""
    rows = []
    for count in (200_000, 1_000_000):
        book = bench.runbook(f"Print {count}", PRINT_FAST.format(count=count), syntax="Python")
        task = bench.finished(bench.visitor.start(book, bench.place), seconds=300)
        attempt = Attempt.objects.get(execution__task=task)
        last = logs.lines(attempt, count - 1, 1)[0]
        assert attempt.log_lines == count
        assert f"batch {count - 1} of" in last.text
        assert attempt.log_sha256
        assert attempt.started_at is not None
        assert attempt.finished_at is not None
        span = (attempt.finished_at - attempt.started_at).total_seconds()
        rows.append(
            Row(
                f"{count:,} lines from script to stored and checked",
                f"{count / span:,.0f} lines/s",
                "200,000",
            )
        )
    return rows


def pages(bench: Bench) -> list[Row]:
    """Pages as a visitor waits for them, one after the other."""
    rows = []
    for path in ("/", "/tasks/", "/projects/", "/worker-pools/", "/workers/"):
        spans = []
        for _ in range(30):
            began = time.perf_counter()
            status, _body = bench.visitor.get(path)
            spans.append((time.perf_counter() - began) * 1000)
            assert status == 200, (path, status)
        rows.append(Row(f"Page {path}", spread(spans[5:], "ms"), "50 ms"))
    return rows


def idle(bench: Bench) -> list[Row]:
    """Memory and processor time of an idle server and an idle agent."""
    time.sleep(5)  # what was just measured settles
    server = bench.installation.process
    assert server is not None
    agents = [agent.process.pid for agent in bench.agents if agent.process]
    before, seconds = {pid: _cpu(pid) for pid in (server.pid, *agents)}, 30
    time.sleep(seconds)
    cpu = {pid: 100 * (_cpu(pid) - spent) / seconds for pid, spent in before.items()}
    return [
        Row("Idle server, memory", f"{rss(server.pid):.0f} MB", "100 MB"),
        Row("Idle server, processor", f"{cpu[server.pid]:.2f} %", "0.5 %"),
        Row("Idle agent, memory", f"{max(rss(pid) for pid in agents):.0f} MB", "30 MB"),
        Row("Idle agent, processor", f"{max(cpu[pid] for pid in agents):.2f} %"),
    ]


def rss(pid: int) -> float:
    """Resident memory in MB."""
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def cpu_percent(pid: int, *, seconds: float) -> float:
    """Of one core, over some seconds from now."""
    before = _cpu(pid)
    time.sleep(seconds)
    return 100 * (_cpu(pid) - before) / seconds


def _cpu(pid: int) -> float:
    """Processor seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


ALL: dict[str, Measure] = {
    "idle": idle,
    "dispatch": dispatch,
    "live": live,
    "steps": steps,
    "jobs": jobs,
    "log": log,
    "load": reading.load,
    "reading": reading.reading,
    "viewers": reading.viewers,
    "pages": pages,
    "api": api.api,
    "editor": editor.editor,
    "variables": variables.variables,
    "next_step": scale.next_step,
    "crowd": scale.crowd,
    "waiting": scale.waiting,
    "backlog": scale.backlog,
    "templates": lambda _bench: templates.measured(),
}


def run(installation: Installation, names: list[str]) -> list[Row]:
    bench = Bench(installation)
    rows: list[Row] = []
    for name in names:
        print(f"{name} ...", flush=True)
        found = ALL[name](bench)
        for row in found:
            print(f"  {row.what}: {row.value}", flush=True)
        rows += found
    return rows
