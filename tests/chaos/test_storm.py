"""Two nodes, an engine of its own and three agents run many steps, while whoever is chosen by chance is
killed: a node, an engine, an agent, the process that forks its shims, a shim."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from domain.runs import Answer
from runbooks.models import Runbook
from tasks.models import LIVE, Attempt, Interruption, ServerTask
from tasks.models.task import UNFINISHED
from tasks.services import interruptions
from tests.chaos import scripts
from tests.chaos.checks import check, everything_is_free
from tests.chaos.cluster import Cluster
from tests.chaos.conftest import SEED
from tests.chaos.report import Case
from tests.chaos.scripts import Script
from tests.harness import scenarios
from tests.harness.extent import FULL
from tests.harness.installation import Agent, Node, wait_for
from tests.harness.proxy import Chance, Fault

STEPS, KILLS = (1000, 20) if FULL else (100, 4)
STEPS_OF_A_RUN = 4
BOOKS = 5
#: Of a hundred messages, so many meet a fault.
FAULTS = 1
#: Seconds without any progress after which something is stuck: an assignment that nobody accepted is
#: taken back after 30 s, an agent that lost its server comes back within 15 s.
STUCK = 90


@dataclass
class Book:
    runbook: Runbook
    made: list[Script]


class Killer:
    """Kills as often as it should, at moments chosen by chance: after so many scripts have begun."""

    def __init__(self, cluster: Cluster, case: Case) -> None:
        self._cluster = cluster
        self._case = case
        self._chance = random.Random(case.seed)  # noqa: S311 - to be repeated
        self.moments = sorted(self._chance.sample(range(1, STEPS * 9 // 10), KILLS))
        self._victims: list[Callable[[], str]] = [
            self._kill_node,
            self._kill_node,
            self._kill_agent,
            self._kill_agent,
            self._kill_zygote,
            self._kill_shim,
        ]

    def look(self, begun: int) -> None:
        while self.moments and begun >= self.moments[0]:
            del self.moments[0]
            self._cluster.heal()
            self._case.did(f"kill {self._chance.choice(self._victims)()}")

    def _kill_node(self) -> str:
        node: Node = self._chance.choice(self._cluster.nodes)
        node.kill()
        node.launch()
        return node.name

    def _kill_agent(self) -> str:
        agent = self._agent()
        agent.kill()
        agent.launch()
        return "agent"

    def _kill_zygote(self) -> str:
        with suppress(ProcessLookupError, StopIteration):
            os.kill(self._agent().zygote(), signal.SIGKILL)
        return "zygote"

    def _kill_shim(self) -> str:
        shims = [shim for agent in self._cluster.installation.agents for shim in agent.shims()]
        if shims:
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(shims)["pid"], signal.SIGKILL)
        return "shim"

    def _agent(self) -> Agent:
        return self._chance.choice(self._cluster.installation.agents)


def test_a_storm(cluster, report):
    with report.case("storm", f"{STEPS} steps, {KILLS} kills", seed=SEED) as case:
        books = [_book(cluster, number) for number in range(BOOKS)]
        for proxy in cluster.proxies:
            faults = [Fault.CUT_BEFORE, Fault.CUT_AFTER, Fault.DUPLICATE, Fault.DELAY, Fault.REORDER]
            proxy.chance = Chance(SEED + proxy.port, share=FAULTS / 100, faults=faults, most=STEPS)
        runs = [_start(cluster, books[number % BOOKS]) for number in range(STEPS // STEPS_OF_A_RUN)]
        killer = Killer(cluster, case)
        _weather(cluster, killer)
        assert not killer.moments
        for task, book in runs:
            case.tally += check(ServerTask.objects.get(pk=task.pk), book.made, cluster.ledger)
        _nobody_holds_anything(cluster)
        for proxy in cluster.proxies:
            proxy.chance = None
            for fault, times in proxy.harm.items():
                case.did(fault, times)


def _book(cluster: Cluster, number: int) -> Book:
    seeds = [SEED + 100 * number + step for step in range(STEPS_OF_A_RUN)]
    made = [
        scripts.make(cluster.ledger, step=step, seed=seed, bursts=2)
        for step, seed in enumerate(seeds, start=1)
    ]
    book = scenarios.runbook(cluster.project, f"Storm {number}", [script.text for script in made])
    # As many at once as there is room for.
    Runbook.objects.filter(pk=book.pk).update(max_concurrent=0)
    book.refresh_from_db()
    return Book(book, made)


def _start(cluster: Cluster, book: Book) -> tuple[ServerTask, Book]:
    return scenarios.run(book.runbook, cluster.environment), book


def _weather(cluster: Cluster, killer: Killer) -> None:
    """Until every run is over; people answer what is asked at once."""
    user = scenarios.administrator()
    moved, progress = time.monotonic(), (0, 0)
    while ServerTask.objects.filter(state__in=UNFINISHED).exists():
        for question in Interruption.objects.filter(closed_at__isnull=True):
            assert question.kind == Interruption.Kind.SETTLE
            interruptions.answer(question, answer=Answer.SUCCEEDED, notes="", user=user, now=timezone.now())
        entries = cluster.ledger.entries()
        now = (len(entries), Attempt.objects.exclude(state__in=LIVE).count())
        if now != progress:
            moved, progress = time.monotonic(), now
        assert time.monotonic() - moved < STUCK, _what_is_left()
        killer.look(sum(entry.word == "begin" for entry in entries))
        time.sleep(0.1)


def _what_is_left() -> str:
    left = ServerTask.objects.filter(state__in=UNFINISHED)
    attempts = Attempt.objects.filter(state__in=LIVE).values("state", "machine__name", "assigned_at")
    waiting = left.filter(Q(executions__state="Waiting")).values_list("executions__waiting_for", flat=True)
    return f"{left.count()} runs stand still: {list(attempts)} {set(waiting)}"


def _nobody_holds_anything(cluster: Cluster) -> None:
    cluster.heal()
    for agent in cluster.installation.agents:
        everything_is_free(agent.machine)
        wait_for(lambda agent=agent: not list((agent.home / "attempts").iterdir()), seconds=STUCK)
