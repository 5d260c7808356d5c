"""The agent as one file, built once per process from the sources of this server."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from agent.build import build


@dataclass(frozen=True)
class AgentProgram:
    """`version` with the digest of the content, such as 0.1.0+4f0c2a91d3b7; `path` is named by it."""

    path: Path
    version: str


@lru_cache(maxsize=1)
def program() -> AgentProgram:
    """Two processes may build at once: each writes its own file and renames it to the same name."""
    folder = settings.HOME / "agent"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=".pyz")
    os.close(descriptor)
    built = Path(name)
    try:
        version = build(built)
        final = folder / f"octoworker-{version}.pyz"
        built.chmod(0o644)
        built.replace(final)
    finally:
        built.unlink(missing_ok=True)
    return AgentProgram(path=final, version=version)
