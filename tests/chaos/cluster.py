"""Several nodes on a PostgreSQL and a Redis of their own, and agents that reach all of them through one
address each, as behind a load balancer."""

from __future__ import annotations

from tests.chaos.scripts import Ledger
from tests.harness import scenarios
from tests.harness.installation import EngineNode, Installation, Node
from tests.harness.proxy import Proxy
from tests.harness.services import Postgres, Redis

AGENTS = 3
SLOTS = 4


class Cluster:
    """Two nodes with pages and engine, one with the engine alone, three agents in one pool."""

    def __init__(self, postgres: Postgres, redis: Redis) -> None:
        self.postgres, self.redis = postgres, redis
        self.proxies: list[Proxy] = []
        self.installation = Installation(
            DATABASE_URL=postgres.url, REDIS_URL=redis.url, OCTOWORKERS_NODE="one"
        )
        self.nodes: list[Node] = [
            self.installation,
            self.installation.add_node("two"),
            self.installation.add_node("engine", EngineNode),
        ]
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait()
        self._build()

    def close(self) -> None:
        self.installation.stop()
        for proxy in self.proxies:
            proxy.close()

    def heal(self) -> None:
        """Starts whatever does not run."""
        dead = [one for one in (*self.nodes, *self.installation.agents) if one.process.poll() is not None]
        for one in dead:
            one.start()

    def _build(self) -> None:
        space = self.installation.space
        self.environment = scenarios.environment(space, "Storm")
        pool = scenarios.pool(space, "Storm")
        self.project = scenarios.project(space, "Storm", routes={self.environment: pool})
        self.ledger = Ledger(self.installation.home / "storm.ledger")
        for number in range(1, AGENTS + 1):
            proxy = Proxy(*(node.port for node in self.nodes[:2]))
            self.proxies.append(proxy)
            name = f"storm-{number}"
            self.installation.add_agent(name, pools=[pool], slots=SLOTS, server=proxy.url)
