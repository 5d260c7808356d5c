"""Text to program, in time linear in the length of the text.

A token that does not parse stays as text and parsing goes on behind the place where it
failed, or at the next `#{` in it, so that every character is looked at a bounded number of times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from domain.octostache.cursor import Failed
from domain.octostache.nodes import (
    Choice,
    Index,
    Keyword,
    Loop,
    Node,
    Symbol,
    Unparsed,
    key_of,
    symbol,
)
from domain.octostache.tokens import Closing, Opening, Token, TokenParser
from domain.octostache.walking import symbols_in

DEEPEST_BLOCK = 64
"""Blocks within blocks; the heads of deeper ones stay as text."""

LONGEST_OPTION = 2_000
"""Characters of a whole block that stands as an option of a filter."""

_MOST_FAILURES = 100
_CACHED = 2_048

# What ends at its first } outside of quotes and brackets: a token that holds no other one, after any
# run of #, and one with tokens of that kind as its indexes or options.
_PLAIN = r'[^{}#"\\\[\]]|"[^"#]*+"|\[[^\[\]{}#\n]*+\]'
_NESTED = r'#\{[^{}#"\\\[\]]*+\}'
_SIMPLE = re.compile(
    rf"((?<!#)(?:#++\{{(?:{_PLAIN})*+\}}"
    rf"|#\{{(?:{_PLAIN}|\[\s*+{_NESTED}\s*+\]|{_NESTED})*+\}}))"
)
# Plain names that go on with nothing that may follow one: by far the most frequent failure.
_HOPELESS = re.compile(r'#\{[\w\s:/~()@.-]*+(?![}|\[=!"\\+*%{])')
HASHES = re.compile(r"(?<!#)#++\{")


@dataclass(slots=True, eq=False)
class Program:
    """A template, ready to be evaluated.

    `parts` are text and simple tokens in turns, and `tokens` the node of each token, when the
    template has nothing else in it; otherwise `nodes` are all there is.
    """

    nodes: tuple[Node, ...] = ()
    parts: list[str] = field(default_factory=list)
    tokens: dict[str, tuple[str, Node]] = field(default_factory=dict)


def compiled(template: str) -> Program:
    """The program of a template; those of short templates are kept for a while."""
    return _kept(template) if len(template) <= _CACHED else _compile(template)


@lru_cache(maxsize=2_048)
def _kept(template: str) -> Program:
    return _compile(template)


def _compile(template: str) -> Program:
    parts = _SIMPLE.split(template)
    memo = {source: _simple(source) for source in dict.fromkeys(parts[1::2])}
    if None in memo.values() or any("#{" in part for part in parts[::2]):
        return Program(nodes=_Assembly().all(_scanned(template)))
    known = {source: found for source, found in memo.items() if found is not None}
    if any(isinstance(token, Opening | Closing) for _, token in known.values()):
        return Program(nodes=_Assembly().all(_alternating(parts, known)))
    tokens = {
        source: (prefix, token)
        for source, (prefix, token) in known.items()
        if not isinstance(token, Opening | Closing)
    }
    return Program(parts=parts, tokens=tokens)


def nodes_of(program: Program) -> Iterator[Node]:
    """The nodes at the top of a program."""
    yield from program.nodes
    yield from (node for _, node in program.tokens.values())


def _alternating(parts: list[str], memo: dict[str, tuple[str, Token]]) -> Iterator[Token]:
    for number, part in enumerate(parts):
        if number % 2 == 0:
            yield part
        else:
            yield from memo[part]


def _simple(source: str) -> tuple[str, Token] | None:
    """The text before and the token of a source that is one token after a run of #.

    None where it is no token and another one stands in it.
    """
    hashes = source.index("{")
    if hashes % 2 == 0:
        return "", f"{'#' * (hashes - 2)}{source[hashes - 1 :]}"
    opening = hashes - 1
    # One # of a run is the escape: ##{x} is the text #{x}, ###{x} is # and a value.
    prefix = "#" * (hashes - 2)
    try:
        token, end = TokenParser(source, no_block).token(opening)
        if end == len(source):
            return prefix, token
    except Failed:
        pass
    return None if "#{" in source[hashes + 1 :] else (prefix, Unparsed(source[opening:]))


def no_block(_parser: TokenParser, position: int) -> tuple[Node, int]:
    raise Failed(position)


def _scanned(text: str) -> Iterator[Token]:
    """The tokens of a text from the left."""
    parser, memo = TokenParser(text, _OptionBlocks()), dict[str, tuple[str, Token] | None]()
    done = 0
    while found := HASHES.search(text, done):
        yield text[done : found.start()]
        if simple := _SIMPLE.match(text, found.start()):
            if simple[0] not in memo:
                memo[simple[0]] = _simple(simple[0])
            if (known := memo[simple[0]]) is not None:
                done = simple.end()
                yield from known
                continue
        hashes = found.end() - found.start() - 1
        yield "#" * (hashes - 2)
        if hashes % 2 == 0:
            yield "#{"
            done = found.end()
        else:
            token, done = _token_or_text(parser, found.end() - 2)
            yield token
    yield text[done:]


def _token_or_text(parser: TokenParser, opening: int) -> tuple[Token, int]:
    if hopeless := _HOPELESS.match(parser.text, opening):
        return Unparsed(hopeless[0]), hopeless.end()
    try:
        return parser.token(opening)
    except Failed as failure:
        inner = -1 if failure.is_too_deep else parser.text.find("#{", opening + 2, failure.position)
        end = failure.position if inner < 0 else inner
        return Unparsed(parser.text[opening:end]), end


class _OptionBlocks:
    """Whole blocks as options of filters: short ones, and only so many attempts that fail."""

    def __init__(self) -> None:
        self.failures = 0

    def __call__(self, parser: TokenParser, position: int) -> tuple[Node, int]:
        if self.failures >= _MOST_FAILURES:
            raise Failed(position)
        try:
            return _option_block(parser.text[position : position + LONGEST_OPTION], position)
        except Failed:
            self.failures += 1
            raise


def _option_block(text: str, start: int) -> tuple[Node, int]:
    parser, assembly, done = TokenParser(text, no_block), _Assembly(), 0
    while (opening := text.find("#{", done)) >= 0:
        assembly.add(text[done:opening])
        token, done = _token_or_text(parser, opening)
        assembly.add(token)
        if not assembly.frames:
            return assembly.nodes[-1], start + done
    raise Failed(start)


class _Frame:
    """A block that is open: its head and the nodes of its branches so far."""

    def __init__(self, opening: Opening) -> None:
        self.opening = opening
        self.nodes: list[Node] = []
        self.first_branch: list[Node] | None = None

    def block(self) -> Node:
        opening, nodes = self.opening, tuple(self.nodes)
        if opening.condition is None:
            return Loop(opening.variable, opening.collection or symbol(()), nodes)
        first, second = nodes, tuple[Node, ...]()
        if self.first_branch is not None:
            first, second = tuple(self.first_branch), nodes
        if opening.keyword is Keyword.UNLESS:
            first, second = second, first
        return Choice(opening.condition, first, second)

    def as_text(self) -> list[Node]:
        """What is left of a block without an end."""
        nodes = [_substitution(self.opening.source)]
        if self.first_branch is not None:
            nodes += [*self.first_branch, _ELSE]
        return nodes + self.nodes


_ELSE = symbol(("else",))


def _is_else(token: Token) -> bool:
    return isinstance(token, Symbol) and token.name == "else"


def _substitution(source: str) -> Node:
    """The head of a block that does not end may still be the name of a variable."""
    try:
        node, end = TokenParser(source, no_block).substitution(0, depth=0)
    except Failed:
        return Unparsed(source)
    return node if end == len(source) else Unparsed(source)


class _Assembly:
    """Puts tokens together to blocks."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.frames: list[_Frame] = []

    def all(self, tokens: Iterator[Token]) -> tuple[Node, ...]:
        """The nodes of a template."""
        for token in tokens:
            self.add(token)
        self._give_up(0)
        return tuple(self.nodes)

    def add(self, token: Token) -> None:
        """Take the next token."""
        if isinstance(token, Opening):
            self._open(token)
        elif isinstance(token, Closing):
            self._close(token.keyword)
        elif self.frames and _is_else(token) and self._turns():
            pass
        elif token != "":
            self._top().append(token)

    def _top(self) -> list[Node]:
        return self.frames[-1].nodes if self.frames else self.nodes

    def _open(self, opening: Opening) -> None:
        if len(self.frames) >= DEEPEST_BLOCK:
            self._top().append(Unparsed(opening.source))
        else:
            self.frames.append(_Frame(opening))

    def _turns(self) -> bool:
        """Whether an else belongs to the innermost block; it is a name where it does not."""
        frame = self.frames[-1]
        if frame.opening.keyword is Keyword.EACH or frame.first_branch is not None:
            return False
        frame.first_branch, frame.nodes = frame.nodes, []
        return True

    def _close(self, keyword: Keyword) -> None:
        keywords = [frame.opening.keyword for frame in self.frames]
        if keyword not in keywords:
            self._top().append(Unparsed(f"#{{/{keyword}}}"))
            return
        self._give_up(len(keywords) - keywords[::-1].index(keyword))
        block = self.frames.pop().block()
        self._top().append(block)

    def _give_up(self, first: int) -> None:
        """The blocks from this one on have no end: their nodes go to the one around them."""
        lost, self.frames = self.frames[first:], self.frames[:first]
        for frame in lost:
            self._top().extend(frame.as_text())


def references(template: str) -> frozenset[str]:
    """The names that a template refers to, also those within indexes, options and blocks.

    A name that depends on another value, `A[#{B}]`, is not known before that value is; only
    `B` is reported then. What a block repeats over is reported, its own variable is not.
    """
    symbols = symbols_in(nodes_of(compiled(template)))
    return frozenset(one.name for one in symbols if one.key is not None and one.steps)


def certain_references(template: str) -> frozenset[str]:
    """Those of the `references` that are put in whatever the values are: none in or before a block."""
    plain = [node for node in nodes_of(compiled(template)) if not isinstance(node, Choice | Loop)]
    return frozenset(one.name for one in symbols_in(plain) if one.key is not None and one.steps)


def key_of_name(name: str) -> str:
    """The key under which a variable of this name is found."""
    if "[" not in name and " " not in name:
        return name.casefold()
    steps = steps_of_name(name)
    return name.strip().casefold() if steps is None else key_of(steps)


def steps_of_name(name: str) -> tuple[str | Index, ...] | None:
    """The steps of a variable's name, None for one that no reference can reach."""
    parser = TokenParser(name, no_block)
    try:
        path, end = parser.path(0, depth=0)
    except Failed:
        return None
    return path.steps if end == len(name) and path.key is not None else None
