"""The names of target tags, which Octopus calls roles."""

from __future__ import annotations


def tag_key(tag: str) -> str:
    """What two spellings of one target tag have in common: tags ignore case."""
    return tag.strip().casefold()
