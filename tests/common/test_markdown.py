"""Markdown that people write: as HTML that can do nothing."""

from __future__ import annotations

import pytest

from common.markdown import to_html


def test_what_markdown_means_is_shown():
    html = to_html("# Title\n\n- **one**\n- `two`\n\n| a | b |\n|---|---|\n| 1 | 2 |")

    for part in ("<h1>Title</h1>", "<strong>one</strong>", "<code>two</code>", "<td>1</td>"):
        assert part in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://example.org/x.png)",
        "<iframe src=https://example.org></iframe>",
        '[x](https://example.org "a\\" onclick=alert(1)")',
    ],
)
def test_html_stays_text_and_nothing_is_loaded(text):
    html = to_html(text)

    assert not any(tag in html for tag in ("<script", "<img", "<iframe", '" onclick'))


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "//example.org", "vbscript:x", "file:///x"],
)
def test_links_lead_to_pages_only(address):
    assert "<a " not in to_html(f"[x]({address})")


def test_links_that_are_fine_say_nothing_of_where_they_come_from():
    html = to_html("[x](https://example.org) [y](/tasks/1/) [z](mailto:a@example.org)")

    assert html.count('rel="noopener noreferrer nofollow"') == 3
