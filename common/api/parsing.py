"""Reading requests: JSON as clients really send it, and the values of the query string."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import copy
from typing import IO, Any

from django.conf import settings
from django.http import QueryDict
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

#: `take` of clients that want everything.
EVERYTHING = 2**31 - 1


class TolerantJSONParser(BaseParser):
    """JSON of any encoding of Unicode, with or without a byte order mark. What no database can keep
    (NUL, half of a surrogate pair, NaN) is refused here for all."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(raw) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise ParseError("The request is larger than this server takes.")
        if not raw.strip():
            return {}
        try:
            data = json.loads(raw, parse_constant=_refuse_constant)
            text = json.dumps(data, ensure_ascii=False)
            text.encode()
        except (ValueError, RecursionError) as error:
            raise ParseError(f"The body is not proper JSON: {_reason(error)}") from error
        if "\\u0000" in text:
            raise ParseError("The body holds a NUL character.")
        return data


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON.")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply."
    if isinstance(error, UnicodeError):
        return "it is not proper Unicode."
    return f"{error}."


class Query:
    """The query string with names in any case. Values of lists are joined by commas; an empty value
    means none."""

    def __init__(self, request: Request) -> None:
        self._values: dict[str, str] = {}
        given: QueryDict = request.query_params
        for name in given:
            self._values[name.casefold()] = ",".join(given.getlist(name))
        if any("\0" in value or not _is_unicode(value) for value in self._values.values()):
            raise ValidationError({"query": "The address holds characters that mean nothing."})

    def without(self, name: str) -> Query:
        """The same with a parameter as if it were not given."""
        found = copy(self)
        found._values = {key: value for key, value in self._values.items() if key != name.casefold()}
        return found

    def text(self, name: str) -> str:
        return self._values.get(name.casefold(), "").strip()

    def has(self, name: str) -> bool:
        return name.casefold() in self._values

    def words(self, name: str) -> list[str]:
        """The parts of a list, each once, in order."""
        parts = (part.strip() for part in self.text(name).split(","))
        return list(dict.fromkeys(part for part in parts if part))

    def number(self, name: str, default: int) -> int:
        """A number from 0; a larger one than any database counts means that one."""
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit()):
            raise ValidationError({name: "Enter a whole number from 0."})
        return min(int(text[:20]), EVERYTHING)

    def flag(self, name: str) -> bool | None:
        """True, False, or None where it is not given."""
        text = self.text(name).casefold()
        if not text:
            return None
        if text not in {"true", "false", "1", "0"}:
            raise ValidationError({name: "Enter true or false."})
        return text in {"true", "1"}


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
