"""Masks secrets in a stream of bytes, also where a block ends in the middle of one.

A secret is masked as it is and in the forms that scripts and tools print it in: base64 at each of
its three alignments, percent-encoded, JSON-escaped, shell-quoted, and each long line of a secret of
several lines. Of several secrets that start at one place the longest wins.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = b"********"

#: Characters below which a value cannot be masked without garbling everything else.
SHORTEST = 4

#: A line of a secret of several lines is masked by itself from this length on, in characters.
SHORTEST_LINE = 8

_BASE64_LINE = 76
_HEAD = 4
_MOST_COMPILED = 64


class TooShort(ValueError):
    """A secret has fewer than `SHORTEST` characters."""


class Patterns:
    """The forms of some secrets, shared by the maskers of an attempt's streams.

    Empty secrets are left out: there is nothing to hide. Raises `TooShort`.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        # Forms that contain no other form of their text, each with the forms that contain it.
        self._cores: dict[bytes, set[bytes]] = {}
        self._compiled: dict[frozenset[bytes], re.Pattern[bytes]] = {}
        self._longest = 0
        self._starts = set[bytes]()
        self._by_head: dict[bytes, set[bytes]] = {}
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Mask this one too, from now on. Raises `TooShort`."""
        # Each text by itself: comparing the forms of a thousand with each other takes minutes.
        for forms in _groups(secret) if secret else ():
            self._add_forms(forms)
        self._compiled.clear()

    def _add_forms(self, forms: set[bytes]) -> None:
        for core, containing in _cores(_longest_first(forms)).items():
            self._cores.setdefault(core, set()).update(containing)
        for form in forms:
            self._longest = max(self._longest, len(form))
            self._starts.update(form[:size] for size in range(1, _HEAD))
            self._by_head.setdefault(form[:_HEAD], set()).add(form)

    def __bool__(self) -> bool:
        return bool(self._cores)

    def find(self, buffer: bytes) -> Iterator[re.Match[bytes]]:
        """The secrets in the buffer, from left to right."""
        # Substring search is several times faster than a regular expression of many alternatives,
        # and nearly always finds nothing; what it finds makes a small expression.
        present = frozenset(core for core in self._cores if core in buffer)
        if not present:
            return iter(())
        if present not in self._compiled:
            if len(self._compiled) >= _MOST_COMPILED:
                self._compiled.clear()
            forms = {form for core in present for form in self._cores[core]}
            self._compiled[present] = re.compile(b"|".join(map(re.escape, _longest_first(forms))))
        return self._compiled[present].finditer(buffer)

    def pending(self, buffer: bytes, start: int) -> int:
        """Index from `start` at which the end of the buffer may be the beginning of a secret."""
        for index in range(max(start, len(buffer) - self._longest + 1), len(buffer)):
            if self._may_begin(buffer, index):
                return index
        return len(buffer)

    def _may_begin(self, buffer: bytes, index: int) -> bool:
        head = buffer[index : index + _HEAD]
        if len(head) < _HEAD:
            return head in self._starts
        forms = self._by_head.get(head)
        if not forms:
            return False
        rest = buffer[index:]
        return any(len(form) > len(rest) and form.startswith(rest) for form in forms)


class Masker:
    """Masks one stream: feed it blocks, then close it. The result does not depend on the blocks."""

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may be shown by now; the possible beginning of a secret waits for what follows."""
        if not self._patterns:
            return data
        buffer = self._held + data
        done, end = 0, self._patterns.pending(buffer, 0)
        shown = []
        for match in self._patterns.find(buffer):
            if match.start() >= end:
                break
            shown += [buffer[done : match.start()], MASK]
            done = match.end()
            if done > end:
                end = self._patterns.pending(buffer, done)
        shown.append(buffer[done:end])
        self._held = buffer[end:]
        return b"".join(shown)

    def close(self) -> bytes:
        """The rest of the stream: no more than a beginning of a secret, or secrets inside of one."""
        rest, self._held = self._held, b""
        done, shown = 0, []
        for match in self._patterns.find(rest):
            shown += [rest[done : match.start()], MASK]
            done = match.end()
        return b"".join([*shown, rest[done:]])


def mask(data: bytes, secrets: Iterable[str]) -> bytes:
    """The whole of `data`, masked. Raises `TooShort`."""
    masker = Masker(Patterns(secrets))
    return masker.feed(data) + masker.close()


def forms_of(secret: str) -> set[bytes]:
    """Everything that a secret is recognised by. Raises `TooShort`."""
    return {form for forms in _groups(secret) for form in forms}


def _groups(secret: str) -> list[set[bytes]]:
    """The forms of each text that gives a secret away: of the whole, and of its long lines."""
    if len(secret) < SHORTEST:
        raise TooShort(f"A secret of fewer than {SHORTEST} characters cannot be masked.")
    texts = {secret, secret.strip(), *_lines(secret)}
    return [_forms(text) for text in texts]


def _forms(text: str) -> set[bytes]:
    forms = {_encode(form) for form in _escaped(text)} | _base64(_encode(text))
    return {form for form in forms if len(form) >= SHORTEST}


def _longest_first(forms: Iterable[bytes]) -> list[bytes]:
    return sorted(forms, key=lambda form: (-len(form), form))


def _cores(ordered: list[bytes]) -> dict[bytes, list[bytes]]:
    """Forms that contain no other form, each with all the forms that contain it."""
    cores: dict[bytes, list[bytes]] = {}
    for form in reversed(ordered):
        inside = [core for core in cores if core in form]
        for core in inside:
            cores[core].append(form)
        if not inside:
            cores[form] = [form]
    return cores


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _lines(secret: str) -> list[str]:
    lines = [line.strip() for line in secret.splitlines()]
    return [line for line in lines if len(line) >= SHORTEST_LINE]


def _escaped(text: str) -> set[str]:
    raw = _encode(text)
    percent = quote(raw, safe="")
    return {
        text,
        percent,
        quote(raw),
        quote_plus(raw),
        re.sub("%..", lambda match: match.group().lower(), percent),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        text.replace("'", "'\\''"),
    }


def _base64(raw: bytes) -> set[bytes]:
    """The characters of a base64 text that depend on nothing but `raw`, for each alignment."""
    forms = {base64.b64encode(raw), base64.b64encode(raw).rstrip(b"=")}
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw)
        first, last = -(-offset * 8 // 6), (offset + len(raw)) * 8 // 6
        forms.add(encoded[first:last])
    whole = base64.b64encode(raw)
    if len(whole) > _BASE64_LINE:
        # Tools wrap long base64 at this width.
        lines = (whole[at : at + _BASE64_LINE] for at in range(0, len(whole), _BASE64_LINE))
        forms |= {line for line in lines if len(line) >= SHORTEST_LINE}
    return forms | {form.replace(b"+", b"-").replace(b"/", b"_") for form in forms}
