"""What allows the agent of one attempt to fetch one file: signed, valid while the attempt is under way and
no longer than two hours."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.core import signing

_SALT = "octoworkers.package"
SECONDS = 2 * 60 * 60


class BadToken(Exception):
    """Not one of ours, or too old."""


@dataclass(frozen=True)
class Grant:
    """`sha256` is that of the file that the step was started with."""

    attempt_id: UUID
    package_id: int
    sha256: str


def issue(grant: Grant) -> str:
    payload = [str(grant.attempt_id), grant.package_id, grant.sha256]
    return signing.dumps(payload, salt=_SALT, compress=False)


def read(token: str) -> Grant:
    """Raises `BadToken`."""
    try:
        attempt_id, package_id, sha256 = signing.loads(token, salt=_SALT, max_age=SECONDS)
        return Grant(UUID(attempt_id), int(package_id), str(sha256))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise BadToken from error
