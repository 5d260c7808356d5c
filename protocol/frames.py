"""Control frames: one frozen dataclass per versioned type, carried as JSON text messages.

`encode(frame)` gives the JSON text, `decode(text)` the frame. Unknown keys are dropped, so that a
newer peer may say more; an unknown type, a missing key or a value of the wrong type raises
`BadFrame`, which the receiver answers with an `Error` frame.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import sys
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
    """The agent's proof, and what it is and still holds; `time` as in `Heartbeat`."""

    signature: str
    agent_version: str
    boot_id: str
    capabilities: dict[str, Any]
    attempts: list[HeldAttempt]
    time: Optional[float] = None


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
    time: Optional[float] = None


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

    With the syntax `program` there is no script: `program` is then a zip archive of Python, in base64,
    that the agent's own interpreter runs, and `inputs` are what it works on. `container` holds the `image`
    that it runs in, and `username` and `password` for its registry; empty for directly on the machine.
    """

    attempt_id: str
    epoch: int
    syntax: str
    script: str
    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    program: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)


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


@dataclass(frozen=True)
class OutputValue:
    """A value that the script set for later steps; see `protocol.outputs` for the limits."""

    name: str
    value: str
    sensitive: bool = False


@dataclass(frozen=True)
class ArtifactFile:
    """A file that the script left, as the agent holds it: `size` in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


@frame("execution.finished.v1")
class Finished:
    """The end of an attempt, repeated until `Settled`.

    `outcome`: exited, signalled (by `signal`), canceled, not_started (with `message`), abandoned or
    unknown (with the evidence in `message`). `lines` and `bytes` of the log and the `sha256` (hex)
    of its content, so that the server can tell whether it has all of it. `outputs`: the last value
    of each name, in the order in which they were set. `artifacts` are asked for by `ArtifactWanted`
    before it is settled.
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
    outputs: list[OutputValue] = field(default_factory=list)
    artifacts: list[ArtifactFile] = field(default_factory=list)


@frame("execution.settled.v1")
class Settled:
    """Log and result are stored: the agent may delete what it holds of the attempt."""

    attempt_id: str
    epoch: int


# --- Artifacts -------------------------------------------------------------------------------------


@frame("artifact.wanted.v1")
class ArtifactWanted:
    """The server has the first `offset` bytes of the artifact at this place in `Finished.artifacts`, and
    all of those before it. Beyond the last one it has everything: the agent repeats `Finished`. `resend`
    asks to go back to `offset`."""

    attempt_id: str
    epoch: int
    number: int
    offset: int
    resend: bool = False


@frame("artifact.part.v1")
class ArtifactPart:
    """Bytes of an artifact from `offset` on, in base64; or why there will be no more of it, in `lost`."""

    attempt_id: str
    epoch: int
    number: int
    offset: int
    data: str
    lost: str = ""


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
    # What JSON does not know are frames within the frame.
    return json.dumps({"type": item.TYPE, **vars(item)}, separators=(",", ":"), default=vars)


def decode(text: Union[str, bytes]) -> Frame:
    """The frame in a JSON text. Raises `BadFrame` with code malformed, unknown_type or bad_value."""
    try:
        data = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadFrame("malformed", "The message is not JSON.") from error
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise BadFrame("malformed", "The message has no type.")
    cls = _types.get(data["type"])
    if cls is None:
        raise BadFrame("unknown_type", f"Unknown frame type {data['type'][:60]!r}.")
    return _build(cls, data)


def _refuse(constant: str) -> None:
    """NaN and the infinities are Python's own, and no time or number of anything."""
    raise ValueError(constant)


def _build(cls: type[Any], data: dict[str, Any]) -> Any:
    values = {}
    for name, read, is_required in _fields(cls):  # type: ignore[arg-type] # a class can be hashed
        if name in data:
            values[name] = read(data[name], name)
        elif is_required:
            raise BadFrame("bad_value", f"{name} is missing.")
    return cls(**values)


#: Gives a value back as its type asks for, or raises `BadFrame`; the text is the field's name.
_Reader = Callable[[Any, str], Any]


@functools.cache  # one entry for each class of this module
def _fields(cls: type[Any]) -> list[tuple[str, _Reader, bool]]:
    """Name, reader, and whether it must be there."""
    hints = typing.get_type_hints(cls)
    return [
        (
            item.name,
            _reader(hints[item.name]),
            item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING,
        )
        for item in dataclasses.fields(cls)
    ]


def _reader(hint: Any) -> _Reader:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return lambda value, name: value
    if origin is Union:
        return _optional(_reader(arguments[0]))
    if origin is list:
        return _list(_reader(arguments[0]))
    if origin is dict:
        return _dict(_reader(arguments[1]))
    if dataclasses.is_dataclass(hint):
        cls = typing.cast(type[Any], hint)
        return lambda value, name: _build(cls, _checked(value, dict, name))
    if hint is float:
        return _float
    return lambda value, name: _checked(value, hint, name)


def _float(value: Any, name: str) -> float:
    if type(value) is int and abs(value) <= sys.maxsize:
        return float(value)
    number: float = _checked(value, float, name)
    if not math.isfinite(number):
        raise BadFrame("bad_value", f"{name} is no finite number.")
    return number


def _optional(read: _Reader) -> _Reader:
    return lambda value, name: None if value is None else read(value, name)


def _list(read: _Reader) -> _Reader:
    return lambda value, name: [read(item, name) for item in _checked(value, list, name)]


def _dict(read: _Reader) -> _Reader:
    return lambda value, name: {key: read(one, name) for key, one in _checked(value, dict, name).items()}


def _checked(value: Any, kind: type[Any], name: str) -> Any:
    # Not isinstance: for Python, True is a number.
    if type(value) is not kind:
        raise BadFrame("bad_value", f"{name} has a value of the wrong type.")
    return value
