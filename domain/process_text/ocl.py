"""OCL, the language in which Octopus Deploy keeps processes in Git (github.com/OctopusDeploy/Ocl).

It looks like HCL and is not: names in tables have dots, a heredoc's text ends before its last line break,
and nothing is interpolated. Readers of HCL take it for something else, so this one is our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from domain.process_text.tree import DEEPEST, Entry, Fault, Listing, Node, Table, TextRefused, Word
from domain.process_text.writing import Document

_LISTS = {
    "step": "steps",
    "action": "actions",
    "packages": "packages",
    "git_dependencies": "git_dependencies",
}
"""Blocks that may stand several times, and the name of the list that they make."""
_BLOCKS = {"steps": "step", "actions": "action"}
_INDENT = "    "

# --- Writing --------------------------------------------------------------------------------------

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*(?:\[[A-Za-z0-9_.\-]*\][A-Za-z0-9_.\-]*)*")


def write(document: Document) -> str:
    return "\n\n".join("\n".join(_block("step", step, "")) for step in document["steps"]) + "\n"


def _block(name: str, fields: Mapping[str, Any], indent: str) -> Iterator[str]:
    inner = indent + _INDENT
    label = f" {_quoted(fields['slug'])}" if "slug" in fields else ""
    yield f"{indent}{name}{label} {{"
    for key, value in fields.items():
        if key in _BLOCKS:
            for one in value:
                yield ""
                yield from _block(_BLOCKS[key], one, inner)
        elif key != "slug":
            yield from _attribute(key, value, inner)
    yield f"{indent}}}"


def _attribute(key: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield f"{indent}{key} = {{"
        for name, one in value.items():
            written = name if _BARE_KEY.fullmatch(name) else _quoted(name)
            yield from _attribute(written, one, indent + _INDENT)
        yield f"{indent}}}"
    elif isinstance(value, list):
        yield f"{indent}{key} = [{', '.join(map(_quoted, value))}]"
    elif isinstance(value, bool):
        yield f"{indent}{key} = {str(value).lower()}"
    else:
        yield f"{indent}{key} = {_text(value, indent)}"


def _text(text: str, indent: str) -> str:
    lines = text.split("\n")
    if not _fits_heredoc(lines):
        return _quoted(text)
    tag = "EOT"
    while any(line.strip() == tag for line in lines):
        tag += "T"
    inner = indent + _INDENT
    return "\n".join([f"<<-{tag}", *(f"{inner}{line}" if line else "" for line in lines), f"{indent}{tag}"])


def _fits_heredoc(lines: list[str]) -> bool:
    """A reader takes away what all lines are indented by, so one line has to stand at the margin."""
    at_margin = any(line and not line[0].isspace() for line in lines)
    return len(lines) > 1 and at_margin and not any("\r" in line for line in lines)


def _quoted(text: str) -> str:
    return f'"{"".join(_ESCAPES.get(char, char) for char in text)}"'


# --- Reading --------------------------------------------------------------------------------------

_BLANK = re.compile(r"(?:[ \t\r\n]|\#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_HEREDOC = re.compile(r"<<(-?)([^\s]+)[ \t]*\n")
_NAME = re.compile(r'[^\s"={}\[\],<]+(?:\[[^\]\n"]*\][^\s"={}\[\],<]*)*')
_PLAIN = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\", '"': '"'}


def parse(text: str) -> Node:
    """Raises TextRefused."""
    return _Parser(text).document()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        # The line of a position is asked for in rising order, so that it is counted only once.
        self._line, self._counted = 1, 0

    def document(self) -> Table:
        entries = self._body(depth=1, is_closed=False)
        return Table(tuple(entries), 1)

    @property
    def line(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = max(self._counted, self._at)
        return self._line

    def _refused(self, message: str) -> TextRefused:
        return TextRefused([Fault(message, self.line)])

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _sees(self, mark: str) -> bool:
        """Takes the mark if it comes next, after blanks on the same line."""
        self._take(_SPACE)
        if not self._text.startswith(mark, self._at):
            return False
        self._at += len(mark)
        return True

    def _body(self, *, depth: int, is_closed: bool) -> list[Entry]:
        """Attributes and blocks up to the closing brace or the end."""
        if depth > DEEPEST:
            raise self._refused("The text goes too deep.")
        found: list[Entry] = []
        lists: dict[str, list[Node]] = {}
        while self._goes_on(is_closed):
            line, name = self.line, self._name()
            if self._sees("="):
                found.append(Entry(name, self._value(depth), line))
                continue
            key, block = _LISTS.get(name, name), self._block(name, line, depth)
            if name not in _LISTS:
                found.append(Entry(key, block, line))
            elif key in lists:
                lists[key].append(block)
            else:
                lists[key] = [block]
        return found + [
            Entry(key, Listing(tuple(items), items[0].line), items[0].line) for key, items in lists.items()
        ]

    def _goes_on(self, is_closed: bool) -> bool:
        self._take(_BLANK)
        if self._at >= len(self._text):
            if is_closed:
                raise self._refused("The text ends before a block is closed with }.")
            return False
        return not (is_closed and self._sees("}"))

    def _name(self) -> str:
        if found := self._take(_STRING):
            return self._unescaped(found[1])
        if found := self._take(_NAME):
            return found[0]
        raise self._refused(f"A name has to stand here, not {self._next()}.")

    def _next(self) -> str:
        return repr(self._text[self._at : self._at + 1])

    def _block(self, name: str, line: int, depth: int) -> Table:
        labels = []
        while self._take(_SPACE) and (found := self._take(_STRING)):
            labels.append(self._unescaped(found[1]))
        if not self._sees("{"):
            raise self._refused(f"After {name[:40]} has to stand = with a value, or a block in braces.")
        entries = self._body(depth=depth + 1, is_closed=True)
        own = [Entry("slug", Word(labels[0], line), line)] if labels else []
        return Table((*own, *entries), line)

    def _value(self, depth: int) -> Node:
        self._take(_SPACE)
        line = self.line
        if found := self._take(_STRING):
            return Word(self._unescaped(found[1]), line)
        if found := self._take(_HEREDOC):
            return Word(self._heredoc(found[2], is_indented=bool(found[1])), line)
        if self._sees("["):
            return Listing(tuple(self._items(depth)), line)
        if self._sees("{"):
            return Table(tuple(self._dictionary(depth)), line)
        if found := self._take(_NAME):
            return Word(found[0], line, is_plain=True)
        raise self._refused(f"A value has to stand here, not {self._next()}.")

    def _dictionary(self, depth: int) -> Iterator[Entry]:
        if depth > DEEPEST:
            raise self._refused("The text goes too deep.")
        while self._goes_on(is_closed=True):
            line, name = self.line, self._name()
            if not self._sees("="):
                raise self._refused(f"After {name[:40]} has to stand = with a value.")
            yield Entry(name, self._value(depth + 1), line)
            self._sees(",")

    def _items(self, depth: int) -> Iterator[Node]:
        if depth > DEEPEST:
            raise self._refused("The text goes too deep.")
        while True:
            self._take(_BLANK)
            if self._at >= len(self._text):
                raise self._refused("The text ends before a list is closed with ].")
            if self._sees("]"):
                return
            yield self._value(depth + 1)
            self._take(_BLANK)
            self._sees(",")

    def _heredoc(self, tag: str, *, is_indented: bool) -> str:
        lines: list[str] = []
        while self._at < len(self._text):
            end = self._text.find("\n", self._at)
            end = len(self._text) if end < 0 else end
            line = self._text[self._at : end]
            self._at = min(end + 1, len(self._text))
            if line.strip() == tag:
                return "\n".join(_unindented(lines) if is_indented else lines)
            lines.append(line)
        raise self._refused(f"The text ends before {tag[:40]} closes what begins with <<.")

    def _unescaped(self, text: str) -> str:
        def plain(found: re.Match[str]) -> str:
            if found[1] not in _PLAIN:
                raise self._refused(f"\\{found[1]} means nothing here.")
            return _PLAIN[found[1]]

        return _ESCAPED.sub(plain, text)


def _unindented(lines: list[str]) -> list[str]:
    by = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return [line[by:] for line in lines]
