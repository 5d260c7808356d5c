"""Why a command ends without success, and with which exit code. `docs/octo.md` lists the codes."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class Code(IntEnum):
    """Scripts rely on these: a number is never given another meaning."""

    OK = 0
    TASK_FAILED = 1
    USAGE = 2
    TASK_CANCELED = 3
    NOT_ALLOWED = 4
    REFUSED = 5
    TIME_OUT = 6
    UNREACHABLE = 7
    DRIFT = 8
    UNWELL = 9
    INTERRUPTED = 130


class Failure(Exception):
    """A sentence for a person, further ones below it, and the exit code."""

    code = Code.REFUSED

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = [line for line in details if line != message]


class Refused(Failure):
    """The server understood and said no. `status` is that of HTTP."""

    def __init__(self, message: str, details: Sequence[str] = (), *, status: int = 400) -> None:
        super().__init__(message, details)
        self.status = status


class NotAllowed(Refused):
    """No valid key, or no right."""

    code = Code.NOT_ALLOWED


class BadUsage(Failure):
    """What was typed makes no sense, which the parser of the command line cannot see."""

    code = Code.USAGE


class Unreachable(Failure):
    """No answer, or one that is not an Octoworkers server's."""

    code = Code.UNREACHABLE


class TimeOut(Failure):
    code = Code.TIME_OUT


class Interrupted(Failure):
    """Ctrl+C; what runs on the server goes on."""

    code = Code.INTERRUPTED
