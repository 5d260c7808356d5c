"""The filters by name.

A filter takes the text before the | (None for a name without a value) and its options, and
gives the new text, or None where it does not apply: then the token is echoed.
"""

from __future__ import annotations

from domain.octostache.filters import comparing, dates, escapes, extracting, formats, hashes, patterns, text
from domain.octostache.filters.calls import Filter, Inputs

__all__ = ["FILTERS", "FILTER_NAMES", "Filter", "Inputs"]

_GROUPS = (
    text.FILTERS,
    comparing.FILTERS,
    patterns.FILTERS,
    formats.FILTERS,
    dates.FILTERS,
    escapes.FILTERS,
    hashes.FILTERS,
    extracting.FILTERS,
)
FILTERS: dict[str, Filter] = {name.lower(): filter for group in _GROUPS for name, filter in group.items()}
FILTER_NAMES = tuple(sorted((name for group in _GROUPS for name in group), key=str.casefold))
"""As people write them."""
