"""One token of a template to its node: references, filters, conditions, the heads of blocks.

A token that does not parse raises `Failed` with the place where it failed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from domain.octostache.calculations import CalculationParser
from domain.octostache.cursor import Cursor, Failed
from domain.octostache.nodes import (
    Call,
    Condition,
    Expression,
    Filtered,
    Index,
    Keyword,
    Node,
    Symbol,
    symbol,
)

DEEPEST_NESTING = 32
"""Levels of `#{A[#{B[...]}]}` and of tokens in options; deeper nesting stays as text."""

_KEYWORD = re.compile(r"\s*+(if|unless|each|calc)\s++", re.IGNORECASE)
_END = re.compile(r"#\{/(if|unless|each)\}")
_IN = re.compile(r"\s*+in\s*+")
_SIGN = re.compile(r"\s*+(==|!=)\s*+")
_WORD = re.compile(r"[\w:/~()@-]++")
_QUOTED = re.compile(r'"([^"#]*+)"')
_ESCAPED = re.compile(r'\\"(.*?)\\"', re.DOTALL)
_INDEX_TEXT = re.compile(r"(?:[^\[\]\n#]|#(?!\{))*+")


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """The head of a block, with what it was written as."""

    source: str
    keyword: Keyword
    condition: Condition | None = None
    variable: str = ""
    collection: Symbol | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """`#{/if}`, `#{/unless}` or `#{/each}`."""

    keyword: Keyword


Token = Node | Opening | Closing
BlockParser = Callable[["TokenParser", int], tuple[Node, int]]
"""Parses a whole block that stands as an option of a filter."""


class TokenParser(Cursor):
    """Parses the tokens of one text; `block` is what options need to hold whole blocks."""

    def __init__(self, text: str, block: BlockParser) -> None:
        super().__init__(text)
        self.block = block
        self.failures: dict[int, int] = {}
        self.calculations = CalculationParser(text, self._braced_symbol)

    def token(self, opening: int, *, depth: int = 0) -> tuple[Token, int]:
        """The token whose `#{` stands at `opening`, and where it ends. Raises `Failed`."""
        if opening in self.failures:
            raise Failed(self.failures[opening])
        try:
            return self._token(opening, depth)
        except Failed as failure:
            # What fails here fails again when it is no longer within another token.
            if not failure.is_too_deep:
                self.failures[opening] = failure.position
            raise

    def _token(self, opening: int, depth: int) -> tuple[Token, int]:
        if end := _END.match(self.text, opening):
            return Closing(Keyword(end[1])), end.end()
        if keyword := _KEYWORD.match(self.text, opening + 2):
            try:
                return self._head(keyword[1].lower(), opening, keyword.end(), depth)
            except Failed as failure:
                return self._substitution_or(failure, opening, depth)
        return self.substitution(opening, depth=depth)

    def _substitution_or(self, failure: Failed, opening: int, depth: int) -> tuple[Token, int]:
        """A variable may be called "if x": only what is neither fails, and as late as it can."""
        try:
            return self.substitution(opening, depth=depth)
        except Failed as second:
            raise max(failure, second, key=lambda one: (one.is_too_deep, one.position)) from None

    def _head(self, keyword: str, opening: int, position: int, depth: int) -> tuple[Token, int]:
        if keyword == "calc":
            return self.calculations.parse(position)
        if keyword == "each":
            return self._each(opening, position, depth)
        condition, position = self._condition(position, depth)
        end = self.expect("}", position)
        return Opening(self.text[opening:end], Keyword(keyword), condition), end

    def _each(self, opening: int, position: int, depth: int) -> tuple[Token, int]:
        variable, position = self.identifier(position)
        found = _IN.match(self.text, position)
        if not found:
            raise Failed(position)
        collection, position = self.path(found.end(), depth=depth)
        end = self.expect("}", position)
        source = self.text[opening:end]
        return Opening(source, Keyword.EACH, variable=variable, collection=collection), end

    def _condition(self, position: int, depth: int) -> tuple[Condition, int]:
        text, end = self._quoted(position)
        if text is not None:
            sign, end = self._sign(end)
            expression, end = self._expression(end, depth)
            return Condition(expression, sign, text), end
        left, end = self._expression(position, depth)
        if not _SIGN.match(self.text, end):
            return Condition(left), end
        sign, end = self._sign(end)
        text, after = self._quoted(end)
        if text is not None:
            return Condition(left, sign, text), after
        right, end = self._expression(end, depth)
        return Condition(left, sign, right), end

    def _sign(self, position: int) -> tuple[str, int]:
        found = _SIGN.match(self.text, position)
        if not found:
            raise Failed(position)
        return found[1], found.end()

    def substitution(self, opening: int, *, depth: int) -> tuple[Expression, int]:
        """`#{expression}`."""
        if depth > DEEPEST_NESTING:
            raise Failed(opening + 2, is_too_deep=True)
        if self.text.startswith("/", opening + 2):
            raise Failed(opening + 2)
        expression, position = self._expression(opening + 2, depth)
        if isinstance(expression, Symbol) and not expression.steps:
            raise Failed(position)
        return expression, self.expect("}", position)

    def _expression(self, position: int, depth: int) -> tuple[Expression, int]:
        argument, position = self.path(position, depth=depth, optional=True)
        calls: list[Call] = []
        while self.at(position := self.skip_space(position)) == "|":
            call, position = self._call(position + 1, depth)
            calls.append(call)
        if not calls and not argument.steps:
            raise Failed(position)
        return (Filtered(argument, tuple(calls)) if calls else argument), position

    def _call(self, position: int, depth: int) -> tuple[Call, int]:
        found = _WORD.match(self.text, self.skip_space(position))
        if not found:
            raise Failed(position)
        options: list[Node] = []
        position = self.skip_space(found.end())
        while (option := self._option(position, depth)) is not None:
            options.append(option[0])
            position = self.skip_space(option[1])
        return Call(found[0], tuple(options)), position

    def _option(self, position: int, depth: int) -> tuple[Node, int] | None:
        if word := _WORD.match(self.text, position):
            return word[0], word.end()
        if self.text.startswith("#{", position):
            return self._nested(position, depth)
        text, end = self._quoted(position)
        return None if text is None else (text, end)

    def _nested(self, position: int, depth: int) -> tuple[Node, int]:
        if depth >= DEEPEST_NESTING:
            raise Failed(position, is_too_deep=True)
        token, end = self.token(position, depth=depth + 1)
        if isinstance(token, Opening):
            return self.block(self, position)
        if isinstance(token, Closing):
            raise Failed(position)
        return token, end

    def _quoted(self, position: int) -> tuple[str | None, int]:
        found = _QUOTED.match(self.text, position) or _ESCAPED.match(self.text, position)
        return (None, position) if not found else (found[1], self.skip_space(found.end()))

    def path(self, position: int, *, depth: int, optional: bool = False) -> tuple[Symbol, int]:
        """Identifier, then `.identifier` and `[index]` as often as they come."""
        name, position = self.identifier(position, optional=optional)
        steps: list[str | Index] = [name] if name else []
        while steps and (sign := self.at(position)) and sign in ".[":
            step: str | Index
            if sign == ".":
                step, position = self.identifier(position + 1)
            else:
                step, position = self.index(position + 1, depth)
            steps.append(step)
        return symbol(tuple(steps)), self.skip_space(position)

    def _braced_symbol(self, position: int) -> tuple[Symbol, int]:
        return self.path(position, depth=0)

    def index(self, position: int, depth: int) -> tuple[Index, int]:
        """What stands behind a `[`, with its `]`."""
        position = self.skip_space(position)
        value: str | Symbol
        if self.text.startswith("#{", position):
            inner, end = self.token(position, depth=depth + 1)
            if not isinstance(inner, Symbol):
                raise Failed(position)
            value, end = inner, self.skip_space(end)
        else:
            end = self._index_text_end(position)
            value = self.text[position:end].strip()
        return Index(value), self.skip_space(self.expect("]", end))

    def _index_text_end(self, position: int) -> int:
        """Where the text of an index ends; brackets within it come in pairs."""
        open_brackets = 0
        while True:
            found = _INDEX_TEXT.match(self.text, position)
            position = found.end() if found else position
            sign = self.at(position)
            if sign == "[":
                open_brackets += 1
            elif sign == "]" and open_brackets:
                open_brackets -= 1
            else:
                return position
            position += 1
