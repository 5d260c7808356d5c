"""Lanes: each an agent behind a proxy of its own, with a pool and an environment that nobody else uses,
so that cases can run beside each other on one server."""

from __future__ import annotations

import itertools
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from django.db import connections

from environments.models import Environment
from projects.models import Project
from tasks.models import ServerTask
from tests.chaos.checks import PATIENCE, everything_is_free
from tests.chaos.scripts import Ledger, Script
from tests.harness import scenarios
from tests.harness.installation import Agent, Installation, wait_for
from tests.harness.proxy import Proxy
from workers.services.presence import is_online

#: Broken connections after which an agent waits so long before the next try that it is quicker to start
#: it anew. It counts them until one has been stable.
_TRIES = 2

T = TypeVar("T")


class Lane:
    def __init__(self, installation: Installation, number: int) -> None:
        self.installation = installation
        self.number = number
        self.name = f"lane-{number}"
        self.proxy = Proxy(installation.port)
        self.proxy.rewrite["welcome.v1"] = _hurry
        self.environment: Environment = scenarios.environment(installation.space, f"Lane {number}")
        self.pool = scenarios.pool(installation.space, f"Pool of lane {number}")
        self.ledger = Ledger(installation.home / f"{self.name}.ledger")
        self.project: Project | None = None
        self.agent: Agent | None = None
        self._broken = 0

    def open(self, project: Project) -> None:
        self.project = project
        self.agent = self.installation.add_agent(self.name, pools=[self.pool], slots=3, server=self.proxy.url)

    def run(self, name: str, scripts: Sequence[Script]) -> ServerTask:
        assert self.project is not None
        # After a server's death an agent waits up to 15 s before its next try.
        wait_for(self._can_work, seconds=PATIENCE)
        book = scenarios.runbook(self.project, name, [script.text for script in scripts])
        return scenarios.run(book, self.environment)

    def _can_work(self) -> bool:
        assert self.agent is not None
        machine = self.agent.machine
        return machine.is_connected and is_online(machine)

    def begun(self, task: ServerTask, step: int = 1) -> None:
        """Waits until a step's script has begun."""
        wait_for(lambda: self.ledger.begun(task.pk, step), seconds=PATIENCE)

    def rest(self) -> None:
        """Waits until the agent has let everything go, and makes it as good as new."""
        assert self.agent is not None
        agent = self.agent
        everything_is_free(agent.machine)
        wait_for(lambda: not list((agent.home / "attempts").iterdir()), seconds=PATIENCE)
        self._broken += sum(self.proxy.harm.values())
        self.proxy.clear()
        self.proxy.counts.clear()
        self.proxy.harm.clear()
        if self._broken >= _TRIES:
            self._broken = 0
            agent.kill()
            agent.start()

    def story(self) -> str:
        """What is worth knowing when something went wrong here."""
        assert self.agent is not None
        log = self.installation.home / f"{self.name}.log"
        tail = "".join(log.read_text(errors="replace").splitlines(keepends=True)[-30:])
        return f"{self.name}: messages {dict(self.proxy.counts)}, harm {dict(self.proxy.harm)}\n{tail}"


def _hurry(welcome: dict) -> dict:
    """Heartbeats every second instead of every fifteen: a silent line is noticed within the test."""
    return {**welcome, "heartbeat_seconds": 1}


class Lanes:
    """Cases wait in a line for a free lane."""

    def __init__(self, installation: Installation, count: int) -> None:
        self.all = [Lane(installation, number) for number in range(1, count + 1)]
        routes = {lane.environment: lane.pool for lane in self.all}
        project = scenarios.project(installation.space, "Chaos", routes=routes)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="lane")
        self._free: queue.Queue[Lane] = queue.Queue()
        for opened in [self._threads.submit(self._open, lane, project) for lane in self.all]:
            self._free.put(opened.result())

    def submit(self, case: Callable[[Lane], T]) -> Future[T]:
        """In the next lane that is free."""
        return self._threads.submit(self._next, case)

    def submit_to(self, lane: Lane, case: Callable[[Lane], T]) -> Future[T]:
        """In this lane, while nothing else is submitted."""
        return self._threads.submit(self._work, lane, case)

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for lane in self.all:
            lane.proxy.close()

    def _open(self, lane: Lane, project: Project) -> Lane:
        lane.open(project)
        connections.close_all()
        return lane

    def _next(self, case: Callable[[Lane], T]) -> T:
        lane = self._free.get()
        try:
            return self._work(lane, case)
        finally:
            self._free.put(lane)

    def _work(self, lane: Lane, case: Callable[[Lane], T]) -> T:
        try:
            result = case(lane)
            lane.rest()
            return result
        except BaseException as error:
            error.add_note(lane.story())
            raise
        finally:
            connections.close_all()


def gate(lane: Lane, seed: int) -> Path:
    """A file for a script to wait for."""
    return lane.installation.home / f"{lane.name}-{seed}-{next(_numbers)}.gate"


_numbers = itertools.count()
