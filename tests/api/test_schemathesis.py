"""Whatever the description allows, and what it does not, gets an answer that it names, and never a 500."""

from __future__ import annotations

import os
from itertools import count, pairwise
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from accounts.models import Role
from octoworkers.api import description
from octoworkers.services import spaces
from tests.api.client import api_of
from tests.api.flows import World
from tests.factories import MachineFactory, UserFactory

#: Requests per operation; OCTOWORKERS_API_EXAMPLES asks for more.
EXAMPLES = int(os.environ.get("OCTOWORKERS_API_EXAMPLES", "4"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def known(transactional_db) -> dict[str, str]:
    """Ids that exist, by the word that stands before them in an address; and the key to ask with."""
    spaces.install()
    api = api_of(UserFactory(username="ada", role=Role.ADMINISTRATOR))
    world = World(api)
    pool = int(world.dev_pool["Id"].rpartition("-")[2])
    MachineFactory(space_id=int(world.project["SpaceId"].rpartition("-")[2]), pools=[pool])
    [started] = world.run("Development")
    return {
        "key": api.headers["X-Octopus-ApiKey"],
        "projects": world.project["Id"],
        "runbooks": world.runbook["Id"],
        "runbookProcesses": world.runbook["RunbookProcessId"],
        "runbookSnapshots": world.snapshot["Id"],
        "runbookRuns": started["RunbookRunId"],
        "tasks": started["ServerTaskId"],
        "rerun": started["ServerTaskId"],
        "environments": world.dev["Id"],
        "workerpools": world.live_pool["Id"],
        "lifecycles": "Lifecycles-1",
        "variables": world.project["VariableSetId"],
        "deploymentprocesses": world.project["DeploymentProcessId"],
        "spaces": world.project["SpaceId"],
        "users": "me",
        "workers": "Workers-1",
    }


def test_no_500_and_no_undocumented_answer(known: dict[str, str], settings: Any) -> None:
    settings.API_RATE = 10**9
    app = get_wsgi_application()
    schema = schemathesis.openapi.from_dict(description.openapi())
    schema.app = app
    problems: list[str] = []

    operations = [one.ok() for one in schema.get_all_operations()]
    for operation in operations:
        try:
            _ask(operation, known)
        except Exception as error:
            problems.append(f"{operation.label}: {error}"[:1500])

    assert len(operations) > 100
    assert not problems, "\n\n".join(problems)


def _ask(operation: Any, known: dict[str, str]) -> None:
    numbers = count()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        if next(numbers) % 2 == 0:
            _with_known_ids(case, known)
        case.call_and_validate(headers={"X-Octopus-ApiKey": known["key"]}, checks=CHECKS)

    ask()


def _with_known_ids(case: Any, known: dict[str, str]) -> None:
    """Every second request is about something that exists."""
    words = case.operation.path.strip("/").split("/")
    for word, parameter in pairwise(words):
        name = parameter.strip("{}")
        if parameter != name and word in known:
            case.path_parameters[name] = known[word]
