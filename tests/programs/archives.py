"""Packages for the tests of step programs, and a run of one as the agent would start it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from programs.kit.packages import Package
from tasks.engine.programs import packed
from tests.programs.package_server import TOKEN


def zipped(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return buffer.getvalue()


class Bench:
    """An agent's home and the folder of one attempt. Packages are in its cache already."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.attempt = folder / "attempt"
        self.work = self.attempt / "work"
        self.cache = self.home / "packages"
        self.work.mkdir(parents=True)
        self.cache.mkdir(parents=True)
        (self.home / "agent.json").write_text(json.dumps({"server": "http://127.0.0.1:9"}))
        self.packages: list[dict[str, Any]] = []

    def add(self, package_id: str, files: dict[str, str | bytes], *, name: str = "", **more: Any) -> None:
        content = zipped(files)
        package = Package(
            name=name,
            package_id=package_id,
            version=more.get("version", "1.0.0"),
            file_name=f"{package_id}.{more.get('version', '1.0.0')}.zip",
            extension="zip",
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            path="/api/agents/packages/1",
            token=TOKEN,
            extract=more.get("extract", True),
            acquired=True,
        )
        (self.cache / package.sha256).write_bytes(content)
        self.packages.append(asdict(package))

    def run(
        self, program: str, inputs: dict[str, str], variables: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        (self.attempt / "program.zip").write_bytes(base64.b64decode(packed(program)))
        given = {
            "inputs": {**inputs, "packages": json.dumps(self.packages)},
            "variables": variables or {},
            "home": str(self.home),
        }
        (self.attempt / "inputs.json").write_text(json.dumps(given))
        return subprocess.run(
            [sys.executable, "-I", "-B", "-u", "-X", "utf8", "../program.zip", "../inputs.json"],
            cwd=self.work,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=60,
        )
