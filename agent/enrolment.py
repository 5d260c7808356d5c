"""Registers this machine with a server, by a code that works once."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

import agent
from agent import capabilities, keys
from agent.config import Home, Registration
from agent.host import boot_id
from protocol.handshake import thumbprint

_SECONDS = 30
_LONGEST_ANSWER = 64 * 1024
_KEY_BYTES = 32


class EnrolmentFailed(Exception):
    """The server did not enrol this machine; the message is for a person."""


@dataclass(frozen=True)
class Enrolment:
    """`pin` is the thumbprint that the server's key must have, if the person gave one."""

    server: str
    code: str
    name: str
    pin: str | None


def register(home: Home, wanted: Enrolment) -> Registration:
    """Enrol and save the registration. Raises `EnrolmentFailed` and OSError."""
    home.create()
    # Kept apart until the server has agreed: a failed try must not harm an earlier registration.
    fresh = home.key.with_name("agent.key.new")
    key = keys.create(fresh)
    try:
        answer = _post(
            f"{wanted.server}/api/agents/enrol",
            {
                "code": wanted.code,
                "name": wanted.name,
                "public_key": key.public.hex(),
                "agent_version": agent.__version__,
                "capabilities": capabilities.probe(home),
                "boot_id": boot_id(),
            },
        )
        registration = _registration(wanted, answer)
        fresh.replace(home.key)
    finally:
        fresh.unlink(missing_ok=True)
    registration.save(home)
    return registration


def _registration(wanted: Enrolment, answer: dict[str, Any]) -> Registration:
    names = ("agent_id", "name", "server_key", "websocket")
    if any(not isinstance(answer.get(name), str) for name in names):
        raise EnrolmentFailed(f"{wanted.server} does not answer as an Octoworkers server.")
    check_pin(answer["server_key"], wanted.pin)
    return Registration(server=wanted.server, **{name: answer[name] for name in names})


def check_pin(server_key: str, pin: str | None) -> None:
    """Raises `EnrolmentFailed`."""
    try:
        raw = bytes.fromhex(server_key)
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise EnrolmentFailed("The server's key is not an Ed25519 key.")
    found = thumbprint(raw)
    if pin and pin.replace(":", "").strip().upper() != found:
        raise EnrolmentFailed(
            f"This is not the server that you meant: its key has the thumbprint {found}. "
            "Remove the new worker there, and check the address."
        )


def _post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - server_url() lets only http and https pass
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "User-Agent": f"octoworker/{agent.__version__}"},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310 - as above
            answer = _decode(response.read(_LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        raise EnrolmentFailed(_explain(error)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise EnrolmentFailed(f"{url} cannot be reached: {reason}.") from error
    return answer


def _decode(data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {}


def _explain(error: urllib.error.HTTPError) -> str:
    refusal = _decode(error.read(_LONGEST_ANSWER)).get("error")
    message = refusal.get("message") if isinstance(refusal, dict) else None
    return str(message) if message else f"The server answered with HTTP status {error.code}."
