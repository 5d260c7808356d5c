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
    """`path` is named by the content, `sha256` is its digest in hex."""

    path: Path
    sha256: str


@lru_cache(maxsize=1)
def program() -> AgentProgram:
    """Two processes may build at once: each writes its own file and renames it to the same name."""
    folder = settings.HOME / "agent"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=".pyz")
    os.close(descriptor)
    built = Path(name)
    try:
        digest = build(built)
        final = folder / f"octoworker-{digest[:16]}.pyz"
        built.chmod(0o644)
        built.replace(final)
    finally:
        built.unlink(missing_ok=True)
    return AgentProgram(path=final, sha256=digest)
