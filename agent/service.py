"""The agent as a systemd service."""

from __future__ import annotations

import getpass
import pwd
import shutil
import subprocess
from pathlib import Path

from agent.config import Home
from agent.launcher import own_command

UNIT = "octoworker.service"
_UNIT_PATH = Path("/etc/systemd/system") / UNIT

# Only the agent itself is stopped and restarted: the scripts that it started go on (KillMode).
_TEMPLATE = """\
[Unit]
Description=Octoworkers agent
Documentation=https://github.com/octoworkers/octoworkers
Wants=network-online.target
After=network-online.target

[Service]
ExecStart={command}
User={user}
{folder}Restart=always
RestartSec=2
KillMode=process
TasksMax=infinity

[Install]
WantedBy=multi-user.target
"""


class ServiceFailed(Exception):
    """systemd is not here, or refused."""


def unit(home: Home, user: str) -> str:
    """The text of the unit file. Raises `ServiceFailed` if that user could not run it."""
    try:
        owner = pwd.getpwnam(user).pw_uid
    except KeyError:
        raise ServiceFailed(f"There is no user {user} on this machine.") from None
    if home.path.stat().st_uid != owner:
        raise ServiceFailed(f"{home.path} must belong to {user}: run chown -R {user} {home.path} first.")
    command = [*own_command(), "--home", str(home.path), "run"]
    # `python -m agent` finds its package by the folder it runs in; the single file needs none.
    package = "-m" in command
    folder = f"WorkingDirectory={Path(__file__).parent.parent}\n" if package else ""
    return _TEMPLATE.format(command=" ".join(map(_quote, command)), user=user, folder=folder)


def default_user() -> str:
    return getpass.getuser()


def install(text: str) -> None:
    """Write the unit, enable and start it. Raises `ServiceFailed`."""
    _need_systemd()
    try:
        _UNIT_PATH.write_text(text)
    except OSError as error:
        raise ServiceFailed(
            f"{_UNIT_PATH} cannot be written ({error.strerror}). Run this as root."
        ) from error
    _systemctl("daemon-reload")
    _systemctl("enable", UNIT)
    _systemctl("restart", UNIT)


def uninstall() -> None:
    """Stop, disable and remove the unit; scripts that run go on. Raises `ServiceFailed`."""
    _need_systemd()
    if not _UNIT_PATH.exists():
        raise ServiceFailed("The service is not installed.")
    _systemctl("disable", "--now", UNIT)
    try:
        _UNIT_PATH.unlink()
    except OSError as error:
        raise ServiceFailed(
            f"{_UNIT_PATH} cannot be removed ({error.strerror}). Run this as root."
        ) from error
    _systemctl("daemon-reload")


def _need_systemd() -> None:
    if not shutil.which("systemctl") or not Path("/run/systemd/system").exists():
        raise ServiceFailed(
            "systemd does not run on this machine. Have your own supervisor start `octoworker run`."
        )


def _systemctl(*arguments: str) -> None:
    answer = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    if answer.returncode:
        raise ServiceFailed(f"systemctl {' '.join(arguments)} failed: {answer.stderr.strip()}")


def _quote(word: str) -> str:
    """As systemd reads a word of ExecStart."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if any(character in escaped for character in " \t\"'\\;") else escaped
