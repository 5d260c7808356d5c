"""What keeps a backup from being made or put back."""

from __future__ import annotations

from octoworkers.launcher.refusal import CannotStart


class CannotBackUp(CannotStart):
    """No file was left behind."""


class CannotRestore(CannotStart):
    """Its text says whether anything was changed."""
