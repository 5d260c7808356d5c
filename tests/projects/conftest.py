from __future__ import annotations

import pytest

from tests.projects import scenarios


@pytest.fixture
def environments(space):
    return scenarios.environments(space, "Development", "Production")


@pytest.fixture
def pools(space):
    return [scenarios.staffed_pool(space, "SQL - Dev"), scenarios.staffed_pool(space, "SQL - Production")]


@pytest.fixture
def project(space, default_pool, environments, pools):
    """Its deployment process has one step, on the pool that the variable picks per environment."""
    made = scenarios.project(space)
    scenarios.add_step(made)
    scenarios.route(made, dict(zip(environments, pools, strict=True)))
    return made
