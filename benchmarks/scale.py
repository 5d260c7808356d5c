"""Many at once: agents, waiting runs, queued runs; and the engine alone, without the time of scripts."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection
from django.utils import timezone

from benchmarks import simulated
from benchmarks.report import Row, spread
from benchmarks.simulated import Loop, SimulatedAgent
from domain.step_rules import StepRules
from protocol import frames
from tasks.models import Attempt, Execution, Interruption, PauseMode, ServerTask, StepState, TaskState
from tasks.services import pauses
from tests.harness import scenarios
from tests.harness.installation import Node, wait_for

if TYPE_CHECKING:
    from benchmarks.measures import Bench

SCALED_OUT = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")


def next_step(bench: Bench) -> list[Row]:
    """From an agent's word that a step has ended to the next step's assignment, at the agents' sockets.
    On PostgreSQL the steps alternate between agents of two nodes."""
    from benchmarks.measures import SECOND_NODE  # noqa: PLC0415 - that module lists this one

    servers = [bench.installation.url]
    if SCALED_OUT:
        node = bench.installation.add_node(SECOND_NODE)
        node.start()
        servers.append(node.url)
    loop, spans, said = Loop(), [], {}

    async def react(agent: SimulatedAgent, frame: Any) -> None:
        if isinstance(frame, frames.Assign) and said.get(frame.task_id):
            spans.append((time.perf_counter() - said[frame.task_id]) * 1000)
        if isinstance(frame, frames.Assign):
            owners[frame.attempt_id] = frame.task_id
        if isinstance(frame, frames.Start):
            await agent.say(frames.Started(frame.attempt_id, frame.epoch, 1, time.time()))
            said[owners[frame.attempt_id]] = time.perf_counter()
            await agent.say(simulated.finished(frame.attempt_id, frame.epoch))
        else:
            await simulated.instant(agent, frame)

    owners: dict[str, int] = {}
    pools = [scenarios.pool(bench.installation.space, f"Engine {number}") for number in range(len(servers))]
    for pool, server in zip(pools, servers, strict=True):
        [(machine, key)] = simulated.machines(bench.installation.space, 1, pool=pool)
        agent = SimulatedAgent(machine, key, server=server, react=react)
        loop.do(agent.connect())
        loop.begin(agent.listen())
    book = bench.fixed_runbook("Next step", pools, steps=200)
    bench.finished(bench.visitor.start(book, bench.place))
    where = "across two nodes on PostgreSQL" if SCALED_OUT else "on SQLite"
    budget = "10.5 ms" if SCALED_OUT else "4.4 ms"
    return [Row(f"End of a step to the next one's assignment, {where}", spread(spans[10:], "ms"), budget)]


def crowd(bench: Bench) -> list[Row]:
    """Idle simulated agents on one node: memory and processor time of the server."""
    from benchmarks.measures import cpu_percent, rss  # noqa: PLC0415 - that module lists this one

    count = 2000
    server = bench.installation.process
    assert server is not None
    before = rss(server.pid)

    async def ignore(agent: SimulatedAgent, frame: Any) -> None:
        agent.heard += 1

    made = simulated.machines(bench.installation.space, count, pool=None)
    agents = [
        SimulatedAgent(machine, key, server=bench.installation.url, react=ignore) for machine, key in made
    ]
    loop = Loop()
    began = time.perf_counter()
    loop.do(simulated.connect_all(agents))
    connected = time.perf_counter() - began
    for agent in agents:
        loop.begin(agent.listen())
        loop.begin(agent.beat(15))
    time.sleep(20)
    percent = cpu_percent(server.pid, seconds=30)
    kilobytes = (rss(server.pid) - before) * 1024 / count
    return [
        Row(f"{count:,} agents connect, all at once", f"{connected:.1f} s"),
        Row(f"Server memory for each of {count:,} idle agents", f"{kilobytes:.0f} KB", "50 KB"),
        Row(f"Server processor time with {count:,} idle agents, a heartbeat each 15 s", f"{percent:.1f} %"),
    ]


def waiting(bench: Bench) -> list[Row]:
    """Ten thousand runs that wait for an approval: what they cost a server that does nothing else."""
    from benchmarks.measures import cpu_percent  # noqa: PLC0415 - that module lists this one

    server = bench.installation.process
    assert server is not None
    time.sleep(5)
    before = cpu_percent(server.pid, seconds=30)
    book = bench.runbook("Approve", "true")
    first = scenarios.run(book, bench.place)
    bench.finished(first)
    copies = _approvals(first, 10_000)
    time.sleep(5)
    after = cpu_percent(server.pid, seconds=30)
    ServerTask.objects.filter(pk__in=copies).update(state=TaskState.CANCELED, awaits_answer=False)
    return [
        Row(
            "Idle server; with 10,000 runs that wait for an approval",
            f"{before:.2f} %; {after:.2f} %",
            "the same",
        )
    ]


def _approvals(like: ServerTask, count: int) -> list[int]:
    """Runs whose only step is a manual intervention that nobody has answered."""
    now = timezone.now()
    rows = [
        ServerTask(
            space_id=like.space_id,
            kind=like.kind,
            name="Approve",
            subject_kind=like.subject_kind,
            subject_id=like.subject_id,
            subject_url=like.subject_url,
            environment_id=like.environment_id,
            plan=like.plan,
            concurrency_key=f"approval:{number}",
            slot_key=f"approval:{number}#0",
            state=TaskState.EXECUTING,
            awaits_answer=True,
            created_by_name="benchmark",
            queued_at=now,
            started_at=now,
        )
        for number in range(count)
    ]
    ServerTask.objects.bulk_create(rows, batch_size=500)
    manual = StepRules(manual=True).to_json()
    steps = [
        Execution(
            task=row, number=1, step_number=1, name="Approve", state=StepState.INTERRUPTED, rules=manual
        )
        for row in rows
    ]
    Execution.objects.bulk_create(steps, batch_size=500)
    Interruption.objects.bulk_create(
        [
            Interruption(
                task_id=step.task_id,
                execution=step,
                kind=Interruption.Kind.MANUAL,
                text="Approve?",
                choices=["Proceed", "Abort"],
                opened_at=now,
            )
            for step in steps
        ],
        batch_size=500,
    )
    return [row.pk for row in rows]


def backlog(bench: Bench) -> list[Row]:
    """Ten thousand trivial runs (or as many as OCTOWORKERS_BENCH_RUNS says), all queued before the first one
    starts, over four agents; on PostgreSQL with two nodes, one of which is killed half-way."""
    from benchmarks.measures import SECOND_NODE  # noqa: PLC0415 - that module lists this one

    count = int(os.environ.get("OCTOWORKERS_BENCH_RUNS", "10000"))
    second: Node | None = None
    if SCALED_OUT:
        second = next((one for one in bench.installation.nodes if one.name == SECOND_NODE), None)
        if second is None:
            second = bench.installation.add_node(SECOND_NODE)
        if second.process is None or second.process.poll() is not None:
            second.start()
    counted = bench.installation.home / "counted"
    books = [
        bench.runbook(f"Backlog {number}", f"echo $OCTOWORKERS_TASK_ID >> {counted}") for number in range(100)
    ]
    user = scenarios.administrator()
    pauses.pause(None, mode=PauseMode.DRAIN, reason="Queueing", user=user, now=timezone.now())
    began = time.time()
    tasks = []
    for number in range(count):
        tasks.append(scenarios.run(books[number % len(books)], bench.place).pk)
    _analyze()
    queued = time.time()
    pauses.resume(None, user=user)
    wait_for(lambda: _done(tasks) >= count // 2, seconds=1200, every=1)
    if second is not None:
        second.kill()
    wait_for(lambda: _done(tasks) >= count, seconds=1200, every=1)
    ended = time.time()
    ran = counted.read_text().split()
    assert sorted(map(int, ran)) == sorted(tasks), "each run exactly once"
    assert ServerTask.objects.filter(pk__in=tasks, state=TaskState.SUCCESS).count() == count
    assert Attempt.objects.filter(execution__task__in=tasks).count() >= count
    what = "two nodes, one killed half-way" if second else "one node"
    return [
        Row(f"{count:,} runs queued, one after the other", f"{count / (queued - began):.0f} /s"),
        Row(
            f"{count:,} trivial runs over 4 agents and {what}, each once",
            f"{count / (ended - queued):.0f} /s",
            "100 /s",
        ),
    ]


def _analyze() -> None:
    """What autovacuum does within a minute or so of a table that has just been filled: where it is switched
    off, or late, PostgreSQL plans for empty tables."""
    if SCALED_OUT:
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def _done(tasks: list[int]) -> int:
    first, last = tasks[0], tasks[-1]
    return ServerTask.objects.filter(pk__gte=first, pk__lte=last).exclude(completed_at=None).count()
