"""What a filter is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.octostache.errors import ExpansionTooLarge


class Refused(Exception):
    """The filter does not apply; the message ends the sentence "It stays because ..."."""


@dataclass(slots=True)
class Inputs:
    """What filters need beyond their text, and what all filters of one evaluation share.

    `clock` gives the present as an aware time in the server's zone. `regex_seconds` is what is left
    for regular expressions. `room` is how many characters may still be put in, and `steps` how
    many tokens within repetitions may still be evaluated.
    """

    clock: Callable[[], datetime]
    room: int
    steps: int
    regex_seconds: float = 1.0

    def check_size(self, characters: int) -> None:
        """Refuse a result of this many characters before it is made. Raises ExpansionTooLarge."""
        if characters > self.room:
            raise ExpansionTooLarge(self.room)


Filter = Callable[[str | None, list[str], Inputs], str | None]
TextFilter = Callable[[str, list[str]], str | None]


def plain(change: Callable[[str], str]) -> Filter:
    """A filter of a text that has no options."""

    def apply(text: str | None, options: list[str], _inputs: Inputs) -> str | None:
        if options:
            raise Refused("the filter takes no options")
        return None if text is None else change(text)

    return apply


def with_options(change: TextFilter, *, least: int = 0, most: int = 99) -> Filter:
    """A filter of a text with so many options."""

    def apply(text: str | None, options: list[str], _inputs: Inputs) -> str | None:
        check_count(options, least, most)
        return None if text is None else change(text, options)

    return apply


def check_count(options: list[str], least: int, most: int) -> None:
    """Raises Refused for too few or too many options."""
    if len(options) < least:
        raise Refused("the filter lacks an option")
    if len(options) > most:
        raise Refused("the filter has an option too many")
