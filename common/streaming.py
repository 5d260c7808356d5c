"""Long answers, block by block, under both of Django's handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse


def stream(
    request: HttpRequest, blocks: Iterator[bytes], *, content_type: str, headers: dict[str, str] | None = None
) -> StreamingHttpResponse:
    """An answer that is never in memory as a whole."""
    return StreamingHttpResponse(
        asynchronous(blocks) if isinstance(request, ASGIRequest) else blocks,
        content_type=content_type,
        headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", **(headers or {})},
    )


async def asynchronous(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Under ASGI Django would otherwise read the whole answer into memory first."""
    following = sync_to_async(partial(next, blocks, None))
    while (block := await following()) is not None:
        yield block
