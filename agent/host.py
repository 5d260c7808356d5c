"""What identifies this machine's current boot, and a process in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_START_TIME_FIELD = 19


def boot_id() -> str:
    """Changes with every start of the machine; empty if the system does not say."""
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def process_start(pid: int) -> str | None:
    """When a process started, in the system's own words; None if there is none or it has ended.

    A process id alone may have been given to another process since.
    """
    if sys.platform == "darwin":
        command = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None
    try:
        fields = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[_START_TIME_FIELD]


def process_parent(pid: int) -> int | None:
    """The process that started another one; None if there is no such process, or it is not known."""
    if sys.platform == "darwin":
        command = ["/bin/ps", "-o", "ppid=", "-p", str(pid)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        return int(answer) if answer else None
    try:
        return int(Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def strays(leader: int) -> list[int]:
    """Processes that are in the leader's session but not in its process group. Empty where not known."""
    try:
        entries = [path.name for path in Path("/proc").iterdir()]
    except OSError:
        return []
    return [int(name) for name in entries if name.isdigit() and _strayed(int(name), leader)]


def _strayed(pid: int, leader: int) -> bool:
    try:
        return os.getsid(pid) == leader and os.getpgid(pid) != leader
    except OSError:
        return False
