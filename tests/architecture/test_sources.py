"""Rules about the texts of the program that no linter knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
MOST_LINES = 450
#: A test module holds one scenario after the other, and is read one at a time.
MOST_TEST_LINES = 600
ELSEWHERE = {".venv", "var", "node_modules", "static", "dist", "build"}
OUR_FILES = {".py", ".html", ".md", ".js", ".css", ".sh", ".toml"}


def files(*suffixes: str) -> Iterator[Path]:
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if path.suffix in suffixes and not ELSEWHERE & set(parts) and not parts[0].startswith("."):
            yield path


def found(pattern: str, paths: Iterator[Path]) -> list[str]:
    """`file:line` of each match."""
    expression = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if expression.search(line)
    ]


def test_modules_are_short() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in files(".py")}
    limits = {name: MOST_TEST_LINES if name.parts[0] == "tests" else MOST_LINES for name in lengths}

    assert {str(name): length for name, length in lengths.items() if length >= limits[name]} == {}


def test_templates_have_no_inline_script_or_style() -> None:
    script = r"<script(?![^>]*\bsrc=)(?![^>]*type=\"(application/json|importmap|text/template)\")[^>]*>"

    assert found(script, files(".html")) == []
    assert found(r"<style\b|\sstyle=[\"']", files(".html")) == []
    assert found(r"\son(click|change|submit|input|load|key\w+)=", files(".html")) == []


def test_nothing_is_marked_safe_in_templates() -> None:
    assert found(r"\|\s*safe\b|{%\s*autoescape off", files(".html")) == []


def test_no_script_makes_html_of_texts() -> None:
    # rows.js copies a <template> of the page itself, which the server has escaped.
    others = {"rows.js"}
    paths = [path for path in (ROOT / "static").rglob("*.js") if "vendor" not in path.parts]
    own = [path for path in paths if path.name not in others and "editor" not in path.name]

    assert found(r"\.innerHTML\s*=|insertAdjacentHTML|document\.write", iter(own)) == []


def test_no_pages_load_anything_from_elsewhere() -> None:
    assert found(r"(src|href)=\"(https?:)?//", files(".html")) == []


@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX"])
def test_nothing_is_left_for_later(word: str) -> None:
    paths = (path for path in files(*OUR_FILES) if path != Path(__file__))

    assert found(rf"\b{word}\b", paths) == []
