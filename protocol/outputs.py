"""Output variables: values that a script sets for later steps, by a service message.

`##octopus[setVariable name='...' value='...' sensitive='...']`, a line of its own; the texts in quotes
are base64 of UTF-8. `sensitive` may be left out; otherwise it is `True` or `False`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from protocol.frames import OutputValue
from protocol.masking import MASK

#: What a line begins with that sets an output variable.
MARK = b"##octopus[setVariable"

#: Most output variables of one attempt.
MAX_OUTPUTS = 1000

#: Most bytes of an attempt's output variables together, as they travel: a `Finished` frame has to fit
#: into one message.
MAX_OUTPUT_BYTES = 1_000_000

#: Longest name, in characters.
MAX_OUTPUT_NAME = 200

#: Longest line that sets an output variable; nothing longer could be kept.
MAX_OUTPUT_LINE = 2 * 1024 * 1024

_ATTRIBUTE = re.compile(rb"\s+(name|value|sensitive)='([^'\n]*)'")
_MESSAGE = re.compile(re.escape(MARK) + rb"((?:\s+[a-z]+='[^'\n]*')*)\s*\]\r?\n?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_VALUE = re.compile(rb"(\svalue=)'[^'\n]*'")


class BadOutput(ValueError):
    """An output variable that cannot be kept; the message says why, without its value."""


class OutputSet:
    """The output variables of an attempt, within the limits. Names ignore case."""

    def __init__(self, values: Iterable[OutputValue] = ()) -> None:
        self._values: dict[str, OutputValue] = {}
        self._size = 0
        for value in values:
            self.set(value)

    def __iter__(self) -> Iterator[OutputValue]:
        return iter(list(self._values.values()))

    def set(self, value: OutputValue) -> None:
        """Keep the last value of a name. Raises `BadOutput`, and then the name has no value:
        an earlier one would be taken for this one."""
        key = value.name.lower()
        replaced = self._values.pop(key, None)
        self._size -= _size(replaced) if replaced else 0
        check(value)
        if len(self._values) >= MAX_OUTPUTS:
            raise BadOutput(_left_out(value, f"a step can set at most {MAX_OUTPUTS:,}."))
        if self._size + _size(value) > MAX_OUTPUT_BYTES:
            raise BadOutput(_left_out(value, f"all of a step may have {MAX_OUTPUT_BYTES:,} bytes together."))
        self._values[key] = value
        self._size += _size(value)


def within_limits(values: Iterable[OutputValue]) -> list[OutputValue]:
    """What of an agent's account may be kept: an agent may say anything."""
    kept = OutputSet()
    for value in values:
        with suppress(BadOutput):
            kept.set(value)
    return list(kept)


def check(value: OutputValue) -> None:
    """Raises `BadOutput` for what no variable can be."""
    if not value.name.strip() or not value.name.isprintable():
        raise BadOutput("An output variable was left out: its name is empty or not printable.")
    if len(value.name) > MAX_OUTPUT_NAME:
        raise BadOutput(_left_out(value, f"its name is longer than {MAX_OUTPUT_NAME} characters."))
    if "\0" in value.value or _SURROGATE.search(value.value):
        raise BadOutput(_left_out(value, "its value holds NUL, or half a character."))


def parse(line: bytes) -> OutputValue:
    """The variable that a line sets. Raises `BadOutput`."""
    message = _MESSAGE.fullmatch(line)
    if message is None:
        raise BadOutput("A setVariable message could not be read: no output variable was set.")
    given = dict(_ATTRIBUTE.findall(message.group(1)))
    if b"name" not in given or b"value" not in given:
        raise BadOutput("A setVariable message has no name or no value: no output variable was set.")
    sensitive = _text(given.get(b"sensitive", b"")).strip().lower()
    return OutputValue(_text(given[b"name"]), _text(given[b"value"]), sensitive == "true")


def without_value(line: bytes) -> bytes:
    """The line as it may be shown: its value masked, or all of it where that part is not clear."""
    if _MESSAGE.fullmatch(line):
        return _VALUE.sub(rb"\1'" + MASK + b"'", line)
    return MARK + b" " + MASK + b"]" + (b"\n" if line.endswith(b"\n") else b"")


def _text(encoded: bytes) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadOutput(
            "A setVariable message is not base64 of UTF-8 text: no output variable was set."
        ) from error


def _size(value: OutputValue) -> int:
    return len(json.dumps([value.name, value.value])) + len('{"name":,"value":,"sensitive":false}')


def _left_out(value: OutputValue, reason: str) -> str:
    return f"The output variable {value.name[:MAX_OUTPUT_NAME]} was left out: {reason}"
