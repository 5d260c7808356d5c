"""Control frames: one frozen dataclass per versioned type, carried as JSON text messages.

`encode(frame)` gives the JSON text, `decode(text)` the frame. Unknown keys are dropped, so that a
newer peer may say more; an unknown type, a missing key or a value of the wrong type raises
`BadFrame`, which the receiver answers with an `Error` frame.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:
    # Python has it only from 3.11 on, and it means nothing at run time.
    def dataclass_transform(**_):
        return lambda function: function


class BadFrame(ValueError):
    """A message that is not a frame of this protocol; `code` is for the `Error` answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


Frame = Any
_types: dict[str, type[Any]] = {}
F = TypeVar("F")


@dataclass_transform(frozen_default=True)
def frame(name: str) -> Callable[[type[F]], type[F]]:
    """Makes a class a frozen dataclass and the frame of a versioned type."""

    def register(cls: type[F]) -> type[F]:
        decorated = dataclass(frozen=True)(cls)
        decorated.TYPE = name  # type: ignore[attr-defined]
        _types[name] = decorated
        return decorated

    return register


# --- Handshake: each side proves its key before anything else is said -------------------------


@frame("hello.v1")
class Hello:
    agent_id: str
    nonce: str
    versions: list[int]


@frame("challenge.v1")
class Challenge:
    """The server's proof: its public key and its signature over both nonces."""

    version: int
    nonce: str
    server_key: str
    signature: str


@dataclass(frozen=True)
class HeldAttempt:
    """An attempt that an agent still holds: `state` is accepted, starting, running, finished or unknown."""

    attempt_id: str
    epoch: int
    state: str
    next_seq: int


@frame("proof.v1")
class Proof:
    """The agent's proof, and what it is and still holds."""

    signature: str
    agent_version: str
    boot_id: str
    capabilities: dict[str, Any]
    attempts: list[HeldAttempt]


@dataclass(frozen=True)
class Verdict:
    """What to do with a held attempt: `adopt` (go on; send the log from next_seq) or `forget`."""

    attempt_id: str
    verdict: str
    next_seq: int
    cancel: bool = False


@frame("welcome.v1")
class Welcome:
    name: str
    slots: int
    heartbeat_seconds: int
    lease_seconds: int
    attempts: list[Verdict]


# --- Being there ------------------------------------------------------------------------------


@frame("heartbeat.v1")
class Heartbeat:
    """`time` in seconds since the epoch on the agent's clock; `disk_free` in bytes of its work folder."""

    time: float
    busy: int
    disk_free: int


@frame("heartbeat.ack.v1")
class HeartbeatAck:
    time: float


@frame("capabilities.request.v1")
class CapabilitiesRequest:
    """A health check: look again and answer with `Capabilities`."""


@frame("capabilities.v1")
class Capabilities:
    capabilities: dict[str, Any]


@frame("agent.deregister.v1")
class Deregister:
    """The agent leaves for good; the server revokes its key and answers with `Deregistered`."""


@frame("agent.deregistered.v1")
class Deregistered:
    """The server has forgotten the agent's key and closes the connection."""


# --- Executions -------------------------------------------------------------------------------


@frame("execution.assign.v1")
class Assign:
    """First phase of a start: nothing secret, nothing to run yet."""

    attempt_id: str
    epoch: int
    task_id: int
    step: str


@frame("execution.accepted.v1")
class Accepted:
    """The agent has fsynced the attempt and will start it once told to."""

    attempt_id: str
    epoch: int


@frame("execution.start.v1")
class Start:
    """Second phase: the server has committed the acceptance. Sent again until `Started` or a finish.

    `environment` reaches the script as environment variables, `variables` as values for the
    helper functions, `secrets` are masked in every line before it touches a disk.
    """

    attempt_id: str
    epoch: int
    syntax: str
    script: str
    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)


@frame("execution.started.v1")
class Started:
    attempt_id: str
    epoch: int
    pid: int
    time: float


@frame("execution.cancel.v1")
class Cancel:
    attempt_id: str
    epoch: int
    grace_seconds: float


@frame("execution.forget.v1")
class Forget:
    """The server does not want this attempt: do not start it; stop it if it runs; clean up."""

    attempt_id: str
    epoch: int
    reason: str


@frame("execution.finished.v1")
class Finished:
    """The end of an attempt, repeated until `Settled`.

    `outcome`: exited, signalled (by `signal`), canceled, not_started (with `message`), abandoned or
    unknown (with the evidence in `message`). `lines` and `bytes` of the log and the `sha256` (hex)
    of its content, so that the server can tell whether it has all of it.
    """

    attempt_id: str
    epoch: int
    outcome: str
    exit_code: Optional[int]
    signal: Optional[int]
    message: str
    lines: int
    bytes: int
    sha256: str
    started: Optional[float]
    ended: float


@frame("execution.settled.v1")
class Settled:
    """Log and result are stored: the agent may delete what it holds of the attempt."""

    attempt_id: str
    epoch: int


# --- Log (the chunks themselves are binary messages, see protocol.log) ---------------------------


@frame("log.ack.v1")
class LogAck:
    """Everything below `next_seq` is stored. `resend` asks to go back to `next_seq` and send again."""

    attempt_id: str
    epoch: int
    next_seq: int
    resend: bool = False


@frame("error.v1")
class Error:
    """A refusal. `code` is stable, `message` is for people; `fatal` means the connection ends."""

    code: str
    message: str
    attempt_id: Optional[str] = None
    fatal: bool = False


def encode(item: Frame) -> str:
    """JSON text of a frame; raises nothing for a frame of this module."""
    return json.dumps({"type": item.TYPE, **dataclasses.asdict(item)}, separators=(",", ":"))


def decode(text: Union[str, bytes]) -> Frame:
    """The frame in a JSON text. Raises `BadFrame` with code malformed, unknown_type or bad_value."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFrame("malformed", "The message is not JSON.") from error
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise BadFrame("malformed", "The message has no type.")
    cls = _types.get(data["type"])
    if cls is None:
        raise BadFrame("unknown_type", f"Unknown frame type {data['type'][:60]!r}.")
    return _build(cls, data)


def _build(cls: type[Any], data: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(cls)
    values = {}
    for item in dataclasses.fields(cls):
        if item.name in data:
            values[item.name] = _value(hints[item.name], data[item.name], item.name)
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise BadFrame("bad_value", f"{item.name} is missing.")
    return cls(**values)


def _value(hint: Any, value: Any, name: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is Union:
        return None if value is None else _value(arguments[0], value, name)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return _build(typing.cast(type[Any], hint), value)
    if origin is list and isinstance(value, list):
        return [_value(arguments[0], item, name) for item in value]
    if origin is dict and isinstance(value, dict):
        return {key: _value(arguments[1], item, name) for key, item in value.items()}
    return _plain(hint, value, name)


def _plain(hint: Any, value: Any, name: str) -> Any:
    if hint is float and type(value) is int:
        return float(value)
    if isinstance(hint, type) and type(value) is hint:
        return value
    raise BadFrame("bad_value", f"{name} has a value of the wrong type.")
