"""CommonMark to HTML, with tables, ~~deleted~~ text and addresses that become links."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from domain.octostache.filters.calls import Refused

try:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
except ImportError:  # On a worker, which has nothing but Python.
    MarkdownIt = None  # type: ignore[assignment,misc]


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"linkify": True}).enable(["table", "strikethrough", "linkify"])
    if reader.linkify is not None:
        # Only what says that it is an address: names of files are not.
        reader.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    reader.add_render_rule("s_open", _tag("<del>"))
    reader.add_render_rule("s_close", _tag("</del>"))
    return reader


def _tag(text: str) -> Any:
    def render(_self: Any, _tokens: Sequence[Token], _index: int, _options: Any, _env: Any) -> str:
        return text

    return render


def to_html(text: str) -> str:
    """The HTML, with one line break more at its end than it needs, as the reference has it. Raises Refused
    where the library is missing."""
    if MarkdownIt is None:
        raise Refused("Markdown is not known on this machine")
    return f"{_reader().render(text.strip())}\n"
