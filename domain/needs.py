"""What a machine must have for a step, in the words of people."""

from __future__ import annotations

from collections.abc import Iterable

from domain.labels import listed

_WORDS = {"containers": "docker or podman", "powershell": "PowerShell (pwsh)"}

USUAL = frozenset({"bash", "python", "step-programs"})
"""What practically every machine has, so that a plan need not look."""


def said(needs: Iterable[str]) -> str:
    """For example "docker or podman and step-programs"."""
    return listed([_WORDS.get(one, one) for one in sorted(needs)])
