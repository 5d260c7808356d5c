"""`python -m octoworkers.launch`: what `make run` does."""

from __future__ import annotations

import os
import sys

from octoworkers.launcher import lock, options, prepare
from octoworkers.launcher.children import say
from octoworkers.launcher.options import Options
from octoworkers.launcher.refusal import CannotStart
from octoworkers.launcher.supervisor import Supervisor


def main() -> int:
    """Returns the exit code: 0 after Ctrl+C, 1 with one sentence when it cannot start."""
    try:
        return _launch()
    except CannotStart as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def _launch() -> int:
    prepare.set_up_django()
    from django.conf import settings  # noqa: PLC0415  # ready now

    chosen = options.from_environment(os.environ, home=settings.HOME)
    held = lock.take(chosen.home)
    options.listen(chosen.host, chosen.port).close()
    prepare.check()
    if prepare.migrate():
        say("The database is up to date.")
    first = prepare.install(chosen)
    supervisor = Supervisor(
        url=chosen.local_url,
        visited_as=settings.ALLOWED_HOSTS[0].lstrip("."),
        environment=_environment(chosen),
    )
    try:
        return _run(supervisor, chosen, first=first)
    finally:
        supervisor.stop()
        held.close()


def _environment(chosen: Options) -> dict[str, str]:
    """What the server is told by the command line of make, and which names it answers to."""
    given = dict(os.environ, HOST=chosen.host, PORT=str(chosen.port))
    given.setdefault("OCTOWORKERS_ALLOWED_HOSTS", ",".join(options.allowed_hosts(chosen.host)))
    return given


def _run(supervisor: Supervisor, chosen: Options, *, first: prepare.FirstSignIn | None) -> int:
    from django.db import connections  # noqa: PLC0415

    from octoworkers.launcher import agents  # noqa: PLC0415  # its models load after `set_up_django`

    if first:
        # Before anything else can go wrong: it cannot be shown again.
        show(first)
    supervisor.start_server()
    for name, command in agents.ready(chosen, is_first_start=first is not None):
        supervisor.start_agent(name, command)
    connections.close_all()
    _greet(chosen, first=first)
    return supervisor.run()


def show(first: prepare.FirstSignIn) -> None:
    say("\nFirst sign-in, shown only now:\n")
    say(f"    user      {first.username}\n    password  {first.password}\n")


def _greet(chosen: Options, *, first: prepare.FirstSignIn | None) -> None:
    from django.conf import settings  # noqa: PLC0415

    say(f"Octoworkers {settings.SERVER_VERSION} is ready at {settings.PUBLIC_URL or chosen.url}")
    if not first:
        say("Sign in as before. To set a new password: .venv/bin/python manage.py changepassword admin")
    say("Ctrl+C stops everything.")


if __name__ == "__main__":
    sys.exit(main())
