"""Text to syntax tree, in time linear in the length of the text.

A token that does not parse stays as text and parsing goes on where it failed, so that
no character is looked at more than a fixed number of times.
"""

from __future__ import annotations

import re
from functools import cached_property

from domain.octostache.nodes import Index, Node, Symbol, Verbatim, dynamic_indexes, symbol

DEEPEST_INDEX = 32
"""Levels of `#{A[#{B[...]}]}`; deeper nesting stays as text."""

_IDENTIFIER = re.compile(r"[\w\s:/~()@-]++")
_INDEX_TEXT = re.compile(r"(?:[^\[\]\n#]|#(?!\{))*+")
_SPACE = re.compile(r"\s*+")
_PLAIN = re.compile(r"#\{[\w\s:/~()@.-]++\}")
_CONSTRUCT = re.compile(r"\s*+(?:(if|unless|each|calc)\s|(else)\s*+\}|(/\w++)\s*+\})", re.IGNORECASE)
_BRACES = re.compile(r"#\{|\}")


class _Unparsed(Exception):
    """The token cannot be parsed; everything before `position` stays as text."""

    def __init__(self, position: int) -> None:
        super().__init__(position)
        self.position = position


def parse(template: str) -> tuple[Node, ...]:
    """The nodes of a template; joining their sources gives the text with escapes undone."""
    return _Parser(template).template()


def references(template: str) -> frozenset[str]:
    """The names that a template refers to, also those within indexes.

    A name that depends on another value, `A[#{B}]`, is not known before that value is;
    only `B` is reported then.
    """
    found: set[str] = set()
    waiting = [node for node in parse(template) if isinstance(node, Symbol)]
    while waiting:
        one = waiting.pop()
        waiting.extend(dynamic_indexes(one))
        if one.key is not None:
            found.add(one.name)
    return frozenset(found)


def key_of_name(name: str) -> str:
    """The key under which a variable of this name is found."""
    if "[" not in name and " " not in name:
        return name.casefold()
    nodes = parse(f"#{{{name}}}")
    node = nodes[0] if len(nodes) == 1 else None
    if isinstance(node, Symbol) and node.key is not None:
        return node.key
    return name.strip().casefold()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.plain: dict[str, Node] = {}

    def template(self) -> tuple[Node, ...]:
        text, nodes, done = self.text, list[Node](), 0
        while (opening := text.find("#{", done)) >= 0:
            hashes = self._hashes(opening, done)
            # One # of a run is the escape: ##{x} is the text #{x}, ###{x} is # and a value.
            nodes.append(text[done : opening - (hashes > 1)])
            if hashes % 2 == 0:
                nodes.append("#{")
                done = opening + 2
            else:
                node, done = self._token(opening)
                nodes.append(node)
        nodes.append(text[done:])
        return tuple(node for node in nodes if node)

    def _hashes(self, opening: int, start: int) -> int:
        first = opening
        while first > start and self.text[first - 1] == "#":
            first -= 1
        return opening - first + 1

    def _token(self, opening: int) -> tuple[Node, int]:
        plain = _PLAIN.match(self.text, opening)
        if plain and plain[0] in self.plain:
            return self.plain[plain[0]], plain.end()
        try:
            node, end = self._substitution(opening, depth=0)
        except _Unparsed as error:
            return self.text[opening : error.position], error.position
        if plain:
            self.plain[plain[0]] = node
        return node, end

    def _substitution(self, opening: int, *, depth: int) -> tuple[Symbol | Verbatim, int]:
        start = opening + 2
        if construct := _CONSTRUCT.match(self.text, start):
            return self._verbatim(opening, construct[construct.lastindex or 0], construct.end() - 1)
        if depth > DEEPEST_INDEX:
            raise _Unparsed(start)
        steps, position = self._path(start, depth=depth)
        if self._at(position) == "|":
            return self._verbatim(opening, "|", position + 1)
        if self._at(position) != "}" or not steps:
            raise _Unparsed(position)
        return symbol(self.text[opening : position + 1], steps), position + 1

    def _verbatim(self, opening: int, construct: str, resume: int) -> tuple[Verbatim, int]:
        if opening not in self._closings:
            raise _Unparsed(resume)
        end = self._closings[opening] + 1
        return Verbatim(self.text[opening:end], construct.lower()), end

    @cached_property
    def _closings(self) -> dict[int, int]:
        """Each `#{` with the `}` that closes it, found in one pass for all tokens."""
        opened: list[int] = []
        closings: dict[int, int] = {}
        for brace in _BRACES.finditer(self.text):
            if brace[0] != "}":
                opened.append(brace.start())
            elif opened:
                closings[opened.pop()] = brace.start()
        return closings

    def _path(self, position: int, *, depth: int) -> tuple[tuple[str | Index, ...], int]:
        """Identifier, then `.identifier` and `[index]` as often as they come.

        No steps at all where a filter starts without a name, as in `#{ | NowDate}`.
        """
        name, position = self._identifier(position, optional=True)
        steps: list[str | Index] = [name] if name else []
        while steps and (sign := self._at(position)) and sign in ".[":
            step: str | Index
            if sign == ".":
                step, position = self._identifier(position + 1)
            else:
                step, position = self._index(position + 1, depth=depth)
            steps.append(step)
        return tuple(steps), position

    def _identifier(self, position: int, *, optional: bool = False) -> tuple[str, int]:
        found = _IDENTIFIER.match(self.text, position)
        end = found.end() if found else position
        name = found[0].strip() if found else ""
        if not name and not optional:
            raise _Unparsed(end)
        return name, end

    def _index(self, position: int, *, depth: int) -> tuple[Index, int]:
        position = self._skip_space(position)
        value: str | Symbol
        if self.text.startswith("#{", position):
            inner, end = self._substitution(position, depth=depth + 1)
            if not isinstance(inner, Symbol):
                raise _Unparsed(position)
            value, end = inner, self._skip_space(end)
        else:
            end = self._index_text_end(position)
            value = self.text[position:end].strip()
        if self._at(end) != "]":
            raise _Unparsed(end)
        return Index(value), self._skip_space(end + 1)

    def _index_text_end(self, position: int) -> int:
        """Where the text of an index ends; brackets within it come in pairs."""
        open_brackets = 0
        while True:
            found = _INDEX_TEXT.match(self.text, position)
            position = found.end() if found else position
            sign = self._at(position)
            if sign == "[":
                open_brackets += 1
            elif sign == "]" and open_brackets:
                open_brackets -= 1
            else:
                return position
            position += 1

    def _skip_space(self, position: int) -> int:
        found = _SPACE.match(self.text, position)
        return found.end() if found else position

    def _at(self, position: int) -> str:
        return self.text[position : position + 1]
