"""Filters that say true or false; upper and lower case differ."""

from __future__ import annotations

from domain.octostache.filters.calls import Filter, with_options


def said(answer: bool) -> str:
    """true or false."""
    return "true" if answer else "false"


FILTERS: dict[str, Filter] = {
    "Contains": with_options(lambda text, options: said(options[0] in text), least=1, most=1),
    "StartsWith": with_options(lambda text, options: said(text.startswith(options[0])), least=1, most=1),
    "EndsWith": with_options(lambda text, options: said(text.endswith(options[0])), least=1, most=1),
}
