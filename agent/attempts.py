"""One attempt, as the agent sees it: what the server asked, what the shim did, what is to be reported.

Each attempt has a task of its own that sleeps until something concerns it: a frame of the server, a
bell of its shim, a new connection. It then looks at its folder and reports what is due.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections import deque
from dataclasses import replace
from typing import Any, TypeVar

from agent import ending
from agent.artifacts import Uploads
from agent.host import process_start
from agent.jobs import Job
from agent.journal import (
    ACCEPTED,
    FINISHED,
    RUNNING,
    STARTING,
    UNKNOWN,
    AttemptFolder,
    ExitRecord,
    Journal,
    ShimRecord,
)
from agent.mending import mend
from agent.reporting import Disconnected, Link, Reporter
from agent.spool import SpoolReader, count_lines, summarise
from agent.surroundings import Launch, Surroundings
from protocol import CANCEL_GRACE_SECONDS
from protocol.frames import (
    ArtifactWanted,
    Assign,
    Cancel,
    Error,
    Forget,
    Frame,
    HeldAttempt,
    LogAck,
    Settled,
    Start,
    Verdict,
)

logger = logging.getLogger("octoworker")

#: Seconds that a shim has for saying that it has given a script up.
_SHIM_GRACE_SECONDS = 5.0
_NONE = -1

T = TypeVar("T")


class Attempt:
    """`journal` is None until the assignment is on the disk."""

    def __init__(
        self, attempt_id: str, *, surroundings: Surroundings, journal: Journal | None = None
    ) -> None:
        self.attempt_id = attempt_id
        self.gone = False
        self._around = surroundings
        self._folder: AttemptFolder = surroundings.workspace.folder(attempt_id)
        self._journal = journal
        self._shim: ShimRecord | None = None
        self._exit: ExitRecord | None = None
        self._job: bytes | None = None
        self._launch = Launch()
        self._failure = ""
        self._forgotten = False
        self._deadline: float | None = None
        # Of an attempt that has just come nothing can be there yet.
        self._probe = journal is not None
        self._spool = SpoolReader(self._folder.spool)
        self._reporter: Reporter | None = None
        self._inbox: deque[tuple[Any, Link]] = deque()
        self._wake = asyncio.Event()

    @property
    def epoch(self) -> int | None:
        """None of what was never accepted."""
        return self._journal.epoch if self._journal else None

    @property
    def state(self) -> str:
        if self._exit is not None:
            return UNKNOWN if self._exit.outcome == "unknown" else FINISHED
        if self._journal is None or self._journal.phase == ACCEPTED:
            return ACCEPTED
        return RUNNING if self._shim and self._shim.child else STARTING

    async def held(self) -> HeldAttempt | None:
        """What a new connection hears of it first; None while nothing is on the disk."""
        if self._journal is None or self.gone:
            return None
        lines = await self._around.in_thread(count_lines, self._folder.spool)
        return HeldAttempt(self.attempt_id, self._journal.epoch, self.state, lines)

    def post(self, frame: Frame, link: Link) -> None:
        self._inbox.append((frame, link))
        self._wake.set()

    def unread(self) -> list[tuple[Any, Link]]:
        """What came for it and was never looked at."""
        left = list(self._inbox)
        self._inbox.clear()
        return left

    def wake(self, *, probe: bool = False) -> None:
        """Look at the folder; `probe`: also whether the shim is still alive."""
        self._probe = self._probe or probe
        self._wake.set()

    def fail(self, reason: str) -> None:
        """No shim could be made for it."""
        self._failure = reason
        self._wake.set()

    def lose_shim(self) -> None:
        """The shim that had its job has gone: done, killed, or without having begun."""
        self._launch = replace(self._launch, generation=_NONE)
        self.wake(probe=True)

    async def recover(self) -> None:
        """See what became of it while no agent was there."""
        await self._look()
        if self._journal and self._journal.boot_id != self._around.boot_id:
            # After a fall of the machine an end may have reached the disk, and the log before it not.
            await self._mend()

    async def run(self) -> None:
        """Until the server has settled or forgotten it."""
        while not self.gone:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._turn()
            except Disconnected:
                self._reporter = None
            except OSError as error:
                logger.warning("Attempt %s is tried again: %s.", self.attempt_id, error)
                await asyncio.sleep(1)
                self._wake.set()
        self._spool.close()

    async def _turn(self) -> None:
        while self._inbox and not self.gone:
            # Taken out only when done: a full disk must not cost a cancel.
            frame, link = self._inbox[0]
            with contextlib.suppress(Disconnected):
                await self._handle(frame, link)
            self._inbox.popleft()
        if not self.gone:
            await self._look()
        if not self.gone:
            await self._report()

    # --- What the server says -------------------------------------------------------------------

    async def _handle(self, frame: Frame, link: Link) -> None:
        if isinstance(frame, Verdict):
            await self._on_verdict(frame, link)
        elif isinstance(frame, Assign):
            await self._on_assign(frame, link)
        elif isinstance(frame, Error):
            await self._on_refusal(frame)
        elif self._journal is None or frame.epoch > self._journal.epoch:
            await self._refuse(link, "unknown_attempt", "This worker holds no such attempt.")
        elif frame.epoch < self._journal.epoch:
            await self._refuse(link, "stale_epoch", f"This worker holds epoch {self._journal.epoch}.")
        else:
            await self._on_current(frame)

    async def _on_current(self, frame: Frame) -> None:
        if isinstance(frame, Start):
            await self._on_start(frame)
        elif isinstance(frame, Cancel):
            await self._cancel(frame.grace_seconds)
        elif isinstance(frame, (LogAck, ArtifactWanted)):
            self._on_answer(frame)
        elif isinstance(frame, Forget):
            await self._forget()
        elif isinstance(frame, Settled) and self._exit is not None:
            await self._discard()

    def _on_answer(self, frame: LogAck | ArtifactWanted) -> None:
        if self._reporter is None:
            return
        if isinstance(frame, LogAck):
            self._reporter.acknowledge(frame)
        elif self._exit is not None:
            self._reporter.wanted(frame, self._exit)

    async def _on_refusal(self, error: Error) -> None:
        """The server cannot make anything of the log: the disk may have damaged it."""
        if error.code == "bad_chunk":
            self._spool.end = (await self._around.in_thread(summarise, self._folder.spool))[0]
            await self._mend()

    async def _mend(self) -> None:
        if self._exit is None:
            return
        self._exit = await self._around.in_thread(mend, self._folder, self._exit)
        self._spool.end = None
        if self._reporter:
            self._reporter.go_back()

    async def _on_verdict(self, verdict: Verdict, link: Link) -> None:
        if verdict.verdict == "forget":
            await self._forget()
            return
        self._report_to(link, next_seq=verdict.next_seq)
        if verdict.cancel:
            await self._cancel(CANCEL_GRACE_SECONDS)

    async def _on_assign(self, frame: Assign, link: Link) -> None:
        known = self._journal
        if known and frame.epoch < known.epoch:
            await self._refuse(link, "stale_epoch", f"This worker holds epoch {known.epoch}.")
        elif known and known.epoch == frame.epoch:
            self._accept_again(link)
        elif known and self.state != ACCEPTED:
            await self._refuse(link, "already_started", "This worker has started an earlier epoch of it.")
        else:
            await self._accept(frame, link)

    async def _accept(self, frame: Assign, link: Link) -> None:
        journal = Journal(
            attempt_id=frame.attempt_id,
            epoch=frame.epoch,
            task_id=frame.task_id,
            step=frame.step,
            phase=ACCEPTED,
            boot_id=self._around.boot_id,
            time=time.time(),
        )
        with contextlib.suppress(OSError):
            self._around.launcher.be_ready()
        try:
            await self._around.in_thread(_store_new, self._folder, journal)
        except OSError as error:
            await self._refuse(
                link, "cannot_accept", f"The worker cannot write to its disk: {error.strerror}."
            )
            await self._discard()
            return
        self._journal = journal
        self._report_to(link, next_seq=0)

    def _accept_again(self, link: Link) -> None:
        """On a connection that was there before the journal was, nobody has said anything about it."""
        if self._reporter is None or self._reporter.link is not link:
            self._report_to(link, next_seq=0)
        self._repeat()

    async def _on_start(self, frame: Start) -> None:
        if self._journal is None or self.state != ACCEPTED:
            self._repeat()
            return
        if any(isinstance(later, (Cancel, Forget)) for later, _ in self._inbox):
            # Not wanted any more by the time that it could be started, as after a wait for the disk.
            return
        self._job = self._encode_job(frame)
        journal = replace(self._journal, phase=STARTING, time=time.time())
        await self._around.in_thread(self._folder.write_journal, journal)
        self._journal = journal

    def _encode_job(self, frame: Start) -> bytes:
        job = Job(
            home=str(self._around.workspace.home.path),
            folder=str(self._folder.path),
            attempt_id=self.attempt_id,
            syntax=frame.syntax,
            script=frame.script,
            variables=frame.variables,
            environment=frame.environment,
            secrets=frame.secrets,
            program=frame.program,
            inputs=frame.inputs,
            container=frame.container,
            spool_bytes=self._around.limits.spool_bytes,
            abandon_seconds=self._around.limits.abandon_seconds,
        )
        return job.encode()

    async def _cancel(self, grace: float) -> None:
        if self._exit is not None:
            self._repeat()
        elif self.state == ACCEPTED:
            self._exit = await self._around.in_thread(ending.cancel_unstarted, self._folder)
        else:
            await self._around.in_thread(self._folder.write_cancel, grace)
            self._deadline = self._deadline or self._give_up_after(grace)
            self._signal()

    def _give_up_after(self, grace: float) -> float:
        """When a shim must have stopped the script or given it up: after that it is stuck itself."""
        return time.monotonic() + max(self._around.limits.abandon_seconds, grace) + _SHIM_GRACE_SECONDS

    async def _forget(self) -> None:
        if self._exit is not None or self.state == ACCEPTED:
            await self._discard()
            return
        self._forgotten, self._reporter = True, None
        await self._cancel(CANCEL_GRACE_SECONDS)

    async def _discard(self) -> None:
        self.gone = True
        # The last to hold a file that is removed pays for it.
        self._spool.close()
        await self._around.in_thread(self._around.workspace.remove, self.attempt_id)

    async def _refuse(self, link: Link, code: str, message: str) -> None:
        await link.send(Error(code=code, message=message, attempt_id=self.attempt_id))

    # --- What became of it ------------------------------------------------------------------------

    async def _look(self) -> None:
        if self._exit is None and self._journal is not None:
            self._exit = self._folder.read_exit()
            if self._spool.end is not None:
                await self._mend()
            if self._exit is None and self._journal.phase == STARTING:
                await self._look_for_shim()
            if self._shim is None or self._shim.child is None:
                self._shim = self._folder.read_shim()
        if self._exit is not None and self._forgotten:
            await self._discard()

    async def _look_for_shim(self) -> None:
        probe, self._probe = self._probe, False
        if self._shim is None:
            self._shim = self._folder.read_shim()
            self._signal_if_cancelled()
        if self._shim is not None:
            self._job = None
            if self._deadline is None and self._folder.read_cancel() is not None:
                # Cancelled through an earlier agent.
                self._deadline = self._give_up_after(0)
            if self._deadline is not None and time.monotonic() > self._deadline:
                self._exit = await self._around.in_thread(
                    ending.abandon, self._folder, self._shim, boot_id=self._around.boot_id
                )
            elif probe:
                await self._conclude()
        elif self._job is None or self._failure or self._launch.overdue:
            await self._conclude()
        elif self._launch.generation != self._around.launcher.generation or not self._launch.count:
            self._hand_over(self._job)

    def _hand_over(self, job: bytes) -> None:
        """Give the job to a shim. A second shim for it would find the first one's traces and leave."""
        generation = _NONE
        try:
            generation = self._around.launcher.launch(self.attempt_id, job)
        except OSError as error:
            # Tried again with the next poll, and with the zygote that is there by then.
            logger.warning("Attempt %s could not be handed over: %s.", self.attempt_id, error)
        self._launch = Launch(generation, self._launch.count + 1, time.monotonic())

    async def _conclude(self) -> None:
        """Write the ending if nobody else is left to do it."""
        if self._journal is not None:
            self._exit = await self._around.in_thread(
                ending.conclude,
                self._folder,
                self._journal,
                boot_id=self._around.boot_id,
                reason=self._failure,
            )

    def _signal_if_cancelled(self) -> None:
        if self._shim is not None and self._folder.read_cancel() is not None:
            self._signal()

    def _signal(self) -> None:
        """Have the shim look at cancel.json."""
        shim = self._folder.read_shim()
        if shim is not None and process_start(shim.pid) == shim.start:
            try:
                os.kill(shim.pid, signal.SIGTERM)
            except ProcessLookupError:
                self._wake.set()

    # --- What is to be reported -------------------------------------------------------------------

    def _report_to(self, link: Link, *, next_seq: int) -> None:
        if self._journal is not None:
            self._reporter = Reporter(
                link,
                attempt_id=self.attempt_id,
                epoch=self._journal.epoch,
                spool=self._spool,
                next_seq=next_seq,
                uploads=Uploads(self._folder.artifacts),
            )

    def _repeat(self) -> None:
        if self._reporter:
            self._reporter.repeat()

    async def _report(self) -> None:
        reporter = self._reporter
        if reporter is None:
            return
        if self.state == ACCEPTED:
            await reporter.accepted()
        if self._shim is not None:
            await reporter.started(self._shim)
        if not await reporter.log() or self._exit is None:
            return
        if self._spool.next_seq < self._exit.lines:
            await self._mend()
            self._wake.set()
        else:
            await reporter.finished(self._exit)
            await reporter.artifacts(self._exit)


def _store_new(folder: AttemptFolder, journal: Journal) -> None:
    folder.create()
    folder.write_journal(journal)
