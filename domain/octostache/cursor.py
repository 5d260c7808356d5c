"""What every part of the parser needs of a text."""

from __future__ import annotations

import re

_SPACE = re.compile(r"\s*+")
# Space before a sign or a keyword belongs to what follows, not to the name.
_IDENTIFIER = re.compile(r"(?:[\w:/~()@-]|\s(?!\||\}|(?:in|==|!=)\s))++")


class Failed(Exception):
    """The token cannot be parsed; everything before `position` fits.

    `is_too_deep`: it would go on, though deeper than it may.
    """

    def __init__(self, position: int, *, is_too_deep: bool = False) -> None:
        super().__init__(position)
        self.position = position
        self.is_too_deep = is_too_deep


class Cursor:
    """Reads a text at given positions."""

    def __init__(self, text: str) -> None:
        self.text = text

    def at(self, position: int) -> str:
        """The character at a position, empty behind the end."""
        return self.text[position : position + 1]

    def expect(self, sign: str, position: int) -> int:
        """The position behind the sign, which has to stand here. Raises `Failed`."""
        if not self.text.startswith(sign, position):
            raise Failed(position)
        return position + len(sign)

    def skip_space(self, position: int) -> int:
        """The position of the next character that is not white space."""
        found = _SPACE.match(self.text, position)
        return found.end() if found else position

    def identifier(self, position: int, *, optional: bool = False) -> tuple[str, int]:
        """A name without the space around it. Raises `Failed` for none, unless it is optional."""
        found = _IDENTIFIER.match(self.text, position)
        end = found.end() if found else position
        name = found[0].strip() if found else ""
        if not name and not optional:
            raise Failed(end)
        return name, end
