"""What people write in Markdown, as HTML that cannot do more than look like it."""

from __future__ import annotations

from functools import cache

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt


def to_html(text: str) -> SafeString:
    """CommonMark with tables, ~~deleted~~ text and addresses that become links. HTML in the text stays text,
    and pictures become links, since pages load nothing from elsewhere. Links lead to web and mail addresses
    and to this server only."""
    return mark_safe(_reader().render(text))  # noqa: S308 - the reader escapes all that is not its own


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "linkify": True})
    reader.enable(["table", "strikethrough", "linkify"]).disable("image")
    if reader.linkify is not None:
        # Only what says that it is an address: names of files are not.
        reader.linkify.set({"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False})
    reader.validateLink = _is_safe  # type: ignore[method-assign]
    reader.add_render_rule("link_open", _link)
    return reader


def _is_safe(url: str) -> bool:
    """No address that runs anything, such as javascript: or data:."""
    scheme, colon, _ = url.strip().partition(":")
    if not colon or not scheme.isascii() or any(one in scheme for one in "/?#"):
        return not url.strip().startswith("//")
    return scheme.lower() in ("http", "https", "mailto")


def _link(self, tokens, index, options, env):  # type: ignore[no-untyped-def]  # as the library calls it
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return self.renderToken(tokens, index, options, env)
