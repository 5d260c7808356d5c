"""The agents of this machine: real ones, each with a folder and a key of its own.

Two of them join the demo's pools with an enrolment code, as any other machine does. The third is the
built-in worker, whose key the server takes from its folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from accounts.models import Role, User
from agent import keys
from agent.config import Home, NotRegistered, Registration
from octoworkers.demo.processes import DEV_POOL, PRODUCTION_POOL
from octoworkers.launcher.children import say
from octoworkers.launcher.options import Options
from octoworkers.launcher.supervisor import without_server_settings
from pools.models import WorkerPool
from spaces.models import Space
from spaces.selectors import default_space
from workers.models import Machine
from workers.services import enrolment, machines, server_key

SLOTS = 4
WEBSOCKET = "/agent/ws/"
_REGISTER_TIMEOUT = 60


@dataclass(frozen=True)
class LocalAgent:
    """`pool` names the worker pool that it joins."""

    name: str
    pool: str
    home: Home


def ready(chosen: Options, *, is_first_start: bool) -> Iterator[tuple[str, list[str]]]:
    """Name and command of each agent that can be started now; the server must be up."""
    space = default_space()
    if space is None:
        return
    folder = chosen.home / "agents"
    if settings.BUILTIN_WORKER:
        home = Home(folder / "built-in")
        _pair_builtin(space, home, url=chosen.local_url)
        yield "built-in", _run_command(home)
    for agent in _local_agents(folder) if chosen.local_agents else ():
        if is_first_start:
            # Left from a database that is gone.
            agent.home.registration.unlink(missing_ok=True)
        # They join over HTTP, which may be redirected to https.
        if _is_ready(agent, space, url=settings.PUBLIC_URL or chosen.local_url):
            yield agent.name, _run_command(agent.home)


def _local_agents(folder: Path) -> list[LocalAgent]:
    pools = {"sql-dev-01": DEV_POOL, "sql-prod-01": PRODUCTION_POOL}
    return [LocalAgent(name, pool, Home(folder / name)) for name, pool in pools.items()]


def _run_command(home: Home) -> list[str]:
    return [sys.executable, "-m", "agent", "--home", str(home.path), "run"]


def _pair_builtin(space: Space, home: Home, *, url: str) -> None:
    """Each gets the other's key without a code: they are one installation, on one disk."""
    home.create()
    key = keys.load(home.key) if home.key.exists() else keys.create(home.key)
    machine = machines.ensure_builtin(space, key.public.hex())
    Registration(
        server=url,
        agent_id=str(machine.agent_id),
        name=machine.name,
        server_key=server_key.public_hex(),
        websocket=WEBSOCKET,
    ).save(home)


def _is_ready(agent: LocalAgent, space: Space, *, url: str) -> bool:
    try:
        registration = Registration.load(agent.home)
    except NotRegistered:
        return _join(agent, space, url=url)
    if not Machine.objects.filter(agent_id=registration.agent_id, is_revoked=False).exists():
        say(
            f"is not started: this server does not know it. Delete {agent.home.path} to let it join again.",
            source=agent.name,
        )
        return False
    # The port may be another one than last time.
    replace(registration, server=url).save(agent.home)
    return True


def _join(agent: LocalAgent, space: Space, *, url: str) -> bool:
    pool = WorkerPool.objects.in_space(space).filter(name=agent.pool).first()
    user = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("pk").first()
    if pool is None or user is None:
        return False
    _, code = enrolment.issue(space, [pool], SLOTS, user, timezone.now())
    return _register(agent, code, url=url)


def _register(agent: LocalAgent, code: str, *, url: str) -> bool:
    command = [sys.executable, "-m", "agent", "--home", str(agent.home.path), "register"]
    done = subprocess.run(  # noqa: S603  # a fixed command of this program
        [*command, "--server", url, "--name", agent.name],
        env=without_server_settings(os.environ) | {"OCTOWORKERS_CODE": code},
        capture_output=True,
        text=True,
        timeout=_REGISTER_TIMEOUT,
        check=False,
    )
    if done.returncode:
        say(f"could not join: {(done.stderr or done.stdout).strip()}", source=agent.name)
    return done.returncode == 0
