"""`octoworkers migrate`: what has to be done once, on one node, before nodes of this version start."""

from __future__ import annotations

import os
from dataclasses import replace

from octoworkers.launch import show
from octoworkers.launcher import options, prepare
from octoworkers.launcher.children import say


def main() -> int:
    """The database up to this version and, the first time, the default space and an administrator.
    Raises `CannotStart`."""
    prepare.set_up_django()
    from django.conf import settings  # noqa: PLC0415  # ready now

    prepare.check()
    prepare.migrate()
    chosen = replace(options.from_environment(os.environ, home=settings.HOME), demo=False)
    first = prepare.install(chosen)
    say(f"The database is that of Octoworkers {settings.SERVER_VERSION}.")
    if first:
        show(first)
    return 0
