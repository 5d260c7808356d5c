"""Scripts that read a value while they run, instead of having it pasted into their text by `#{Name}`.

Only what is certain to mean the same is rewritten: `#{Name}` alone in its braces, in a place of a Bash or
Python script whose quotes are understood. Everything else is left for a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from domain import octostache
from domain.processes import Syntax

Spot = Callable[[str], str | None]
"""From a name to what stands for it in the script; None where nothing can."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """`left` are the names that the script still has pasted in."""

    script: str
    left: tuple[str, ...]


def rewritten(script: str, syntax: str, names: Iterable[str]) -> Rewrite:
    """The script with these variables read by `get_octopusvariable` wherever that is sure to do the same."""
    names = list(names)
    spots = _LANGUAGES.get(syntax)
    tokens = [(*span, name) for name in names for span in octostache.plain_tokens(script, name)]
    if spots is not None and tokens:
        script = _exchanged(script, sorted(tokens), spots)
    return Rewrite(script, tuple(name for name in names if octostache.refers_to(script, name)))


Spots = Callable[[str, set[int]], Iterator[tuple[int, Spot]]]


def _exchanged(script: str, tokens: list[tuple[int, int, str]], spots: Spots) -> str:
    found = dict(spots(script, {start for start, _, _ in tokens}))
    pieces, done = list[str](), 0
    for start, end, name in tokens:
        spot = found.get(start)
        text = spot(name) if spot is not None and _is_plain(name) else None
        if text is not None:
            pieces += [script[done:start], text]
            done = end
    return "".join([*pieces, script[done:]])


def _is_plain(name: str) -> bool:
    """Whether a name may stand in quotes of any language as it is."""
    return not re.search(r"""["'\\$`!]""", name)


# --- Bash -----------------------------------------------------------------------------------------

_UNSURE = re.compile(r"`|<<(?!<)|\$'|\(\(|\b(?:eval|let)\b|\bsh\s+-c|\bbash\s+-c")
"""From here on nothing is rewritten: quotes depend on more than the place, or the text is evaluated again."""


def _bash(script: str, wanted: set[int]) -> Iterator[tuple[int, Spot]]:
    """Each wanted place up to the first that is not understood."""
    unsure = _UNSURE.search(script)
    end = unsure.start() if unsure else len(script)
    stack, at = list[str](), 0
    while at < end:
        if at in wanted:
            yield at, _BASH[stack[-1] if stack else ""]
            at = script.index("}", at) + 1
        else:
            at += _bash_step(script, at, stack)


def _bash_step(script: str, at: int, stack: list[str]) -> int:
    """How many signs are read; `stack` holds what closes the quotes, brackets and comments that are open."""
    sign, inside = script[at], stack[-1] if stack else ""
    if inside in ("#", "'"):
        if sign == ("\n" if inside == "#" else "'"):
            stack.pop()
        return 1
    if sign == "\\":
        return 2
    if script.startswith("$(", at):
        stack.append(")")
        return 2
    if sign == inside:
        stack.pop()
    elif sign == '"':
        stack.append('"')
    elif inside != '"':
        _bash_outside(script, at, stack)
    return 1


def _bash_outside(script: str, at: int, stack: list[str]) -> None:
    """A sign outside of all quotes that opens something."""
    sign = script[at]
    if sign == "'":
        stack.append("'")
    elif sign == "(":
        stack.append(")")
    elif sign == "#" and (at == 0 or script[at - 1] in " \t\n;&|("):
        stack.append("#")


_BASH: dict[str, Spot] = {
    "": lambda name: f'"$(get_octopusvariable "{name}")"',
    ")": lambda name: f'"$(get_octopusvariable "{name}")"',
    '"': lambda name: f'$(get_octopusvariable "{name}")',
    "'": lambda name: f'\'"$(get_octopusvariable "{name}")"\'',
    "#": lambda name: name,
}


# --- Python ---------------------------------------------------------------------------------------

_STRING = re.compile(r"""(?P<prefix>\b[A-Za-z]{1,2})?(?P<quote>\"{3}|'{3}|"|')""")


def _python(script: str, wanted: set[int]) -> Iterator[tuple[int, Spot]]:
    at, line_is_comment = 0, False
    while at < len(script):
        if at in wanted:
            yield at, _python_comment if line_is_comment else _python_code
            at = script.index("}", at) + 1
            continue
        sign = script[at]
        if sign == "\n":
            line_is_comment = False
        elif not line_is_comment and sign == "#":
            line_is_comment = True
        elif not line_is_comment and (found := _STRING.match(script, at)):
            end = _string_end(script, found.end(), found["quote"])
            yield from _in_string(script, found, end, wanted)
            at = end
            continue
        at += 1


def _string_end(script: str, start: int, quote: str) -> int:
    at = start
    while at < len(script) and not script.startswith(quote, at):
        at += 2 if script[at] == "\\" else 1
    return at + len(quote)


def _in_string(script: str, found: re.Match[str], end: int, wanted: set[int]) -> Iterator[tuple[int, Spot]]:
    """A string that is not bytes, raw or formatted and stands alone falls into parts around the value."""
    inside = [at for at in wanted if found.end() <= at < end]
    before, after = script[: found.start()].rstrip(), script[end:].lstrip(" \t")
    is_alone = not before.endswith(("'", '"', "%")) and not after.startswith(("'", '"', "%", ".", "["))
    if found["prefix"] or not inside or not is_alone or len(inside) > 1:
        return
    quote = found["quote"]
    yield inside[0], lambda name: f'{quote} + get_octopusvariable("{name}") + {quote}'


def _python_code(name: str) -> str:
    return f'get_octopusvariable("{name}")'


def _python_comment(name: str) -> str:
    return name


_LANGUAGES: dict[str, Spots] = {Syntax.BASH: _bash, Syntax.PYTHON: _python}
