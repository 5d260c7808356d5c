"""Fixtures of the API's tests: clients with keys, and a small world made through the API."""

from __future__ import annotations

import pytest

from octoworkers.services import spaces
from spaces.models import Space
from tests.api.client import Api, api_of
from tests.api.flows import World


@pytest.fixture
def space(db) -> Space:
    """The default space with all that a space is born with."""
    return spaces.install()


@pytest.fixture
def api(space, administrator) -> Api:
    return api_of(administrator)


@pytest.fixture
def api_viewer(space, viewer) -> Api:
    return api_of(viewer)


@pytest.fixture
def stranger(space) -> Api:
    return Api()


@pytest.fixture
def world(api) -> World:
    return World(api)
