"""Frames from the engine to an agent: after commit, best effort. What is not acknowledged is made
good when the agent connects, or by the sweep; rows are the truth, a frame is a nudge."""

from __future__ import annotations

from django.db import transaction

from common import live
from protocol import CANCEL_GRACE_SECONDS, frames
from tasks.engine.held import HeldAttempt

MESSAGE_TYPE = "agent.frame"


def assign(channel: str, attempt_id: str, epoch: int, *, task_id: int, step: str) -> None:
    _send(channel, frames.Assign(attempt_id, epoch, task_id, step))


def assign_frame(attempt: HeldAttempt) -> frames.Assign:
    return frames.Assign(str(attempt.id), attempt.epoch, attempt.task_id, attempt.step)


def assign_again(attempt: HeldAttempt) -> None:
    _send(attempt.channel, assign_frame(attempt))


def cancel_frame(attempt: HeldAttempt) -> frames.Cancel:
    return frames.Cancel(str(attempt.id), attempt.epoch, CANCEL_GRACE_SECONDS)


def cancel(attempt: HeldAttempt) -> None:
    _send(attempt.channel, cancel_frame(attempt))


def forget(attempt: HeldAttempt, *, reason: str) -> None:
    _send(attempt.channel, frames.Forget(str(attempt.id), attempt.epoch, reason))


def _send(channel: str, frame: frames.Frame) -> None:
    if channel:
        message = {"type": MESSAGE_TYPE, "frame": frames.encode(frame)}
        transaction.on_commit(lambda: live.send(channel, message), robust=True)
