"""`octoworkers create-api-key`: a key for a program, printed once."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from octoworkers.launcher.refusal import CannotStart

COMMAND = "create-api-key"
#: As `accounts.services.api_keys` has it; that cannot be read before Django is set up.
DAYS, MOST_DAYS = 180, 3650


def add_to(commands: Any) -> None:
    """`commands` is what `add_subparsers` gave."""
    parser = commands.add_parser(COMMAND, help="print a new API key of a user; nothing shows it again")
    parser.add_argument("username")
    parser.add_argument("--purpose", default="Made on the command line")
    parser.add_argument("--days", type=int, default=DAYS, help=f"until it expires; {DAYS} unless you say")


def run(chosen: argparse.Namespace) -> int:
    """Raises `CannotStart` with a sentence."""
    from octoworkers.launcher import prepare  # noqa: PLC0415  # settings create the keys of a new home

    if not 1 <= chosen.days <= MOST_DAYS:
        raise CannotStart(f"--days has to be between 1 and {MOST_DAYS}.")
    prepare.set_up_django()
    prepare.refuse_unmigrated()
    print(_create(chosen))  # noqa: T201
    return 0


def _create(chosen: argparse.Namespace) -> str:
    from django.utils import timezone  # noqa: PLC0415  # ready now

    from accounts.models import User  # noqa: PLC0415
    from accounts.services import api_keys  # noqa: PLC0415

    owner = User.objects.filter(username=chosen.username, is_active=True).first()
    if owner is None:
        raise CannotStart(f"There is no active user {chosen.username}.")
    _, text = api_keys.create(
        owner=owner,
        purpose=chosen.purpose[:200],
        now=timezone.now(),
        lifetime=timedelta(days=chosen.days),
        user=None,
    )
    return text
