"""What the nodes stand on goes away under them and comes back: PostgreSQL, Redis, another node."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections

from tasks.models import Attempt, ServerTask, TaskState
from tests.chaos import scripts
from tests.chaos.checks import PATIENCE, check, settled
from tests.chaos.cluster import Cluster
from tests.chaos.conftest import SEED
from tests.chaos.report import Case
from tests.chaos.scripts import Script
from tests.harness import scenarios
from tests.harness.installation import Agent, Node, wait_for

Outage = Callable[[Cluster, Case, ServerTask, list[Script]], None]


@pytest.fixture
def in_cluster(cluster, report) -> Callable[[str, Outage], None]:
    """A run of two steps; the outage comes while the first script waits at its gate."""

    def play(name: str, outage: Outage) -> None:
        with report.case("outages", name, seed=SEED) as case:
            gate = cluster.installation.home / f"{name.replace(' ', '-')}.gate"
            made = [
                scripts.make(cluster.ledger, step=1, seed=SEED, gate=gate),
                scripts.make(cluster.ledger, step=2, seed=SEED + 1),
            ]
            book = scenarios.runbook(cluster.project, name, [script.text for script in made])
            task = scenarios.run(book, cluster.environment)
            wait_for(lambda: cluster.ledger.begun(task.pk), seconds=PATIENCE)
            outage(cluster, case, task, made)
            made[0].open_gate()
            done = settled(task)
            assert done.state == TaskState.SUCCESS, done.error_message
            case.tally = check(done, made, cluster.ledger)

    return play


def ended(cluster: Cluster, task: ServerTask) -> None:
    """Waits until the first step's script has come to its end."""
    wait_for(lambda: cluster.ledger.ended(task.pk), seconds=PATIENCE)


def test_all_connections_to_postgresql_are_cut(in_cluster):
    def outage(cluster: Cluster, case: Case, task: ServerTask, made: list[Script]) -> None:
        assert cluster.postgres.cut() > 0
        case.did("PostgreSQL cut")

    in_cluster("connections to PostgreSQL cut", outage)


def test_postgresql_crashes_and_comes_back(in_cluster):
    """The script ends while there is no database to tell."""

    def outage(cluster: Cluster, case: Case, task: ServerTask, made: list[Script]) -> None:
        cluster.postgres.stop()
        connections.close_all()
        case.did("PostgreSQL restarted")
        made[0].open_gate()
        ended(cluster, task)
        cluster.postgres.start()

    in_cluster("PostgreSQL restarted", outage)


def test_redis_restarts(in_cluster):
    def outage(cluster: Cluster, case: Case, task: ServerTask, made: list[Script]) -> None:
        cluster.redis.stop()
        cluster.redis.start()
        case.did("Redis restarted")

    in_cluster("Redis restarted", outage)


def test_redis_is_away_while_a_step_ends_and_the_next_is_assigned(in_cluster):
    """The assignment is a nudge that gets lost: it is sent again."""

    def outage(cluster: Cluster, case: Case, task: ServerTask, made: list[Script]) -> None:
        cluster.redis.stop()
        case.did("Redis restarted")
        made[0].open_gate()
        ended(cluster, task)
        wait_for(lambda: Attempt.objects.filter(execution__task=task).count() == 2, seconds=PATIENCE)
        cluster.redis.start()

    in_cluster("Redis away while a step ends", outage)


def test_the_node_of_an_agent_dies_and_the_agent_moves(in_cluster):
    """The script ends while its node is dead: the agent tells the other one."""

    def outage(cluster: Cluster, case: Case, task: ServerTask, made: list[Script]) -> None:
        agent, node = whereabouts(cluster, task)
        node.kill()
        case.did("kill node")
        made[0].open_gate()
        ended(cluster, task)
        wait_for(lambda: agent.machine.node_name not in ("", node.name), seconds=PATIENCE)

    in_cluster("node of an agent killed", outage)


def test_the_engine_dies(in_cluster):
    def outage(cluster: Cluster, case: Case, task: ServerTask, made: list[Script]) -> None:
        for node in cluster.nodes[1:]:
            node.kill()
            case.did("kill node")

    in_cluster("all engines but one killed", outage)


def whereabouts(cluster: Cluster, task: ServerTask) -> tuple[Agent, Node]:
    """The agent that runs a run's first step, and the node that it is connected to."""
    machine = Attempt.objects.get(execution__task=task).machine
    agent = next(agent for agent in cluster.installation.agents if agent.name == machine.name)
    names = {"one": cluster.nodes[0], "two": cluster.nodes[1]}
    return agent, names[machine.node_name]
