"""A package's file as an answer, streamed in blocks: under ASGI a plain file would be read into memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import IO, Any

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from packages.models import Package
from packages.services import files

_BLOCK = 256 * 1024


def file_response(package: Package, *, offset: int = 0) -> StreamingHttpResponse:
    """From byte `offset` on, as 206 where that is not the beginning. Raises FileNotFoundError."""
    content = files.opened(package.file)
    content.seek(offset)
    response = StreamingHttpResponse(_blocks(content), content_type="application/octet-stream")
    response["Content-Length"] = str(package.size - offset)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = f'"{package.sha256}"'
    response["Cache-Control"] = "private, no-store"
    response["X-Content-Type-Options"] = "nosniff"
    if offset:
        response.status_code = 206
        response["Content-Range"] = f"bytes {offset}-{package.size - 1}/{package.size}"
    return response


def attachment(package: Package) -> StreamingHttpResponse:
    """For a browser, which saves it and never shows it: it is whatever somebody pushed."""
    response = file_response(package)
    response["Content-Disposition"] = f'attachment; filename="{package.file_name}"'
    return response


async def _blocks(content: IO[Any] | Any) -> AsyncIterator[bytes]:
    read = sync_to_async(content.read, thread_sensitive=False)
    try:
        while block := await read(_BLOCK):
            yield block
    finally:
        content.close()
