"""Where a template refers to a variable, and the same template with another name there.

The places come from the parser that evaluation uses, so that what is text for it (an escaped `##{Name}`, a
filter's bare option) is none here, nor is the item of a repetition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from domain.octostache.compiler import HASHES, key_of_name, no_block, steps_of_name
from domain.octostache.cursor import Failed
from domain.octostache.nodes import Index, Keyword, Node, Symbol, key_of
from domain.octostache.tokens import Closing, Opening, Token, TokenParser

_EACH = "octopus.template.each"
_ELSE = "else"


class CannotRefer(ValueError):
    """No reference can be written to a variable of this name."""


@dataclass(frozen=True, slots=True)
class Place:
    """A symbol that stands at `start` in a template."""

    start: int
    symbol: Symbol


def places(template: str) -> tuple[Place, ...]:
    """Every reference of a template from the left, also within indexes, filters and blocks; without those to
    the items of a repetition."""
    if "#{" not in template:
        return ()
    found = _Scan(template)
    return tuple(sorted(found.visible(), key=lambda one: one.start))


def refers_to(template: str, name: str, *, known: Collection[str] = ()) -> bool:
    """Whether a template refers to the variable; see `renamed`."""
    return any(True for _ in _steps_meant(template, name, known))


def renamed(template: str, old: str, new: str, *, known: Collection[str] = ()) -> str:
    """The template with each reference to the variable `old` naming `new`. Raises CannotRefer.

    `#{Login.Password}` refers to a variable Login too (to a part of it), unless one of the `known` names is
    longer and fits; `known` are the names of all variables.
    """
    if steps_of_name(new) is None:
        raise CannotRefer(new)
    pieces, done = list[str](), 0
    for place, steps in _steps_meant(template, old, known):
        start, end = _extent(template, place.start, steps)
        pieces += [template[done:start], new]
        done = end
    return "".join([*pieces, template[done:]])


def _steps_meant(template: str, name: str, known: Collection[str]) -> Iterator[tuple[Place, int]]:
    """The places that mean the variable, with how many of their steps are its name."""
    wanted = steps_of_name(name)
    if wanted is None or "#{" not in template:
        return
    key, length = key_of(wanted), len(wanted)
    longer = {key_of_name(one) for one in known if key_of_name(one) != key}
    for place in places(template):
        steps = place.symbol.steps
        if _fixed_key(steps[:length]) != key:
            continue
        rest = range(length + 1, len(steps) + 1)
        if not any(_fixed_key(steps[:end]) in longer for end in rest) and not _may_be_longer(
            steps[length:], key, longer
        ):
            yield place, length


def _may_be_longer(rest: tuple[str | Index, ...], key: str, longer: Collection[str]) -> bool:
    """`A[#{B}]` may mean a variable A[x], if there is one."""
    is_open = any(isinstance(one, Index) and isinstance(one.value, Symbol) for one in rest)
    return is_open and any(one.startswith(f"{key}[") for one in longer)


def _fixed_key(steps: tuple[str | Index, ...]) -> str | None:
    if any(isinstance(one, Index) and isinstance(one.value, Symbol) for one in steps):
        return None
    return key_of(steps)


def _extent(template: str, start: int, steps: int) -> tuple[int, int]:
    """From the first letter of a path to behind its first steps."""
    parser = TokenParser(template, no_block)
    _, end = parser.identifier(start)
    for _ in range(steps - 1):
        if template[end] == ".":
            _, end = parser.identifier(end + 1)
        else:
            _, end = parser.index(end + 1, 0)
    return parser.skip_space(start), len(template[:end].rstrip())


def plain_tokens(template: str, name: str) -> tuple[tuple[int, int], ...]:
    """Where `#{Name}` stands with nothing else in its braces and within nothing else, as (start, end); not
    where a further # stands before it."""
    wanted = steps_of_name(name)
    if wanted is None or "#{" not in template:
        return ()
    found = _Scan(template)
    visible = {place.symbol for place in found.visible()}
    return tuple(
        (start, end)
        for start, end, token in found.tokens
        if isinstance(token, Symbol)
        and token in visible
        and _fixed_key(token.steps) == key_of(wanted)
        and template[max(0, start - 1) : start] != "#"
    )


class _Recorder(TokenParser):
    """Notes where the paths of tokens stand; what was noted on a way that failed is forgotten."""

    def __init__(self, text: str, start: int = 0) -> None:
        super().__init__(text, self._nested_block)
        self.offset = start
        self.found: list[Place] = []

    def token(self, opening: int, *, depth: int = 0) -> tuple[Token, int]:
        mark = len(self.found)
        try:
            return super().token(opening, depth=depth)
        except Failed:
            del self.found[mark:]
            raise

    def _head(self, keyword: str, opening: int, position: int, depth: int) -> tuple[Token, int]:
        mark = len(self.found)
        try:
            return super()._head(keyword, opening, position, depth)
        except Failed:
            del self.found[mark:]
            raise

    def path(self, position: int, *, depth: int, optional: bool = False) -> tuple[Symbol, int]:
        found, end = super().path(position, depth=depth, optional=optional)
        if found.steps:
            self.found.append(Place(self.offset + position, found))
        return found, end

    def _nested_block(self, _parser: TokenParser, position: int) -> tuple[Node, int]:
        """A whole block as an option: its places are those of a template of its own."""
        inner = _Scan(self.text[position:], only_block=True)
        if inner.block_end is None:
            raise Failed(position)
        start = self.offset + position
        # The head of the block was read already.
        self.found = [one for one in self.found if one.start < start]
        self.found += [Place(start + one.start, one.symbol) for one in inner.visible()]
        return "", position + inner.block_end


@dataclass(slots=True)
class _Head:
    """The head of a block that is open: where it begins and where what it holds does."""

    opening: Opening
    at: int
    start: int


class _Scan:
    """Reads the tokens of a text, with the blocks that they make."""

    def __init__(self, text: str, *, only_block: bool = False) -> None:
        """`only_block`: up to the end of the block that the text begins with, which is `block_end` then."""
        self.block_end: int | None = None
        self.tokens: list[tuple[int, int, Token]] = []
        self._heads: list[_Head] = []
        self._lost: list[_Head] = []
        self._hidden: list[tuple[int, int, str]] = []
        self._recorder = _Recorder(text)
        self._read(text, only_block)
        self._give_up([*self._lost, *self._heads])

    def _read(self, text: str, only_block: bool) -> None:
        done = 0
        while found := HASHES.search(text, done):
            opening, done = found.end() - 2, found.end()
            if (found.end() - found.start() - 1) % 2 == 0:
                continue
            mark = len(self._recorder.found)
            try:
                token, done = self._recorder.token(opening)
            except Failed as failure:
                del self._recorder.found[mark:]
                inner = -1 if failure.is_too_deep else text.find("#{", opening + 2, failure.position)
                done = failure.position if inner < 0 else inner
                continue
            self.tokens.append((opening, done, token))
            self._take(token, opening, done)
            if only_block and not self._heads:
                self.block_end = done
                return

    def _take(self, token: Token, start: int, end: int) -> None:
        if isinstance(token, Opening):
            self._heads.append(_Head(token, start, end))
        elif isinstance(token, Closing):
            self._close(token.keyword, start)

    def _close(self, keyword: Keyword, end: int) -> None:
        """The innermost block of the kind ends; those within it have no end and hide nothing."""
        for at in reversed(range(len(self._heads))):
            head = self._heads[at]
            if head.opening.keyword is keyword:
                self._lost += self._heads[at + 1 :]
                del self._heads[at:]
                if keyword is Keyword.EACH:
                    self._hidden.append((head.start, end, head.opening.variable.casefold()))
                return

    def _give_up(self, heads: list[_Head]) -> None:
        """The head of a block without an end may still be the name of a variable, such as "if x"."""
        found = self._recorder.found
        for head in heads:
            found = [one for one in found if not head.at <= one.start < head.start]
            again = _Recorder(head.opening.source, head.at)
            try:
                _, end = again.substitution(0, depth=0)
            except Failed:
                continue
            found += again.found if end == len(head.opening.source) else []
        self._recorder.found = found

    def visible(self) -> Iterator[Place]:
        for place in self._recorder.found:
            first = place.symbol.steps[0]
            name = first.casefold() if isinstance(first, str) else ""
            if name != _ELSE and not self._is_hidden(place, name):
                yield place

    def _is_hidden(self, place: Place, first: str) -> bool:
        inside = [name for start, end, name in self._hidden if start <= place.start < end]
        return bool(inside) and (first in inside or place.symbol.name.casefold().startswith(_EACH))
