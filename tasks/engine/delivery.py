"""Frames from the engine to an agent: after commit, best effort. What is not acknowledged is made
good when the agent connects, or by the sweep; rows are the truth, a frame is a nudge."""

from __future__ import annotations

from django.db import transaction

from common import live
from protocol import CANCEL_GRACE_SECONDS, frames
from tasks.models import Attempt, Execution

MESSAGE_TYPE = "agent.frame"


def assign_frame(attempt: Attempt, execution: Execution) -> frames.Assign:
    return frames.Assign(str(attempt.pk), attempt.epoch, execution.task_id, execution.name)


def cancel_frame(attempt: Attempt) -> frames.Cancel:
    return frames.Cancel(str(attempt.pk), attempt.epoch, CANCEL_GRACE_SECONDS)


def assign(attempt: Attempt, execution: Execution) -> None:
    _send(attempt, assign_frame(attempt, execution))


def cancel(attempt: Attempt) -> None:
    _send(attempt, cancel_frame(attempt))


def forget(attempt: Attempt, *, reason: str) -> None:
    _send(attempt, frames.Forget(str(attempt.pk), attempt.epoch, reason))


def _send(attempt: Attempt, frame: frames.Frame) -> None:
    channel = attempt.machine.channel if attempt.machine else ""
    if channel:
        message = {"type": MESSAGE_TYPE, "frame": frames.encode(frame)}
        transaction.on_commit(lambda: live.send(channel, message), robust=True)
