"""Several nodes on one PostgreSQL and one Redis: work, pages and agents are anywhere, and move."""

from __future__ import annotations

import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX
from pools.models import WorkerPool
from processes.models import PoolChoice
from processes.services import processes
from processes.services.steps import StepFields
from projects.models import Project
from runbooks.models import Runbook
from runbooks.services import runbooks, snapshots
from tasks.models import Attempt, AttemptState, ServerTask, TaskState
from tasks.selectors import logs
from tasks.services import nodes
from tests.harness import cluster, scenarios
from tests.harness.cluster import Browser, Process, Redis
from tests.harness.installation import Agent, Installation, Node, wait_for
from tests.harness.proxy import Proxy

pytestmark = [
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="several nodes need PostgreSQL; make test has a part with it",
    ),
    pytest.mark.skipif(not shutil.which("redis-server"), reason="no redis-server to start and stop"),
]

LINES = 40


@pytest.fixture(scope="module")
def redis(tmp_path_factory) -> Iterator[Redis]:
    redis = Redis(tmp_path_factory.mktemp("redis"))
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture(scope="module")
def installation(redis: Redis) -> Iterator[Installation]:
    """Its own first server is never started: every node here has a name."""
    installation = Installation()
    installation.environment |= {"REDIS_URL": redis.url}
    yield installation
    installation.stop()


@pytest.fixture(scope="module")
def blue(installation: Installation) -> Process:
    node = cluster.node(installation, "blue")
    node.start()
    return node


@pytest.fixture(scope="module")
def green(installation: Installation, blue: Process) -> Process:
    node = cluster.node(installation, "green")
    node.start()
    return node


@pytest.fixture(scope="module")
def balancer(blue: Process, green: Process) -> Iterator[Proxy]:
    """One address for both nodes; who cannot reach one comes to the other."""
    proxy = Proxy(blue.port, green.port)
    yield proxy
    proxy.close()


@pytest.fixture(scope="module")
def place(installation: Installation, blue: Process, green: Process):
    """A pool with a worker on each node, and a project."""
    space = installation.space
    west, east = (scenarios.pool(space, name) for name in ("West", "East"))
    installation.add_agent("west", pools=[west], server=blue.url)
    installation.add_agent("east", pools=[east], server=green.url)
    development = scenarios.environment(space, "Development")
    project = scenarios.project(space, "Two nodes", routes={development: west})
    return project, development, west, east


@pytest.fixture(scope="module")
def walker(installation: Installation, balancer: Proxy, place) -> tuple[Agent, WorkerPool]:
    """A worker that dials the balancer, in a pool of its own."""
    pool = scenarios.pool(installation.space, "Anywhere")
    return installation.add_agent("walker", pools=[pool], server=balancer.url), pool


def counting(proof: Path, name: str) -> str:
    """Leaves a mark for each time that it runs, then prints a line every 25 ms."""
    return f"""echo {name} >> {proof}
for number in $(seq 1 {LINES}); do echo "{name} $number"; sleep 0.025; done
"""


def runbook(project: Project, name: str, steps: Sequence[tuple[WorkerPool, str]]) -> Runbook:
    """A published runbook whose steps name their pools."""
    user = scenarios.administrator()
    made = runbooks.create(project=project, name=name, user=user)
    process = processes.get_or_create(owner_kind="runbook", owner_id=made.pk, space=project.space)
    for number, (pool, script) in enumerate(steps, start=1):
        fields = StepFields(
            name=f"Step {number}",
            properties={SCRIPT_BODY: script, SCRIPT_SYNTAX: "Bash"},
            pool_choice=PoolChoice.SPECIFIC,
            worker_pool=pool,
        )
        processes.add_step(process=process, version=process.version, fields=fields, user=user)
        process.refresh_from_db()
    snapshots.publish(runbook=made, user=user)
    made.refresh_from_db()
    return made


def finished(task: ServerTask) -> ServerTask:
    def final() -> ServerTask | None:
        row = ServerTask.objects.get(pk=task.pk)
        return row if row.is_completed else None

    return wait_for(final, seconds=75)


def running(task: ServerTask, *, lines: int = 3) -> Attempt:
    """Once a script of it has printed something."""
    rows = Attempt.objects.filter(execution__task=task, state=AttemptState.RUNNING, log_lines__gte=lines)
    return wait_for(rows.select_related("machine").first, seconds=40)


def assert_each_ran_once_and_whole(task: ServerTask, proof: Path, names: Sequence[str]) -> None:
    done = finished(task)
    assert (done.state, done.error_message) == (TaskState.SUCCESS, "")
    assert proof.read_text().split() == list(names), "a script ran more or less than once"
    attempts = list(Attempt.objects.filter(execution__task=task).order_by("execution__number"))
    printed = [[line.text for line in logs.lines(attempt, 0, 10_000)] for attempt in attempts]
    assert printed == [[f"{name} {number}" for number in range(1, LINES + 1)] for name in names]
    assert all(attempt.log_sha256 for attempt in attempts)


def test_a_run_goes_to_and_fro_between_workers_of_two_nodes(place, installation, tmp_path):
    project, development, west, east = place
    proof = tmp_path / "proof"
    names = [f"step{number}" for number in range(1, 7)]
    steps = [((west, east)[number % 2], counting(proof, name)) for number, name in enumerate(names)]
    task = scenarios.run(runbook(project, "To and fro", steps), development)

    assert_each_ran_once_and_whole(task, proof, names)
    holders = {agent.name: agent.machine.node_name for agent in installation.agents}
    assert holders["west"] == "blue"
    assert holders["east"] == "green"


def test_a_page_on_one_node_follows_a_worker_on_the_other(place, installation, green, tmp_path):
    project, development, west, _ = place
    browser = Browser(green, scenarios.administrator(), origin=installation.url)
    book = runbook(project, "Followed", [(west, counting(tmp_path / "proof", "west"))])
    task = scenarios.run(book, development)
    browser.say({"log": {"task": task.pk, "after": {}}, "subscribe": [f"task-{task.pk}"]})

    seen: list[str] = []

    def is_whole(message: dict) -> bool:
        frame = message.get("log") or {"groups": [], "done": False}
        seen.extend(line[3] for group in frame["groups"] for line in group["lines"] or [])
        return frame["done"] and len(seen) == LINES

    browser.hear(is_whole, seconds=40)
    assert seen == [f"west {number}" for number in range(1, LINES + 1)]
    browser.close()


def test_a_node_is_killed_and_its_agent_goes_to_the_other(place, walker, blue, green, tmp_path):
    project, development, _, east = place
    agent, anywhere = walker
    proof = tmp_path / "proof"
    names = ["first", "second", "third"]
    pools = [anywhere, east, anywhere]
    steps = [(pool, counting(proof, name)) for pool, name in zip(pools, names, strict=True)]
    task = scenarios.run(runbook(project, "Node dies", steps), development)
    running(task)
    holder, other = (blue, green) if agent.machine.node_name == "blue" else (green, blue)

    holder.kill()

    wait_for(lambda: agent.machine.node_name == other.name, seconds=40)
    if holder is green:
        # The worker of the second step dials this node alone.
        holder.start()
    assert_each_ran_once_and_whole(task, proof, names)
    if holder is blue:
        holder.start()


def test_an_agent_moves_to_and_fro_in_the_middle_of_its_log(place, walker, balancer, tmp_path):
    """Each node remembers where the log ended when it last took lines, and must not believe itself."""
    project, development, *_ = place
    agent, anywhere = walker
    proof = tmp_path / "proof"
    task = scenarios.run(runbook(project, "Moves", [(anywhere, counting(proof, "moved"))]), development)
    holders = []
    for lines in (3, 12, 21):
        running(task, lines=lines)
        holders.append(agent.machine.node_name)
        balancer.cut()
        wait_for(lambda: agent.machine.is_connected and agent.machine.node_name != holders[-1], seconds=40)

    assert_each_ran_once_and_whole(task, proof, ["moved"])
    assert set(holders) == {"blue", "green"}


def test_the_database_cuts_all_connections_in_the_middle_of_a_run(place, tmp_path):
    project, development, west, east = place
    proof = tmp_path / "proof"
    steps = [(west, counting(proof, "one")), (east, counting(proof, "two"))]
    task = scenarios.run(runbook(project, "Database restarts", steps), development)
    running(task)
    # The writer, the keeper, and two for the queue of jobs, for each node.
    assert cluster.cut_all_connections() >= 8
    running(task, lines=LINES // 2)
    cluster.cut_all_connections()

    assert_each_ran_once_and_whole(task, proof, ["one", "two"])


def test_pages_and_runs_go_on_after_redis_was_away(place, redis, installation, green, tmp_path):
    project, development, west, east = place
    proof = tmp_path / "proof"
    browser = Browser(green, scenarios.administrator(), origin=installation.url)
    browser.say({"subscribe": ["tasks"]})
    browser.hear(lambda message: message == {"topics": ["tasks"]})
    steps = [(west, counting(proof, "one")), (east, counting(proof, "two"))]
    task = scenarios.run(runbook(project, "Redis restarts", steps), development)
    running(task)
    redis.stop()
    redis.start()

    # What was said while Redis was away is lost: the page is told to look again.
    browser.hear(lambda message: message == {"topics": ["tasks"]})
    assert_each_ran_once_and_whole(task, proof, ["one", "two"])
    later = scenarios.run(
        runbook(project, "After Redis", [(east, counting(tmp_path / "x", "x"))]), development
    )
    browser.hear(lambda message: message == {"topics": ["tasks"]})
    assert finished(later).state == TaskState.SUCCESS
    browser.close()


def test_a_draining_node_admits_nothing_and_finishes_what_it_has(place, blue, green, tmp_path):
    project, development, west, _ = place
    user = scenarios.administrator()
    first = scenarios.run(runbook(project, "Before", [(west, counting(tmp_path / "a", "a"))]), development)
    running(first)
    for node in (blue, green):
        nodes.drain(cluster.row(node.name), reason="Upgrade", user=user)

    assert finished(first).state == TaskState.SUCCESS
    second = scenarios.run(runbook(project, "While", [(west, "echo ran")]), development)
    assert [health(node) for node in (blue, green)] == [(503, "draining\n")] * 2
    wait_for_two_heartbeats("blue")
    assert ServerTask.objects.get(pk=second.pk).state == TaskState.QUEUED

    nodes.undrain(cluster.row("green"), user=user)
    assert finished(second).node_name == "green"
    nodes.undrain(cluster.row("blue"), user=user)
    assert health(blue) == (200, "ok\n")


def test_a_node_that_only_serves_and_one_that_only_runs_the_engine(
    place, installation, blue, green, tmp_path
):
    project, development, west, _ = place
    web = cluster.node(installation, "web", "serve", "--no-engine")
    engine = cluster.node(installation, "engine", "engine")
    for node in (web, engine):
        node.start()
    pool = scenarios.pool(installation.space, "Behind the web node")
    installation.add_agent("behind", pools=[pool], server=web.url)
    user = scenarios.administrator()
    for node in (blue, green):
        nodes.drain(cluster.row(node.name), reason="The others' turn", user=user)

    proof = tmp_path / "proof"
    steps = [(pool, counting(proof, "one")), (west, counting(proof, "two")), (pool, counting(proof, "three"))]
    task = scenarios.run(runbook(project, "Apart", steps), development)

    assert_each_ran_once_and_whole(task, proof, ["one", "two", "three"])
    assert ServerTask.objects.get(pk=task.pk).node_name == "engine"
    for node in (blue, green):
        nodes.undrain(cluster.row(node.name), user=user)
    for node in (web, engine):
        node.stop()
        assert cluster.row(node.name) is None, "it said that it ends"


def test_a_second_process_of_a_name_is_refused(installation, blue):
    second = cluster.node(installation, "blue", "engine")

    second.launch()

    assert second.process.wait(40) == 1
    assert "A node named blue runs already" in second.output()
    assert cluster.row("blue").serves_web


def test_a_node_without_redis_is_refused_beside_others(installation, blue):
    lonely = cluster.node(installation, "lonely")
    lonely.environment["REDIS_URL"] = ""

    lonely.launch()

    assert lonely.process.wait(40) == 1
    assert "this one has no REDIS_URL" in lonely.output()


def test_a_node_with_other_keys_is_refused(installation, blue, tmp_path):
    stranger = cluster.node(installation, "stranger")
    stranger.environment["OCTOWORKERS_HOME"] = str(tmp_path)

    stranger.launch()

    assert stranger.process.wait(40) == 1
    assert "This node has other keys than node" in stranger.output()


def test_a_node_that_lost_its_name_ends(installation, redis):
    node = cluster.node(installation, "brief")
    node.start()

    nodes.Node.objects.filter(name="brief").update(started_at=timezone.now())

    assert node.process.wait(30) == 1
    assert "Another process runs as node brief" in node.output()


def health(node: Node) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"{node.url}/health/", timeout=5) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read().decode()


def wait_for_two_heartbeats(name: str) -> None:
    """Ten seconds of an engine's life, with as many sweeps."""
    seen = {cluster.row(name).last_seen_at}

    def beat() -> bool:
        seen.add(cluster.row(name).last_seen_at)
        return len(seen) > 2

    wait_for(beat)
