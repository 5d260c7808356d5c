"""All attempts that the agent holds, and who of them is concerned by what comes in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Iterable

from agent.attempts import Attempt
from agent.reporting import Disconnected, Link
from agent.surroundings import Surroundings
from agent.workspace import is_attempt_id
from protocol.frames import Assign, Cancel, Error, Frame, HeldAttempt, Start, Verdict

logger = logging.getLogger("octoworker")

#: Seconds between two looks at attempts whose shim has not rung: bells can be lost, shims can be killed.
POLL_SECONDS = 1.0

_MOST_REMEMBERED = 2000


class Book:
    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._attempts: dict[str, Attempt] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._some = asyncio.Event()
        #: Attempts that are over, with their epochs: a late copy of their frames must not begin them anew.
        self._over: OrderedDict[str, int] = OrderedDict()

    @property
    def busy(self) -> int:
        return len(self._attempts)

    async def recover(self) -> None:
        """Take up the attempts of an earlier agent."""
        for journal in await self._around.in_thread(self._around.workspace.journals):
            attempt = self._add(Attempt(journal.attempt_id, surroundings=self._around, journal=journal))
            try:
                await attempt.recover()
            except OSError as error:
                # The next poll tries again.
                logger.warning("Attempt %s cannot be looked at yet: %s.", journal.attempt_id, error)

    async def held(self) -> list[HeldAttempt]:
        found = [await attempt.held() for attempt in list(self._attempts.values())]
        return [item for item in found if item is not None]

    def connected(self, link: Link, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            attempt = self._attempts.get(verdict.attempt_id)
            if attempt is not None:
                attempt.post(verdict, link)

    async def receive(self, frame: Frame, link: Link) -> None:
        """A frame about an attempt. Raises `Disconnected`."""
        attempt = self._attempts.get(frame.attempt_id)
        if attempt is None and isinstance(frame, Assign):
            refusal = self._refusal(frame)
            if refusal is not None:
                await link.send(refusal)
                return
            attempt = self._add(Attempt(frame.attempt_id, surroundings=self._around))
        if attempt is not None:
            attempt.post(frame, link)
        elif isinstance(frame, (Start, Cancel)):
            # The other frames about an attempt that is gone ask for nothing.
            text = "This worker holds no such attempt."
            await link.send(Error(code="unknown_attempt", message=text, attempt_id=frame.attempt_id))

    def _refusal(self, frame: Assign) -> Error | None:
        if not is_attempt_id(frame.attempt_id):
            return Error(code="bad_value", message="attempt_id is not a UUID.")
        if frame.epoch <= self._over.get(frame.attempt_id, -1):
            text = "This worker has done with that attempt."
            return Error(code="attempt_over", message=text, attempt_id=frame.attempt_id)
        return None

    def ring(self, attempt_id: str) -> None:
        attempt = self._attempts.get(attempt_id)
        if attempt is not None:
            attempt.wake()

    def ring_all(self) -> None:
        for attempt in self._attempts.values():
            attempt.wake(probe=True)

    def fail(self, attempt_id: str, reason: str) -> None:
        attempt = self._attempts.get(attempt_id)
        if attempt is not None:
            attempt.fail(reason)

    def lose_shim(self, attempt_id: str) -> None:
        attempt = self._attempts.get(attempt_id)
        if attempt is not None:
            attempt.lose_shim()

    async def poll(self) -> None:
        """For ever; asleep while there are no attempts."""
        while True:
            await self._some.wait()
            self.ring_all()
            await asyncio.sleep(POLL_SECONDS)

    def _add(self, attempt: Attempt) -> Attempt:
        self._attempts[attempt.attempt_id] = attempt
        self._some.set()
        task = asyncio.get_running_loop().create_task(self._run(attempt))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return attempt

    async def _run(self, attempt: Attempt) -> None:
        try:
            await attempt.run()
        except Exception:
            logger.exception("Attempt %s is left until the agent is started again.", attempt.attempt_id)
        finally:
            self._attempts.pop(attempt.attempt_id, None)
            self._remember(attempt)
            if not self._attempts:
                self._some.clear()
        for frame, link in attempt.unread():
            # Came while it was being cleaned up.
            if not isinstance(frame, Verdict):
                with contextlib.suppress(Disconnected):
                    await self.receive(frame, link)

    def _remember(self, attempt: Attempt) -> None:
        if attempt.epoch is not None:
            self._over[attempt.attempt_id] = attempt.epoch
            while len(self._over) > _MOST_REMEMBERED:
                self._over.popitem(last=False)
