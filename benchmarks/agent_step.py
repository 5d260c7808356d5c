"""`python -m benchmarks.agent_step [count]`: the agent's own part of a trivial step, without a server's.

A fake server in this process hands over `true` under Bash, one after the other, and answers at once. The
clock runs from the assignment to the finish. Bash by itself is measured beside it.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from agent import capabilities
from agent.config import Home
from protocol.frames import Accepted, Assign, Finished, Settled, Start, Started
from tests.agent.conftest import AgentProcess, register
from tests.agent.fake_server import FakeServer

COUNT = 300
WARM_UP = 20


async def step(server: FakeServer) -> dict[str, float]:
    """Milliseconds from the assignment to each answer."""
    attempt_id = str(uuid.uuid4())
    server.frames.clear()
    begun = time.perf_counter()
    spans: dict[str, float] = {}
    await server.send(Assign(attempt_id, 1, 7, "Step"))
    await server.expect(Accepted, attempt_id=attempt_id)
    spans["accepted"] = (time.perf_counter() - begun) * 1000
    await server.send(Start(attempt_id, 1, "bash", "true"))
    await server.expect(Started, attempt_id=attempt_id)
    spans["started"] = (time.perf_counter() - begun) * 1000
    await server.expect(Finished, attempt_id=attempt_id)
    spans["finished"] = (time.perf_counter() - begun) * 1000
    await server.send(Settled(attempt_id, 1))
    return spans


def bash() -> float:
    """Milliseconds of a Bash that does nothing."""
    begun = time.perf_counter()
    subprocess.run(["bash", "-c", "true"], check=True)
    return (time.perf_counter() - begun) * 1000


async def measure(folder: Path, count: int) -> list[dict[str, float]]:
    server = FakeServer()
    await server.start()
    tools = Home(folder / "tools")
    tools.create()
    capabilities.probe(tools)
    agent = AgentProcess(register(folder / "home", server, tools.tools), folder / "agent.err")
    agent.start()
    try:
        await server.connected()
        spans = [await step(server) for _ in range(count + WARM_UP)]
        show_memory(agent.pid)
        return spans[WARM_UP:]
    finally:
        agent.end()
        await server.stop()


def show_memory(pid: int) -> None:
    """Of the agent and the processes that it has, each share of a shared page counted once."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    sizes = [proportional(int(one)) for one in (str(pid), *children.stdout.split())]
    print(f"{'memory':24}{sum(sizes):8.1f} MB   {' + '.join(f'{size:.1f}' for size in sizes)}")


def proportional(pid: int) -> float:
    """Megabytes of a process, of shared pages its share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def show(name: str, values: list[float]) -> None:
    late = statistics.quantiles(values, n=20)[-1]
    print(f"{name:24}{statistics.median(values):8.2f} ms   p95 {late:.2f} ms")


def main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="octoworkers-bench-") as folder:
        spans = asyncio.run(measure(Path(folder), count))
    for name in spans[0]:
        show(f"assignment to {name}", [one[name] for one in spans])
    show("bash -c true alone", [bash() for _ in range(count)])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
