"""The processes that the launcher starts: each in a session of its own, so that Ctrl+C reaches the
launcher alone, which then stops them in the right order."""

from __future__ import annotations

import contextlib
import ctypes
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

_PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec there is no safe time for it.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Ended:
    """Put into the launcher's queue when a child has ended; `code` as subprocess gives it."""

    child: Child
    code: int
    lived: float


class Child:
    """One process that is started again under the same name after it ended."""

    def __init__(
        self,
        *,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        ended: queue.SimpleQueue[object],
    ) -> None:
        self.name = name
        self._command = list(command)
        self._environment = dict(environment)
        self._ended = ended
        self._process: subprocess.Popen[bytes] | None = None
        #: Ends in a row that came within seconds of the start.
        self.failed_starts = 0

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # fixed commands of this program
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent if _libc else None,
        )
        threading.Thread(target=_forward, args=(self._process.stdout, self.name), daemon=True).start()
        threading.Thread(target=self._watch, args=(self._process, time.monotonic()), daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes], started: float) -> None:
        # Its exit counts, not the end of its output: a script that it started may hold the pipe.
        code = process.wait()
        self._ended.put(Ended(self, code, time.monotonic() - started))

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def terminate(self) -> None:
        if self._process is not None and self.is_running:
            self._process.terminate()

    def kill(self) -> None:
        if self._process is not None and self.is_running:
            self._process.kill()

    def wait(self, *, seconds: float) -> None:
        """Waits for its end after `terminate`, then kills it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(seconds, 0.1))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _end_with_parent() -> None:
    """A launcher that is killed takes its children along instead of leaving them on the port."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # type: ignore[union-attr]  # used where it is loaded


def _forward(stream: IO[bytes] | None, name: str) -> None:
    if stream is None:
        return
    with contextlib.suppress(ValueError, OSError):
        for line in stream:
            say(line.decode(errors="replace").rstrip(), source=name)


def say(text: str, *, source: str = "") -> None:
    """One line for the person at the terminal; a closed terminal stops nothing."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(f"{source} | {text}\n" if source else f"{text}\n")
        sys.stdout.flush()
