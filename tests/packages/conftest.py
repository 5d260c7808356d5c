from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def media(tmp_path: Path, settings) -> Path:
    """A storage of its own for each test."""
    folder = tmp_path / "media"
    settings.MEDIA_ROOT = str(folder)
    return folder


@pytest.fixture
def stored(media: Path):
    """`stored()` gives the contents of the files that are kept."""
    return lambda: sorted(path.read_bytes() for path in media.rglob("*") if path.is_file())
