"""The files that a run left. They come from scripts, so nothing of them is ever a page of this server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET

from accounts.requests import PageRequest
from common import htmx, objects
from tasks.models import Artifact, ArtifactState
from tasks.selectors import artifacts as selectors
from tasks.services import artifacts
from tasks.views.detail import page_context, task_of

_BINARY = "application/octet-stream"


@require_GET
def task_artifacts(request: PageRequest, pk: int) -> HttpResponse:
    task = task_of(request, pk)
    context = page_context(request, task, tab="artifacts")
    context["artifacts"] = selectors.of(task)
    return htmx.page(request, "tasks/task_artifacts.html", context, partial="live")


@require_GET
def artifact_detail(request: PageRequest, pk: int, artifact: UUID) -> HttpResponse:
    """A look at a text or a picture."""
    task = task_of(request, pk)
    found = _stored(request, pk, artifact)
    context = page_context(request, task, tab="artifacts")
    try:
        context |= {"artifact": found, "preview": selectors.preview(found)}
    except objects.ObjectGone as error:
        raise Http404(str(error)) from error
    return htmx.page(request, "tasks/artifact_detail.html", context, partial="live")


@require_GET
def artifact_download(request: PageRequest, pk: int, artifact: UUID) -> StreamingHttpResponse:
    return _content(request, _stored(request, pk, artifact), kind=_BINARY, is_download=True)


@require_GET
def artifact_image(request: PageRequest, pk: int, artifact: UUID) -> StreamingHttpResponse:
    """For the page that shows it; 404 for what is no picture."""
    found = _stored(request, pk, artifact)
    try:
        kind = selectors.image_type(found)
    except objects.ObjectGone as error:
        raise Http404(str(error)) from error
    if not kind:
        raise Http404("This is no picture.")
    return _content(request, found, kind=kind, is_download=False)


def _stored(request: PageRequest, pk: int, artifact: UUID) -> Artifact:
    rows = Artifact.objects.visible_to(request.user).in_space(request.space)
    found: Artifact = get_object_or_404(rows, pk=artifact, task=task_of(request, pk))
    if found.state != ArtifactState.STORED:
        raise Http404(found.message or "This artifact is not there yet.")
    return found


def _content(
    request: PageRequest, artifact: Artifact, *, kind: str, is_download: bool
) -> StreamingHttpResponse:
    blocks = artifacts.content(artifact)
    return StreamingHttpResponse(
        _asynchronous(blocks) if isinstance(request, ASGIRequest) else blocks,
        content_type=kind,
        headers={
            "Content-Disposition": content_disposition_header(is_download, artifact.name) or "attachment",
            "Content-Length": str(artifact.size),
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


async def _asynchronous(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(partial(next, blocks, None))
    while (block := await following()) is not None:
        yield block
