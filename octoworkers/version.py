"""The version of this installation, read from the changelog's newest heading."""

from __future__ import annotations

import re
from pathlib import Path


def read(changelog: Path) -> str:
    """First version in headings like `## [0.1.0] - 2026-11-23`; 0.0.0 where there is none."""
    try:
        found = re.search(r"^## \[(\d+\.\d+\.\d+)\]", changelog.read_text(), re.MULTILINE)
    except FileNotFoundError:
        return "0.0.0"
    return found[1] if found else "0.0.0"


VERSION = read(Path(__file__).resolve().parent.parent / "CHANGELOG.md")
