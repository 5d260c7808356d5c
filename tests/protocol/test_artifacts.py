"""Messages that name artifacts, and names that are harmless wherever they go."""

from __future__ import annotations

import base64
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.artifacts import MAX_ARTIFACT_NAME, BadArtifact, Wish, clean_name, parse


def encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())


def message(**about: str) -> bytes:
    words = b"".join(b" %s='%s'" % (key.encode(), encoded(value)) for key, value in about.items())
    return b"##octopus[createArtifact" + words + b"]\n"


@pytest.mark.parametrize(
    ("line", "wish"),
    [
        (message(path="/tmp/a/report.txt"), Wish("/tmp/a/report.txt", "report.txt")),
        (message(path="out.bin", name="Größe 1.bin", length="12"), Wish("out.bin", "Größe 1.bin")),
        (message(name="b", path="x y"), Wish("x y", "b")),
    ],
)
def test_what_a_message_asks_for(line, wish):
    assert parse(line) == wish


@pytest.mark.parametrize(
    "line",
    [
        b"##octopus[createArtifact]\n",
        message(name="x"),
        message(path="a\0b"),
        message(path=""),
        message(path="x" * 5000),
        b"##octopus[createArtifact path='%%%']\n",
        b"##octopus[createArtifact path=x]\n",
    ],
)
def test_what_is_no_message_is_refused_with_a_sentence(line):
    with pytest.raises(BadArtifact, match="no artifact was taken"):
        parse(line)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        (".bashrc", "bashrc"),
        ("...", "artifact"),
        ("a\r\nb\x1b[31m.txt", "ab[31m.txt"),
        ("evil\u202etxt.exe", "eviltxt.exe"),
        ('quo"te.txt', "quo'te.txt"),
        ("x" * 300 + ".tar.gz", "x" * (MAX_ARTIFACT_NAME - 3) + ".gz"),
    ],
)
def test_names_are_cleaned(name, clean):
    assert clean_name(name) == clean


@given(st.text(max_size=300))
def test_a_clean_name_is_clean_and_stays_as_it_is(name):
    clean = clean_name(name)

    assert 0 < len(clean) <= MAX_ARTIFACT_NAME
    assert not set(clean) & set('/\\"\0')
    assert not clean.startswith((".", " "))
    assert all(unicodedata.category(one) not in ("Cc", "Cf", "Zl", "Zp") for one in clean)
    assert clean_name(clean) == clean
