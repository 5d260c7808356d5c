from __future__ import annotations

import pytest

from runbooks.services import snapshots
from tests.projects import scenarios
from tests.projects.conftest import environments, pools, project

__all__ = ["environments", "pools", "project"]


@pytest.fixture
def runbook(project):
    """A draft with one step, on the pool that the variable picks per environment."""
    made = scenarios.runbook(project)
    scenarios.add_step(made)
    return made


@pytest.fixture
def published(runbook):
    snapshots.publish(runbook=runbook, user=None)
    return runbook
