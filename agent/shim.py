"""The shim: one small process per attempt, which owns the script, its log and its end.

It has a session of its own and needs nobody, so that the agent can be killed, restarted or replaced
while the script runs. It is forked by the zygote (agent.zygote) and never returns from `main`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

from agent import environment, scripts
from agent.files import make_private_directory
from agent.host import boot_id, process_start
from agent.journal import AttemptFolder, ExitRecord, ShimRecord
from agent.output import Recorder
from agent.spool import SpoolWriter
from agent.watch import Ending, Watch
from protocol.masking import Patterns, TooShort

_RETRY_SECONDS = 0.25
_FAILED = 70


@dataclass(frozen=True)
class Job:
    """What the agent hands over, in memory only; `home` and `folder` are absolute paths."""

    home: str
    folder: str
    attempt_id: str
    syntax: str
    script: str
    variables: dict[str, str]
    environment: dict[str, str]
    secrets: list[str]
    spool_bytes: int

    @classmethod
    def decode(cls, data: bytes) -> Job:
        return cls(**json.loads(data))


def main(data: bytes) -> None:
    """Run the job in this freshly forked process, and exit."""
    status = 0
    try:
        job = Job.decode(data)
        os.chdir(job.home)
        folder = AttemptFolder(Path(job.folder))
        _detach(folder)
        lock = folder.try_lock()
        # Each of the two files says that this attempt has been dealt with before: never twice.
        if lock is not None and folder.read_shim() is None and folder.read_exit() is None:
            Shim(job, folder).run()
    except BaseException:
        traceback.print_exc()
        status = _FAILED
    os._exit(status)


def _detach(folder: AttemptFolder) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    errors = os.open(folder.path / "shim.err", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for target, source in ((0, null), (1, null), (2, errors)):
        os.dup2(source, target)
    os.close(null)
    os.close(errors)


def _signals() -> int:
    """A descriptor that becomes readable with each SIGCHLD and SIGTERM."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return reader


class Shim:
    def __init__(self, job: Job, folder: AttemptFolder) -> None:
        self._job = job
        self._folder = folder
        self._signals = _signals()
        self._bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._bell.setblocking(False)
        self._record = ShimRecord(pid=os.getpid(), start=process_start(os.getpid()), boot_id=boot_id())
        folder.write_shim(self._record)
        self._spool = SpoolWriter(folder.spool)
        self._recorder = Recorder(self._spool, limit=job.spool_bytes)

    def run(self) -> None:
        # After shim.json: either this sees the cancel, or the agent sees whom to signal.
        if self._folder.read_cancel() is None:
            self._finish(self._run_script())
        else:
            self._finish(Ending("canceled", message="Cancelled before the script started."))

    def _run_script(self) -> Ending:
        try:
            patterns = Patterns(self._job.secrets)
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
            patterns=patterns,
            recorder=self._recorder,
            spool=self._spool,
            signals=self._signals,
            cancelled=self._folder.read_cancel,
            announce=self._ring,
        )
        return watch.run()

    def _start(self) -> subprocess.Popen[bytes]:
        job = self._job
        make_private_directory(self._folder.work)
        command = scripts.prepare(
            self._folder.path,
            syntax=job.syntax,
            script=job.script,
            variables=job.variables,
            environment=environment.build(job.environment),
        )
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
        )
        scripts.discard(self._folder.path)
        while not self._store(record):
            # A full disk must not cost the result.
            time.sleep(_RETRY_SECONDS)
        self._ring()

    def _store(self, record: ExitRecord) -> bool:
        try:
            self._spool.sync()
            self._folder.write_exit(record)
        except OSError:
            return False
        return True
