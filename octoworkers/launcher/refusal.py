"""What keeps Octoworkers from starting, as one sentence for the person at the terminal."""

from __future__ import annotations


class CannotStart(Exception):
    """Its text is the whole message: what is wrong, and what to do about it."""
