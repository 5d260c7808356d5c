"""Files that runs leave: taken in parts from agents, put into the storage, taken away."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from common import live, objects
from protocol import frames
from protocol.artifacts import MAX_ARTIFACTS, PART_BYTES, clean_name
from tasks.engine import held
from tasks.engine.held import HeldAttempt
from tasks.models import Artifact, ArtifactState, ServerTask

#: Seconds after which parts of an artifact that stopped coming are swept away.
GIVEN_UP_AFTER = 7 * 24 * 3600
_LOST_TWICE = "What came was not what the worker has: its check sum differed twice."


class TooLarge(ValueError):
    """More than an artifact may have; the text is for people."""


def next_wanted(
    attempt: HeldAttempt, files: Sequence[frames.ArtifactFile], *, now: datetime
) -> frames.ArtifactWanted | None:
    """What the agent is to send next of an attempt that has ended; None when there is nothing more."""
    if not files:
        return None
    if not Artifact.objects.filter(attempt=attempt.id).exists():
        _announce(attempt, files[:MAX_ARTIFACTS], now=now)
    row = _uploading(attempt).first()
    if row is None:
        return None
    # What has come in full is completed where parts are taken, when the last byte comes once more: not here,
    # where runs wait for it.
    offset = min(_size(_partial(row)), row.size - 1)
    return frames.ArtifactWanted(str(attempt.id), attempt.epoch, row.number, offset, resend=True)


def take(machine_id: int, part: frames.ArtifactPart, *, now: datetime) -> frames.Frame:
    """Stores a part that goes on where the artifact ends; the answer says how far it is. Raises `BadFrame`
    for what is no part, and then nothing is stored."""
    attempt = held.of_machine(machine_id, part.attempt_id, part.epoch)
    if attempt is None:
        return frames.Forget(part.attempt_id, part.epoch, "The server does not know this attempt.")
    if not attempt.is_live:
        return frames.Settled(part.attempt_id, part.epoch)
    row = Artifact.objects.filter(attempt=attempt.id, number=part.number).first()
    if row is None or row.state != ArtifactState.UPLOADING:
        return _next(attempt, resend=True) or _all_there(attempt)
    if part.lost:
        _refuse(row, part.lost)
        return _next(attempt, resend=True) or _all_there(attempt)
    fits = _append(row, part)
    return _next(attempt, resend=not fits) or _all_there(attempt)


def _announce(attempt: HeldAttempt, files: Sequence[frames.ArtifactFile], *, now: datetime) -> None:
    room: int = settings.ARTIFACT_BYTES
    rows = []
    for number, file in enumerate(files):
        row = Artifact(
            space_id=attempt.space_id,
            task_id=attempt.task_id,
            attempt_id=attempt.id,
            number=number,
            name=clean_name(file.name),
            size=max(file.size, 0),
            sha256=file.sha256[:64],
            created_at=now,
        )
        if row.size > room:
            limit = f"{settings.ARTIFACT_BYTES // 1024**2:,} MB"
            row.state, row.message = ArtifactState.REFUSED, f"A step may leave {limit} of artifacts together."
        elif row.size:
            room -= row.size
        else:
            _store_empty(row)
        rows.append(row)
    Artifact.objects.bulk_create(rows)


def _store_empty(row: Artifact) -> None:
    """Nothing of it will come."""
    with objects.incoming(row.object_name) as file:
        objects.put(row.object_name, file)
    row.state, row.sha256 = ArtifactState.STORED, hashlib.sha256().hexdigest()


def _next(attempt: HeldAttempt, *, resend: bool) -> frames.ArtifactWanted | None:
    """Completes what has come in full, and asks for the rest."""
    for row in _uploading(attempt):
        size = _size(_partial(row))
        if size >= row.size:
            size = _complete(row)
            resend = True
        if row.state == ArtifactState.UPLOADING:
            return frames.ArtifactWanted(str(attempt.id), attempt.epoch, row.number, size, resend)
    return None


def _all_there(attempt: HeldAttempt) -> frames.ArtifactWanted:
    return frames.ArtifactWanted(str(attempt.id), attempt.epoch, MAX_ARTIFACTS, 0, True)


def _uploading(attempt: HeldAttempt) -> QuerySet[Artifact]:
    return Artifact.objects.filter(attempt=attempt.id, state=ArtifactState.UPLOADING).order_by("number")


def _append(row: Artifact, part: frames.ArtifactPart) -> bool:
    """Whether the part fitted."""
    try:
        data = base64.b64decode(part.data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise frames.BadFrame("bad_value", "data is not base64.") from error
    if not data or len(data) > PART_BYTES:
        raise frames.BadFrame("bad_value", "data is empty or too long.")
    path = _partial(row)
    size = _size(path)
    if part.offset != size or size + len(data) > row.size:
        return False
    if not objects.has_room(row.size - size):
        _refuse(row, "The server's disk is full.")
        return False
    with path.open("ab") as file:
        file.write(data)
    return True


def _complete(row: Artifact) -> int:
    """Into the storage, if it is what the worker has. Returns how many bytes of it are there."""
    path = _partial(row)
    if _sha256(path) != row.sha256 or _size(path) != row.size:
        path.unlink()
        row.tries += 1
        row.save(update_fields=["tries"])
        if row.tries > 1:
            _refuse(row, _LOST_TWICE)
        return 0
    with path.open("rb") as file:
        objects.put(row.object_name, file)
    _settle(row, ArtifactState.STORED)
    path.unlink(missing_ok=True)
    return row.size


def _refuse(row: Artifact, message: str) -> None:
    _partial(row).unlink(missing_ok=True)
    _settle(row, ArtifactState.REFUSED, message)


def _settle(row: Artifact, state: ArtifactState, message: str = "") -> None:
    row.state, row.message = state, message.replace("\0", "")[:300]
    row.save(update_fields=["state", "message"])
    live.nudge(row.space_id, f"task-{row.task_id}")


def _partial(row: Artifact) -> Path:
    return objects.partial(row.object_name)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def create(task: ServerTask, *, name: str, content: Iterable[bytes], now: datetime) -> Artifact:
    """A file that somebody adds to a run. Raises `TooLarge`, and then nothing is kept."""
    row = Artifact(task=task, space_id=task.space_id, name=clean_name(name), size=0, created_at=now)
    digest = hashlib.sha256()
    with objects.incoming(row.object_name) as file:
        for block in content:
            row.size += len(block)
            if row.size > settings.ARTIFACT_BYTES:
                raise TooLarge(f"An artifact may have {settings.ARTIFACT_BYTES // 1024**2:,} MB.")
            digest.update(block)
            file.write(block)
        row.sha256, row.state = digest.hexdigest(), ArtifactState.STORED
        objects.put(row.object_name, file)
    row.save(force_insert=True)
    live.nudge(row.space_id, f"task-{task.pk}")
    return row


def content(artifact: Artifact, *, offset: int = 0) -> Iterator[bytes]:
    """The bytes of one that is STORED. Raises `objects.ObjectGone`."""
    return objects.blocks(artifact.object_name, artifact.size, offset)


@transaction.atomic
def remove(artifact: Artifact, *, reason: str) -> None:
    """Takes the content away; the row says what was there."""
    name = artifact.object_name
    _settle(artifact, ArtifactState.REMOVED, reason)
    transaction.on_commit(lambda: objects.delete(name))
