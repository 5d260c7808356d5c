from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


class VersionedStorage(StaticFilesStorage):
    """Adds a digest of the content to each URL, so that browsers never keep an old file, without a
    build step that writes renamed copies."""

    def url(self, name: str | None, **kwargs: Any) -> str:
        url = super().url(name, **kwargs)
        version = _digest(name or "")
        return f"{url}?v={version}" if version else url


@lru_cache(maxsize=1000)
def _digest(name: str) -> str:
    found = finders.find(name)
    if not isinstance(found, str):
        return ""
    return sha256(Path(found).read_bytes()).hexdigest()[:10]
