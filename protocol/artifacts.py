"""Artifacts: files that a script leaves with its run, by a service message.

`##octopus[createArtifact path='...' name='...' length='...']`, a line of its own; the texts in quotes are
base64 of UTF-8. `name` and `length` may be left out; what the file holds when the script ends counts.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass

#: What a line begins with that names an artifact.
MARK = b"##octopus[createArtifact"

#: Most artifacts of one attempt.
MAX_ARTIFACTS = 50
#: Longest name, in characters.
MAX_ARTIFACT_NAME = 100
#: Bytes of an attempt's artifacts together that a worker keeps; a server may take fewer.
MAX_ARTIFACT_BYTES = 4 * 1024 * 1024 * 1024
#: Bytes of a file that travel in one frame, before they become base64.
PART_BYTES = 192 * 1024
#: Parts that an agent may have sent without an answer.
ARTIFACT_WINDOW = 8

_MAX_PATH = 4096
_ATTRIBUTE = re.compile(rb"\s+(path|name|length)='([^'\n]*)'")
_MESSAGE = re.compile(re.escape(MARK) + rb"((?:\s+[a-z]+='[^'\n]*')*)\s*\]\r?\n?")
_SEPARATORS = re.compile(r"[/\\]")
_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class BadArtifact(ValueError):
    """What a message names cannot be an artifact; the text says why."""


@dataclass(frozen=True)
class Wish:
    """A file that the script wants kept, under a name that is clean already."""

    path: str
    name: str


def parse(line: bytes) -> Wish:
    """What a line asks for. Raises `BadArtifact`."""
    message = _MESSAGE.fullmatch(line)
    if message is None:
        raise BadArtifact("A createArtifact message could not be read: no artifact was taken.")
    given = dict(_ATTRIBUTE.findall(message.group(1)))
    path = _text(given.get(b"path", b""))
    if not path or "\0" in path or len(path) > _MAX_PATH:
        raise BadArtifact("A createArtifact message has no path that could be one: no artifact was taken.")
    return Wish(path, clean_name(_text(given.get(b"name", b"")) or path))


def clean_name(name: str) -> str:
    """A file name that is harmless wherever it is shown or saved: no folders, no characters that control or
    turn anything, no dot in front, not too long, its ending kept."""
    last = _SEPARATORS.split(name.rstrip("/\\"))[-1]
    kept = "".join(
        one for one in unicodedata.normalize("NFC", last) if unicodedata.category(one) not in _UNFIT
    )
    clean = " ".join(kept.replace('"', "'").split()).lstrip(".").strip()
    return _shortened(clean) or "artifact"


def _shortened(name: str) -> str:
    if len(name) <= MAX_ARTIFACT_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending) > 20:
        return name[:MAX_ARTIFACT_NAME]
    return stem[: MAX_ARTIFACT_NAME - len(ending) - 1] + dot + ending


def _text(encoded: bytes) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadArtifact(
            "A createArtifact message is not base64 of UTF-8 text: no artifact was taken."
        ) from error
