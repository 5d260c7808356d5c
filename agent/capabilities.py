"""What this machine is and has: told to the server when the agent connects and when it asks."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Union

import agent
from agent import containers
from agent.config import Home
from agent.environment import build
from agent.files import read_json, write_json
from agent.scripts import find_program

#: Seconds that a tool has for saying its version.
TOOL_SECONDS = 5.0

#: What this agent can do that an earlier one could not; the names are those that steps need.
FEATURES = ["step-programs"]

_SHELLS = {
    "bash": ["--version"],
    "python3": ["--version"],
    "pwsh": ["--version"],
    "zsh": ["--version"],
}
_TOOLS = {
    "ansible": ["--version"],
    "aws": ["--version"],
    "az": ["version"],
    "curl": ["--version"],
    "docker": ["--version"],
    "git": ["--version"],
    "helm": ["version", "--short"],
    "jq": ["--version"],
    "kubectl": ["version", "--client"],
    "mysql": ["--version"],
    "node": ["--version"],
    "podman": ["--version"],
    "psql": ["--version"],
    "rsync": ["--version"],
    "sqlcmd": ["--version"],
    "sqlite3": ["--version"],
    "terraform": ["version"],
}
_VERSION = re.compile(r"\d+(?:\.\d+)+")
_PARALLEL = 4

#: A version, or True where the program is there but does not say.
Version = Union[str, bool]


def probe(home: Home) -> dict[str, Any]:
    """Takes up to a few seconds the first time; versions are kept until a program changes."""
    versions = _versions(home)
    disk = shutil.disk_usage(home.path)
    return {
        "os": {"Linux": "linux", "Darwin": "macos"}.get(platform.system(), platform.system().lower()),
        "os_version": _os_version(),
        "arch": platform.machine(),
        "hostname": socket.gethostname(),
        "python": platform.python_version(),
        "agent_version": agent.__version__,
        "features": [*FEATURES, *([containers.FEATURE] if versions.keys() & set(containers.ENGINES) else [])],
        "shells": {name: versions[name] for name in _SHELLS if name in versions},
        "tools": {name: versions[name] for name in _TOOLS if name in versions},
        "cpus": os.cpu_count() or 1,
        "memory": _memory(),
        "disk_free": disk.free,
        "disk_total": disk.total,
    }


def disk_free(home: Home) -> int:
    """Bytes that are free where the attempts are kept."""
    return shutil.disk_usage(home.path).free


def _versions(home: Home) -> dict[str, Version]:
    environment = build({})
    commands = {**_SHELLS, **_TOOLS}
    programs = {name: find_program(name, environment["PATH"]) for name in commands}
    known = read_json(home.tools)
    cache: dict[str, Any] = known if isinstance(known, dict) else {}
    marks = {name: _mark(program) for name, program in programs.items() if program}
    wanted = [name for name, mark in marks.items() if cache.get(name, {}).get("mark") != mark]
    if wanted:
        with ThreadPoolExecutor(_PARALLEL) as pool:
            answers = pool.map(lambda name: _ask(str(programs[name]), commands[name], environment), wanted)
            found = {name: {"mark": marks[name], "version": answer} for name, answer in zip(wanted, answers)}
        cache = {**{name: cache[name] for name in marks if name in cache}, **found}
        with contextlib.suppress(OSError):
            write_json(home.tools, cache, durable=False)
    return {name: cache[name]["version"] for name in marks}


def _mark(program: str) -> str:
    """Changes when the program is replaced."""
    path = Path(program).resolve()
    state = path.stat()
    return f"{path} {state.st_mtime_ns} {state.st_size}"


def _ask(program: str, arguments: list[str], environment: dict[str, str]) -> Version:
    try:
        answer = subprocess.run(
            [program, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TOOL_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return True
    match = _VERSION.search((answer.stdout + answer.stderr).decode("utf-8", "replace"))
    return match.group() if match else True


def _os_version() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    for name in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            text = Path(name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        match = re.search(r'^PRETTY_NAME="?([^"\n]*)', text, re.MULTILINE)
        if match:
            return match.group(1)
    return platform.release()


def _memory() -> int:
    """Bytes of memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
