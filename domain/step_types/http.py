"""HTTP request: one request from a worker, and what its answer has to be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import StrEnum

from domain.processes import HTTP_ACTION, ON_SERVER
from domain.step_types.base import PROGRAMS, Fault, Fill, Program, Properties, StepType, Text

_PREFIX = "Octoworkers.Action.Http."
METHOD = f"{_PREFIX}Method"
URL = f"{_PREFIX}Url"
HEADERS = f"{_PREFIX}Headers"
BODY = f"{_PREFIX}Body"
STATUS = f"{_PREFIX}ExpectedStatus"
CONTAINS = f"{_PREFIX}ExpectedText"
JSON_CHECKS = f"{_PREFIX}ExpectedJson"
TIMEOUT = f"{_PREFIX}Timeout"
HIDE = f"{_PREFIX}HideAnswer"
UNCHECKED = f"{_PREFIX}SkipCertificateCheck"

LABELS = {
    ON_SERVER: "Sent by the server",
    METHOD: "Method",
    URL: "Address",
    HEADERS: "Headers",
    BODY: "Body",
    STATUS: "Expected status",
    CONTAINS: "Expected text",
    JSON_CHECKS: "Expected JSON",
    TIMEOUT: "Seconds for the answer",
    HIDE: "Answer kept out of the log",
    UNCHECKED: "Certificate not checked",
}
PROGRAM = "http"
DEFAULT_STATUS = "200-299"
DEFAULT_SECONDS = 60
MOST_SECONDS = 3600
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:(.*)\Z")
_STEP = re.compile(r"\.?([^.\[\]=\s]+)|\[(\d{1,9})\]")
_RANGE = re.compile(r"(\d{3})(?:-(\d{3}))?\Z")
_USER = re.compile(r"\Ahttps?://[^/?#@]*:[^/?#@]*@", re.IGNORECASE)


class Method(StrEnum):
    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"
    HEAD = "HEAD"


class BadSetting(ValueError):
    """A line that cannot be read; the message is a sentence about it."""


def headers(text: str) -> list[tuple[str, str]]:
    """Name and template of each header, from lines such as `Accept: text/plain`. Split before values are put
    in: no value becomes another header. Raises `BadSetting`."""
    found: list[tuple[str, str]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        match = _HEADER.match(line)
        if match is None:
            raise BadSetting(f'"{line[:40]}" is not a name, a colon and a value.')
        found.append((match[1], match[2].strip()))
    return found


def statuses(text: str) -> list[tuple[int, int]]:
    """The first and the last of each range, from `200-299, 404`. Raises `BadSetting`."""
    found: list[tuple[int, int]] = []
    for word in text.replace(",", " ").split():
        match = _RANGE.match(word)
        if match is None or not 100 <= int(match[1]) <= int(match[2] or match[1]) <= 599:
            raise BadSetting(f'"{word[:40]}" is not a status from 100 to 599, or a range such as 200-299.')
        found.append((int(match[1]), int(match[2] or match[1])))
    return found


def json_checks(text: str) -> list[tuple[list[str | int], str | None]]:
    """From lines such as `items[0].state = ready`: names and places that lead to a value, and the template of
    what it has to be, None for whatever it is. Raises `BadSetting`."""
    found: list[tuple[list[str | int], str | None]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        path, equals, value = line.partition("=")
        found.append((_path(path.strip()), value.strip() if equals else None))
    return found


def _path(text: str) -> list[str | int]:
    rest = text.removeprefix("$")
    steps: list[str | int] = []
    while rest:
        match = _STEP.match(rest)
        if match is None:
            raise BadSetting(f'"{text[:40]}" is not a path such as items[0].state.')
        steps.append(match[1] if match[1] is not None else int(match[2]))
        rest = rest[match.end() :]
    return steps


def _texts(properties: Properties) -> list[Text]:
    nouns = {
        URL: "address",
        HEADERS: "list of headers",
        BODY: "body",
        CONTAINS: "expected text",
        JSON_CHECKS: "list of JSON checks",
    }
    return [Text(noun, properties.get(name, "")) for name, noun in nouns.items()]


def url_fault(url: str) -> str:
    """What is wrong with an address before values are put in, as a sentence; empty if nothing is."""
    if not url.strip():
        return "Enter the address."
    if "#{" not in url and not url.lower().startswith(("http://", "https://")):
        return "The address has to begin with http:// or https://."
    if _USER.match(re.sub(r"#\{[^{}]*\}", "", url)) and not re.match(r"https?://[^/]*:#\{[^{}]*\}@", url):
        return "The address has a password in it. Use a header with a sensitive variable."
    return ""


def _faults(properties: Properties) -> Iterator[Fault]:
    if (method := properties.get(METHOD) or Method.GET) not in set(Method):
        yield Fault(f'has the method "{method[:40]}", where only {", ".join(Method)} can stand.')
    if sentence := url_fault(properties.get(URL, "")):
        yield Fault(f"cannot send its request. {sentence}")
    readers = {HEADERS: headers, STATUS: statuses, JSON_CHECKS: json_checks}
    for name, read in readers.items():
        try:
            read(properties.get(name, ""))
        except BadSetting as problem:
            yield Fault(f"has a setting that cannot be read. {problem}")
    seconds = properties.get(TIMEOUT, "").strip() or "1"
    if not (
        seconds.isascii() and seconds.isdigit() and len(seconds) < 6 and 0 < int(seconds) <= MOST_SECONDS
    ):
        yield Fault(
            f'waits "{seconds[:40]}" seconds, which is not a whole number from 1 to {MOST_SECONDS:,}.'
        )


def _work(properties: Properties, fill: Fill) -> Program:
    checks = json_checks(properties.get(JSON_CHECKS, ""))
    return Program(
        PROGRAM,
        {
            "method": properties.get(METHOD) or Method.GET,
            "url": fill(properties.get(URL, "")).strip(),
            "headers": json.dumps(
                [(name, fill(value)) for name, value in headers(properties.get(HEADERS, ""))]
            ),
            "body": fill(properties.get(BODY, "")),
            "statuses": json.dumps(statuses(properties.get(STATUS) or DEFAULT_STATUS)),
            "contains": fill(properties.get(CONTAINS, "")),
            "checks": json.dumps([(path, None if value is None else fill(value)) for path, value in checks]),
            "timeout": properties.get(TIMEOUT) or str(DEFAULT_SECONDS),
            "hide": properties.get(HIDE, ""),
            "unchecked": properties.get(UNCHECKED, ""),
        },
    )


HTTP = StepType(
    key=HTTP_ACTION,
    work=_work,
    texts=_texts,
    needs=lambda _: (PROGRAMS,),
    faults=_faults,
    labels=LABELS,
)
