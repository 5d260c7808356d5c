"""Values as pages show them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_REFERENCE = re.compile(r"(#\{[^{}\n]+\})")


@dataclass(frozen=True)
class Part:
    """A piece of a value; a reference to another variable is marked."""

    text: str
    is_reference: bool


def parts(value: str) -> list[Part]:
    return [
        Part(text, is_reference=bool(index % 2)) for index, text in enumerate(_REFERENCE.split(value)) if text
    ]
