"""The files that a run left, as lists and previews."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from common import objects
from tasks.models import Artifact, ArtifactState, ServerTask
from tasks.selectors.logs import plain, shown

#: Bytes of a text that are shown; the rest is in the download.
TEXT_BYTES = 128 * 1024
#: Bytes up to which an image is shown.
IMAGE_BYTES = 20 * 1024 * 1024
_LOOK = 8000
#: Pictures that a browser cannot be made to execute, by their first bytes. No SVG: it is a document.
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


@dataclass(frozen=True)
class Preview:
    """`image` is a media type, `text` the beginning of a text; where both are empty there is no preview."""

    image: str = ""
    text: str = ""
    is_cut: bool = False


def with_count(tasks: QuerySet[ServerTask]) -> QuerySet[ServerTask]:
    """Adds `artifacts_count` to each."""
    own = Artifact.objects.filter(task=OuterRef("pk")).order_by().values("task")
    counted = Subquery(own.annotate(n=Count("pk")).values("n"))
    return tasks.annotate(artifacts_count=Coalesce(counted, Value(0)))


def of(task: ServerTask) -> QuerySet[Artifact]:
    """With their steps, in the order in which they came."""
    found = Artifact.objects.filter(task=task).select_related("attempt__execution")
    return found.order_by("attempt__execution__number", "created_at", "number")


def image_type(artifact: Artifact) -> str:
    """The media type of a picture that is safe to show, by what it is and not by its name; empty for
    anything else. Raises `objects.ObjectGone`."""
    if artifact.state != ArtifactState.STORED or artifact.size > IMAGE_BYTES:
        return ""
    return _image(objects.read(artifact.object_name, 0, 16))


def _image(head: bytes) -> str:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for beginning, kind in _IMAGES if head.startswith(beginning)), "")


def preview(artifact: Artifact) -> Preview:
    """Raises `objects.ObjectGone`."""
    if kind := image_type(artifact):
        return Preview(image=kind)
    data = objects.read(artifact.object_name, 0, min(TEXT_BYTES, artifact.size))
    if b"\0" in data[:_LOOK]:
        return Preview()
    lines = (plain(shown(line)[0]) for line in data.split(b"\n"))
    return Preview(text="\n".join(lines), is_cut=artifact.size > TEXT_BYTES)
