"""Watches a script: reads what it prints, stops it when asked to, and sees how it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from agent.host import strays
from agent.output import Recorder, StreamRecorder
from agent.outputs import Outputs
from agent.spool import SpoolWriter
from protocol.log import Stream
from protocol.masking import Patterns
from protocol.service_messages import Levels

#: Seconds between two chunks of a script that keeps printing; the first is written at once.
FLUSH_SECONDS = 0.05

#: Seconds after which a line without an end is shown as far as it is.
PARTIAL_SECONDS = 0.2

#: Seconds that output is still read after the script's end while another process holds it open.
DRAIN_SECONDS = 1.0

_BLOCK = 128 * 1024
_PIPE_BYTES = 1024 * 1024
_SET_PIPE_SIZE = 1031
_RETRY_SECONDS = 0.25
#: Reads since the last chunk after which small ones are gathered instead of taken one by one.
_BUSY_READS = 8
_BUSY_BYTES = 32 * 1024
_NAP_SECONDS = 0.002
#: A shorter pause because of a full disk is not worth a line in the log.
_WORTH_SAYING_SECONDS = 1.0


@dataclass(frozen=True)
class Ending:
    """How an attempt ended; the outcomes are those of the `Finished` frame."""

    outcome: str
    exit_code: int | None = None
    signal: int | None = None
    message: str = ""


@dataclass
class _Pipe:
    """One open output of the script. `began` is when its unfinished line began, `owed` how many
    bytes it held when the script ended."""

    file: IO[bytes]
    stream: StreamRecorder
    began: float | None = None
    owed: int = 0


@dataclass
class _Stop:
    """A cancel on its way: TERM is sent, KILL follows at `kill_at`, and nobody waits after `abandon_at`."""

    kill_at: float
    abandon_at: float
    killed: bool = False


class Watch:
    """`signals` becomes readable when the child ends or a cancel may have come, `cancelled` then gives
    the seconds of grace; `abandon_seconds` after it nobody waits for the end any more. `announce` is
    called when there is more in the spool; `collect` once the script has ended, for lines of the log; `kill`
    where signals do not reach what it started elsewhere, such as a container."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        *,
        patterns: Patterns,
        outputs: Outputs,
        recorder: Recorder,
        spool: SpoolWriter,
        signals: int,
        cancelled: Callable[[], float | None],
        abandon_seconds: float,
        announce: Callable[[], None],
        collect: Callable[[], list[str]] = list,
        kill: Callable[[], None] = lambda: None,
    ) -> None:
        self._child = child
        self._recorder = recorder
        self._spool = spool
        self._signals = signals
        self._cancelled = cancelled
        self._abandon_seconds = abandon_seconds
        self._announce = announce
        self._collect = collect
        self._kill = kill
        self._control = selectors.PollSelector()
        self._control.register(signals, selectors.EVENT_READ)
        self._everything = selectors.PollSelector()
        self._everything.register(signals, selectors.EVENT_READ)
        self._outputs = outputs
        self._pipes = self._open(patterns)
        self._announced = 0
        self._reads = 0
        self._flushed = 0.0
        self._ended: float | None = None
        self._blocked: float | None = None
        self._stop: _Stop | None = None

    def _open(self, patterns: Patterns) -> dict[int, _Pipe]:
        levels, pipes = Levels(), {}
        for stream, file in ((Stream.STDOUT, self._child.stdout), (Stream.STDERR, self._child.stderr)):
            if file is None:
                continue
            os.set_blocking(file.fileno(), False)
            if sys.platform == "linux":
                with contextlib.suppress(OSError):
                    fcntl.fcntl(file.fileno(), _SET_PIPE_SIZE, _PIPE_BYTES)
            recorder = StreamRecorder(
                stream, outputs=self._outputs, patterns=patterns, levels=levels, recorder=self._recorder
            )
            pipes[file.fileno()] = _Pipe(file, recorder)
            self._everything.register(file, selectors.EVENT_READ)
        return pipes

    def run(self) -> Ending:
        """Until the script has ended and what it printed is in the spool, or it is abandoned."""
        self._look_for_cancel(time.monotonic())
        while not self._over(time.monotonic()):
            self._wait()
            now = time.monotonic()
            self._look_at_child(now)
            self._keep_stopping(now)
            self._show(now)
        if self._stop:
            self._send(signal.SIGKILL)
            self._kill()
        self._close()
        return self._ending()

    def _over(self, now: float) -> bool:
        if self._stop and now >= self._stop.abandon_at:
            return True
        if self._ended is None:
            return False
        if not self._pipes:
            return True
        if self._stop and not self._stop.killed:
            return False
        owed = any(pipe.owed > 0 for pipe in self._pipes.values())
        return now >= self._ended + DRAIN_SECONDS and not owed

    # --- Reading -----------------------------------------------------------------------------

    def _wait(self) -> None:
        if self._spool.blocked:
            self._select(self._control, _RETRY_SECONDS)
            self._spool.retry()
        elif self._reads >= _BUSY_READS and self._ended is None:
            # Output comes in many small writes: let some gather instead of waking for each.
            self._select(self._control, _NAP_SECONDS)
            self._select(self._everything, self._patience())
        else:
            self._select(self._everything, self._patience())

    def _patience(self) -> float | None:
        """Seconds until something is due, None if nothing is."""
        now = time.monotonic()
        due = [pipe.began + PARTIAL_SECONDS for pipe in self._pipes.values() if pipe.began is not None]
        if self._recorder.waiting:
            due.append(self._flushed + FLUSH_SECONDS)
        stopping = self._stop is not None and not self._stop.killed
        if self._ended is not None and not stopping:
            due.append(self._ended + DRAIN_SECONDS)
        if self._stop:
            due.append(self._stop.kill_at if stopping else self._stop.abandon_at)
        return max(0.0, min(due) - now) if due else None

    def _select(self, selector: selectors.BaseSelector, timeout: float | None) -> None:
        for key, _ in selector.select(timeout):
            if key.fd == self._signals:
                self._take_signals()
            elif key.fd in self._pipes:
                self._read(key.fd)

    def _take_signals(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._signals, 512)
        self._look_for_cancel(time.monotonic())

    def _read(self, descriptor: int) -> None:
        pipe = self._pipes[descriptor]
        try:
            data = os.read(descriptor, _BLOCK)
        except BlockingIOError:
            return
        if not data:
            self._close_pipe(descriptor)
            return
        pipe.owed -= len(data)
        recorded = pipe.stream.feed(data, time=_milliseconds())
        self._reads = self._reads + 1 if len(data) < _BUSY_BYTES else 0
        if not pipe.stream.waiting:
            pipe.began = None
        elif pipe.began is None or recorded:
            pipe.began = time.monotonic()

    def _close_pipe(self, descriptor: int) -> None:
        pipe = self._pipes.pop(descriptor)
        self._everything.unregister(descriptor)
        pipe.stream.close(time=_milliseconds())
        pipe.file.close()

    def _show(self, now: float) -> None:
        """Write what is due to the spool."""
        for pipe in self._pipes.values():
            if pipe.began is not None and now >= pipe.began + PARTIAL_SECONDS:
                pipe.stream.flush_line(time=_milliseconds())
                pipe.began = None
        if self._recorder.waiting and now >= self._flushed + FLUSH_SECONDS:
            self._recorder.flush()
            self._flushed, self._reads = now, 0
        self._mind_the_disk(now)
        if self._recorder.lines != self._announced:
            self._announced = self._recorder.lines
            self._announce()

    def _mind_the_disk(self, now: float) -> None:
        if self._spool.blocked:
            self._blocked = self._blocked or now
        elif self._blocked is not None:
            seconds, self._blocked = now - self._blocked, None
            if seconds >= _WORTH_SAYING_SECONDS:
                text = f"The worker could not write the log for {seconds:.0f} s and held the script back."
                self._recorder.say(text, time=_milliseconds())

    # --- Ending ------------------------------------------------------------------------------

    def _look_at_child(self, now: float) -> None:
        if self._ended is None and self._child.poll() is not None:
            self._ended = now
            for descriptor, pipe in self._pipes.items():
                pipe.owed = _held(descriptor)

    def _look_for_cancel(self, now: float) -> None:
        if self._stop or self._ended is not None:
            return
        grace = self._cancelled()
        if grace is not None:
            self._stop = _Stop(kill_at=now + grace, abandon_at=now + max(self._abandon_seconds, grace + 1))
            self._send(signal.SIGTERM)

    def _keep_stopping(self, now: float) -> None:
        if self._stop and not self._stop.killed and now >= self._stop.kill_at:
            self._send(signal.SIGKILL)
            self._stop.killed = True
            self._kill()

    def _send(self, number: int) -> None:
        """To the script's process group, and to what has left the group but not the session."""
        with contextlib.suppress(OSError):
            os.killpg(self._child.pid, number)
        for pid in strays(self._child.pid):
            with contextlib.suppress(OSError):
                os.kill(pid, number)

    def _close(self) -> None:
        held = self._ended is not None and bool(self._pipes) and not self._stop
        for descriptor in list(self._pipes):
            self._close_pipe(descriptor)
        if held:
            text = "A background process kept the output open; what it prints from now on is not in this log."
            self._recorder.say(text, time=_milliseconds())
        # Of a script that was stopped, or is still running, nobody waits for the files.
        if self._ended is not None and not self._stop:
            for text in self._collect():
                self._recorder.say(text, time=_milliseconds())
        for text in self._outputs.close():
            self._recorder.say(text, time=_milliseconds())
        self._recorder.close(time=_milliseconds())
        while self._spool.blocked:
            time.sleep(_RETRY_SECONDS)
            self._spool.retry()

    def _ending(self) -> Ending:
        code = self._child.returncode
        if code is None:
            return Ending("abandoned", message=f"Process {self._child.pid} did not end when it was killed.")
        exit_code, number = (code, None) if code >= 0 else (None, -code)
        if self._stop:
            return Ending("canceled", exit_code, number)
        return Ending("exited" if number is None else "signalled", exit_code, number)


def _milliseconds() -> int:
    return int(time.time() * 1000)


def _held(descriptor: int) -> int:
    """Bytes that wait in a pipe."""
    answer = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
    return int(struct.unpack("i", answer)[0])
