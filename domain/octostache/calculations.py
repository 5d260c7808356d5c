"""`calc`: its grammar, and the arithmetic of doubles."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from domain.octostache.cursor import Cursor, Failed
from domain.octostache.nodes import Calculation, Operand, Operation, Symbol, symbol

DEEPEST_BRACKETS = 32
"""Levels of ( ) in one calculation."""

MOST_SIGNS = 200
"""Operations in one calculation."""

_NUMBER = re.compile(r"\d++(?:\.\d++)?+")
# Within brackets a ) closes them; outside of them it may be a part of a name.
_NAME_IN_BRACKETS = re.compile(r"(?:[\w:/~@-]|\s(?=[\w:/~@-]))++")


class CalculationParser(Cursor):
    """Sums of products of numbers, names, {names} and brackets.

    A name may hold - and /, so `B-2` is a name and `{B}-2` is arithmetic.
    """

    def __init__(self, text: str, path: Callable[[int], tuple[Symbol, int]]) -> None:
        super().__init__(text)
        self._path = path
        self._no_brackets: set[int] = set()
        self._signs = 0

    def parse(self, position: int) -> tuple[Calculation, int]:
        """The calculation up to its `}`. Raises `Failed`."""
        self._signs = 0
        operand, position = self._chain(position, "+-", depth=0)
        return Calculation(operand), self.expect("}", position)

    def _chain(self, position: int, signs: str, *, depth: int) -> tuple[Operand, int]:
        left, position = self._part(position, signs, depth)
        while (sign := self.at(position)) and sign in signs:
            self._signs += 1
            if self._signs > MOST_SIGNS:
                raise Failed(position)
            right, position = self._part(position + 1, signs, depth)
            left = Operation(left, sign, right)
        return left, position

    def _part(self, position: int, signs: str, depth: int) -> tuple[Operand, int]:
        if signs == "+-":
            return self._chain(position, "*/%", depth=depth)
        operand, position = self._operand(self.skip_space(position), depth)
        return operand, self.skip_space(position)

    def _operand(self, position: int, depth: int) -> tuple[Operand, int]:
        if number := _NUMBER.match(self.text, position):
            return float(number[0]), number.end()
        if self.at(position) == "{":
            name, position = self._path(position + 1)
            return name, self.expect("}", position)
        if self.at(position) == "(" and (group := self._group(position, depth)):
            return group
        return self._name(position, in_brackets=depth > 0)

    def _group(self, position: int, depth: int) -> tuple[Operand, int] | None:
        if depth >= DEEPEST_BRACKETS or position in self._no_brackets:
            return None
        try:
            operand, end = self._chain(position + 1, "+-", depth=depth + 1)
            return operand, self.expect(")", end)
        except Failed:
            # What is no group here is none when a group around it fails either.
            self._no_brackets.add(position)
            return None

    def _name(self, position: int, *, in_brackets: bool) -> tuple[Operand, int]:
        found = _NAME_IN_BRACKETS.match(self.text, position) if in_brackets else None
        if found and self.text[found.end() : found.end() + 1] not in (".", "["):
            return symbol((found[0].strip(),)), found.end()
        return self._path(position)


def calculated(operand: Operand, numbers: dict[str, float]) -> float | None:
    """The result, or None where it has none; `numbers` are the values of the names in it."""
    if isinstance(operand, Symbol):
        return numbers.get(operand.name)
    if not isinstance(operand, Operation):
        return operand
    left, right = calculated(operand.left, numbers), calculated(operand.right, numbers)
    return None if left is None or right is None else _combined(left, operand.sign, right)


def names_in(operand: Operand) -> list[Symbol]:
    """The names in a calculation, from the left."""
    if isinstance(operand, Symbol):
        return [operand]
    if isinstance(operand, Operation):
        return [*names_in(operand.left), *names_in(operand.right)]
    return []


def _combined(left: float, sign: str, right: float) -> float | None:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    if sign == "*":
        return left * right
    return _quotient(left, right) if sign == "/" else _remainder(left, right)


def _quotient(left: float, right: float) -> float:
    if right:
        return left / right
    if not left or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def _remainder(left: float, right: float) -> float | None:
    """Of whole numbers only, with the sign of the left one."""
    whole = all(math.isfinite(one) and one == int(one) and abs(one) < 2**63 for one in (left, right))
    if not whole or not right:
        return None
    return float(math.fmod(left, right))
