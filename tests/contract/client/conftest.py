"""Octopus Deploy's official client against a real server with real agents."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.services import api_keys
from tests.harness import scenarios
from tests.harness.installation import Installation

HERE = Path(__file__).parent
Drive = Callable[..., Any]


@pytest.fixture(scope="session", autouse=True)
def _real_database(django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session", autouse=True)
def _official_client() -> None:
    assert shutil.which("node"), "node is not installed"
    assert (HERE / "node_modules").is_dir(), f"Run npm ci in {HERE} first; .ci/run does."


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    installation = Installation()
    installation.start()
    yield installation
    installation.stop()


@pytest.fixture(scope="module")
def drive(installation: Installation) -> Drive:
    """`drive("connect", name="x")` runs a scenario of drive.mjs and gives what it returned. With `fails` the
    client has to meet an error, else it must not."""
    owner = scenarios.administrator()
    _, key = api_keys.create(owner=owner, purpose="Contract tests", now=timezone.now(), user=owner)

    def run(name: str, /, *, fails: bool = False, **given: Any) -> Any:
        done = subprocess.run(
            ["node", "drive.mjs", name, json.dumps(given)],
            cwd=HERE,
            env={**os.environ, "OCTO_URL": installation.url, "OCTO_KEY": key},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        # The client prints what it does; the result is the last line.
        found = json.loads(done.stdout.strip().splitlines()[-1])
        assert fails == ("error" in found), found
        return found

    return run
