"""The shim: one small process per attempt, which owns the script, its log and its end.

It has a session of its own and needs nobody, so that the agent can be killed, restarted or replaced
while the script runs. It is forked by the zygote (agent.zygote) and never returns from `main`. When its
attempt is done it may be given another one: its memory is its own by then, which is what a fresh process
spends most of its time on.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from agent import containers, environment, programs, scripts
from agent.artifacts import Artifacts
from agent.files import make_private_directory
from agent.host import boot_id, process_start
from agent.jobs import Job, receive
from agent.journal import AttemptFolder, ExitRecord, ShimRecord
from agent.output import Recorder
from agent.outputs import Outputs
from agent.spool import SpoolWriter
from agent.watch import Ending, Watch
from protocol.masking import Patterns, TooShort

_RETRY_SECONDS = 0.25
_FAILED = 70

#: Attempts after which, or memory in KiB beyond which, a shim makes room for a fresh one.
_MOST_ATTEMPTS = 200
_MOST_MEMORY = 64 * 1024

_WISHED = ("image", "username", "password")

#: Seconds after which an end that the server has not settled yet is brought to the disk.
_SYNC_SECONDS = 0.5


@dataclass(frozen=True)
class Place:
    """What the attempts of this process share. `signals` becomes readable with each SIGCHLD and SIGTERM."""

    pid: int
    start: str | None
    boot_id: str
    signals: int
    bell: socket.socket


def main(connection: socket.socket) -> None:
    """Run the jobs that come to this freshly forked process, one after the other; then exit."""
    status = 0
    try:
        place = _detach()
        Jobs(connection, place).run()
    except BaseException:
        status = _FAILED
    os._exit(status)


class Jobs:
    """The attempts of this process, one after the other."""

    def __init__(self, connection: socket.socket, place: Place) -> None:
        self._connection = connection
        self._place = place
        self._waiting = select.poll()
        self._waiting.register(connection, select.POLLIN)
        #: Folders with an end that is not on the disk yet, and when it is to be.
        self._unsynced: dict[AttemptFolder, float] = {}

    def run(self) -> None:
        """Until the agent has no more of them, or is gone, or this process has had enough."""
        done = 0
        try:
            while data := self._next():
                job = Job.decode(data)
                folder = AttemptFolder(Path(job.folder))
                _run(job, folder, self._place)
                self._unsynced[folder] = time.monotonic() + _SYNC_SECONDS
                done += 1
                if done >= _MOST_ATTEMPTS or _memory() > _MOST_MEMORY:
                    break
                self._connection.send(b".")
        finally:
            self._sync(float("inf"))

    def _next(self) -> bytes | None:
        self._sync(time.monotonic())
        while self._unsynced:
            due = min(self._unsynced.values()) - time.monotonic()
            if self._waiting.poll(max(0, due) * 1000):
                break
            self._sync(time.monotonic())
        return receive(self._connection)

    def _sync(self, until: float) -> None:
        """Most ends are settled and gone by now, and were never worth the disk's time."""
        for folder in [one for one, due in self._unsynced.items() if due <= until]:
            del self._unsynced[folder]
            with contextlib.suppress(OSError):
                folder.sync_exit()


def _run(job: Job, folder: AttemptFolder, place: Place) -> None:
    lock = None
    try:
        os.chdir(job.home)
        lock = folder.try_lock()
        # Each of the two files says that this attempt has been dealt with before: never twice.
        if lock is not None and folder.read_shim() is None and folder.read_exit() is None:
            Shim(job, folder, place).run()
    except BaseException:
        with contextlib.suppress(OSError):
            folder.errors.write_text(traceback.format_exc())
        raise
    finally:
        if lock is not None:
            os.close(lock)


def _memory() -> int:
    """The most that this process has had, in KiB."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size // 1024 if sys.platform == "darwin" else size


def _detach() -> Place:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(null, target)
    os.close(null)
    pid = os.getpid()
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    bell.setblocking(False)
    return Place(pid=pid, start=process_start(pid), boot_id=boot_id(), signals=_signals(), bell=bell)


def _signals() -> int:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return reader


class Shim:
    def __init__(self, job: Job, folder: AttemptFolder, place: Place) -> None:
        self._job = job
        self._folder = folder
        self._signals = place.signals
        self._bell = place.bell
        self._record = ShimRecord(pid=place.pid, start=place.start, boot_id=place.boot_id)
        self._spool = SpoolWriter(folder.spool)
        self._recorder = Recorder(self._spool, limit=job.spool_bytes)
        self._patterns = Patterns([])
        self._artifacts = Artifacts(folder.artifacts, work=folder.work, patterns=self._patterns)
        self._outputs = Outputs(self._patterns, self._artifacts)

    def run(self) -> None:
        self._sign()
        # After shim.json: either this sees the cancel, or the agent sees whom to signal.
        if self._folder.read_cancel() is None:
            self._finish(self._run_script())
        else:
            self._finish(Ending("canceled", message="Cancelled before the script started."))

    def _sign(self) -> None:
        """Say who has this attempt; waits for room on the disk, unless it is cancelled meanwhile."""
        while True:
            try:
                self._folder.write_shim(self._record)
            except OSError:
                if not self._folder.path.exists():
                    raise
                if self._folder.read_cancel() is not None:
                    return
                time.sleep(_RETRY_SECONDS)
            else:
                return

    def _run_script(self) -> Ending:
        try:
            for secret in self._job.secrets:
                self._patterns.add(secret)
            child = self._start()
        except (scripts.CannotRun, environment.RefusedEnvironment, TooShort) as refused:
            return Ending("not_started", message=str(refused))
        except (OSError, ValueError) as error:
            return Ending("not_started", message=f"The script could not be started: {error}.")
        self._record = replace(self._record, child=child.pid, started=time.time())
        self._folder.write_shim(self._record)
        self._ring()
        watch = Watch(
            child,
            patterns=self._patterns,
            outputs=self._outputs,
            recorder=self._recorder,
            spool=self._spool,
            signals=self._signals,
            cancelled=self._folder.read_cancel,
            abandon_seconds=self._job.abandon_seconds,
            announce=self._ring,
            collect=self._artifacts.collect,
            kill=lambda: containers.kill(self._folder.path),
        )
        return self._judged(watch.run())

    def _judged(self, ending: Ending) -> Ending:
        """An end of what starts the container is none of the script."""
        message = containers.could_not_run(self._folder.path, ending.exit_code) if self._job.container else ""
        if ending.outcome != "exited" or not message:
            return ending
        return Ending("not_started", message=message)

    def _start(self) -> subprocess.Popen[bytes]:
        job = self._job
        make_private_directory(self._folder.work)
        surroundings = environment.build(job.environment)
        if job.syntax == programs.SYNTAX:
            command = programs.prepare(job, surroundings)
        else:
            command = scripts.prepare(
                self._folder.path,
                syntax=job.syntax,
                script=job.script,
                variables=job.variables,
                environment=surroundings,
            )
        if job.container:
            wish = containers.Wish(**{name: job.container.get(name, "") for name in _WISHED})
            name = f"octoworkers-{job.attempt_id}"
            command = containers.wrap(command, wish, folder=self._folder.path, name=name)
        return subprocess.Popen(
            command.arguments,
            executable=command.program,
            env=command.environment,
            cwd=self._folder.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def _ring(self) -> None:
        """Tell the agent that there is something new, if it is there to hear it."""
        with contextlib.suppress(OSError):
            # A relative name: the path of a socket may have no more than about 100 characters.
            self._bell.sendto(self._job.attempt_id.encode(), "agent.sock")

    def _finish(self, ending: Ending) -> None:
        record = ExitRecord(
            outcome=ending.outcome,
            exit_code=ending.exit_code,
            signal=ending.signal,
            message=ending.message,
            lines=self._recorder.lines,
            bytes=self._recorder.bytes,
            sha256=self._recorder.sha256,
            started=self._record.started,
            ended=time.time(),
            outputs=[vars(value) for value in self._outputs.values()],
            artifacts=[vars(file) for file in self._artifacts.kept],
        )
        scripts.discard(self._folder.path)
        programs.discard(self._folder.path)
        containers.discard(self._folder.path)
        self._spool.close()
        while not self._store(record):
            if not self._folder.path.exists():
                # Given up by the agent meanwhile: nobody is left to be told.
                return
            # A full disk must not cost the result.
            time.sleep(_RETRY_SECONDS)
        self._ring()

    def _store(self, record: ExitRecord) -> bool:
        try:
            self._folder.write_exit(record, durable=False)
        except OSError:
            return False
        return True
