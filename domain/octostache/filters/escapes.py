"""Filters that make a text fit into HTML, XML, JSON, YAML, .properties and URIs, and Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

from domain.octostache.filters.calls import Filter, Refused, plain
from domain.octostache.filters.markdown import to_html

LONGEST_MARKDOWN = 200_000
"""Characters of a Markdown text."""

_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
_HTML = {**_XML, "/": "&#x2F;"}
_JSON = {'"': '\\"', "\r": "\\r", "\t": "\\t", "\n": "\\n", "\\": "\\\\"}
_PROPERTIES = {"\\": "\\\\", "\r": "\\r", "\n": "\\n", "\t": "\\t"}
_KEY = {**_PROPERTIES, " ": "\\ ", ":": "\\:", "=": "\\="}
_LINES = re.compile(r"(?:\r?\n)+")
_NOT_ASCII = re.compile(r"[^ -~]")
_NOT_LATIN = re.compile(r"[^\x00-\xfe]")


def _mapped(entities: dict[str, str]) -> Callable[[str], str]:
    table = str.maketrans(entities)
    return lambda text: text.translate(table)


def _code(found: re.Match[str]) -> str:
    """\\uXXXX, two of them for a character beyond the first 65,536."""
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _yaml_single(text: str) -> str:
    def doubled(found: re.Match[str]) -> str:
        return ("\r\n" if found[0].startswith("\r") else "\n") + found[0]

    return _LINES.sub(doubled, text).replace("'", "''")


_escape_json = _mapped(_JSON)
_escape_key = _mapped(_KEY)
_escape_value = _mapped(_PROPERTIES)


def _properties_value(text: str) -> str:
    start = "\\" if text.startswith(" ") else ""
    return start + _NOT_LATIN.sub(_code, _escape_value(text))


def _uri(text: str) -> str:
    return quote(text, safe="-._~:/?#[]@!$&'()*+,;=", errors="replace")


def _markdown(text: str) -> str:
    if len(text) > LONGEST_MARKDOWN:
        raise Refused(f"the text has more than {LONGEST_MARKDOWN:,} characters")
    return to_html(text)


FILTERS: dict[str, Filter] = {
    "HtmlEscape": plain(_mapped(_HTML)),
    "XmlEscape": plain(_mapped(_XML)),
    "JsonEscape": plain(_escape_json),
    "YamlSingleQuoteEscape": plain(_yaml_single),
    "YamlDoubleQuoteEscape": plain(lambda text: _NOT_ASCII.sub(_code, _escape_json(text))),
    "PropertiesKeyEscape": plain(lambda text: _NOT_LATIN.sub(_code, _escape_key(text))),
    "PropertiesValueEscape": plain(_properties_value),
    "UriEscape": plain(_uri),
    "UriDataEscape": plain(lambda text: quote(text, safe="-._~", errors="replace")),
    "Markdown": plain(_markdown),
    "MarkdownToHtml": plain(_markdown),
}
