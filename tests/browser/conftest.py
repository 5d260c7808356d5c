"""Journeys of a person with a browser, against one real installation with real agents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from accounts.models import Role, User
from environments.models import Environment
from pools.models import WorkerPool
from projects.models import Project
from runbooks.models import Runbook
from tests.harness import browser as harness
from tests.harness import scenarios
from tests.harness.browser import Visitor, aside, picture
from tests.harness.installation import Agent, Installation

expect.set_options(timeout=harness.PATIENCE)

PASSWORD = "a long walk by the canal"


@dataclass(frozen=True)
class World:
    """What every journey finds: two pools with a worker each, three environments, a project that
    routes between them, and somebody of each role."""

    installation: Installation
    dev_pool: WorkerPool
    production_pool: WorkerPool
    dev_agent: Agent
    production_agent: Agent
    development: Environment
    test: Environment
    production: Environment
    project: Project
    admin: User
    editor: User
    operator: User
    viewer: User

    def runbook(self, name: str, *scripts: str, syntax: str = "Bash") -> Runbook:
        """A published runbook of the project, with a step per script on the pool of the variable."""
        made = aside(scenarios.runbook, self.project, name, scripts, syntax=syntax)
        made.project = self.project
        return made

    @property
    def routes(self) -> dict[Environment, WorkerPool]:
        return {
            self.development: self.dev_pool,
            self.test: self.dev_pool,
            self.production: self.production_pool,
        }


@pytest.fixture(scope="session", autouse=True)
def _real_database(django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def installation(_real_database) -> Iterator[Installation]:
    installation = aside(Installation)
    installation.start()
    yield installation
    installation.stop()


@pytest.fixture(scope="session")
def world(installation: Installation) -> World:
    return aside(make_world, installation)


def make_world(installation: Installation) -> World:
    space = installation.space
    scenarios.administrator()
    people = {role: harness.person(role.lower(), role, password=PASSWORD) for role in Role}
    development, test, production = (
        scenarios.environment(space, name) for name in ("Development", "Test", "Production")
    )
    dev, live = (scenarios.pool(space, name) for name in ("SQL - Dev", "SQL - Production"))
    routes = {development: dev, test: dev, production: live}
    return World(
        installation=installation,
        dev_pool=dev,
        production_pool=live,
        dev_agent=installation.add_agent("sql-dev-01", pools=[dev], slots=4),
        production_agent=installation.add_agent("sql-prod-01", pools=[live], slots=2),
        development=development,
        test=test,
        production=production,
        project=scenarios.project(space, "Orders database", routes=routes),
        admin=people[Role.ADMINISTRATOR],
        editor=people[Role.EDITOR],
        operator=people[Role.OPERATOR],
        viewer=people[Role.VIEWER],
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = harness.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def visitor(browser: Browser, world: World, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    """Opens pages; the test fails where one of them met an error that the test did not announce."""
    log = world.installation.home / "server.log"
    before = log.stat().st_size
    visitor = Visitor(browser, world.installation)
    yield visitor
    print(log.read_bytes()[before:].decode())
    for number, page in enumerate(visitor.pages):
        picture(page, f"{request.node.name}-{number}" if number else request.node.name)
    visitor.close()
    assert visitor.watch.complaints == [], "the captured output holds what the server said"


@pytest.fixture
def page(visitor: Visitor, world: World) -> Page:
    """A page of the administrator."""
    return visitor.open(world.admin)
