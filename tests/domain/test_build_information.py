from __future__ import annotations

import pytest

from domain.build_information import Commit, commit_link, safe_link


@pytest.mark.parametrize(
    "text", ["https://ci.example.org/42", "HTTP://ci/1?a=b#c", " https://ci.example.org "]
)
def test_web_addresses_are_safe(text) -> None:
    assert safe_link(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//evil",
        "ftp://x",
        "",
        "https://",
        "https://a b",
        "java\nscript:alert(1)",
        "https://[bad",
    ],
)
def test_other_addresses_are_dropped(text) -> None:
    assert safe_link(text) == ""


def test_a_commit_has_a_page_where_its_repository_is_on_the_web() -> None:
    assert (
        commit_link("https://git.example.org/a/b.git", "abc123")
        == "https://git.example.org/a/b/commit/abc123"
    )
    assert commit_link("git@git.example.org:a/b.git", "abc123") == ""
    assert commit_link("https://user:secret@git.example.org/a", "abc123") == ""
    assert commit_link("https://git.example.org/a", "abc/../../x") == ""


def test_a_commit_is_told_in_short() -> None:
    commit = Commit("0123456789abcdef0123456789abcdef01234567", "Adds the index\n\nBecause it was slow")

    assert (commit.short, commit.subject) == ("01234567", "Adds the index")
    assert Commit("v1.2").short == "v1.2"
