"""The command-line client as a process, as a script starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.utils import timezone

from accounts.services import api_keys
from tests.harness import scenarios
from tests.harness.installation import ROOT, Installation


def key_of_administrator() -> str:
    owner = scenarios.administrator()
    _, key = api_keys.create(owner=owner, purpose="octo", now=timezone.now(), user=owner)
    return key


class Octo:
    """`octo("list", "projects")` runs it to its end; `start` gives the process. Both are signed in by their
    environment, and keep their login below `home`."""

    def __init__(self, installation: Installation, home: Path) -> None:
        self.file = home / "login.json"
        self.key = key_of_administrator()
        self.environment = {
            **os.environ,
            "OCTOPUS_URL": installation.url,
            "OCTOPUS_API_KEY": self.key,
            "OCTO_CONFIG": str(self.file),
            "COLUMNS": "200",
            "PYTHONUNBUFFERED": "1",
        }

    def __call__(
        self, *words: str, code: int = 0, given: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self._command(words),
            cwd=ROOT,
            env={**self.environment, **environment},
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self(*words, "--output", "json", code=code).stdout)

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._command(words),
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @staticmethod
    def _command(words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "octo", *words]
