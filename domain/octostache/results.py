"""What an evaluation has to tell beside the text."""

from __future__ import annotations

from dataclasses import dataclass

from domain.octostache.errors import TemplateError


@dataclass(frozen=True, slots=True)
class Unevaluated:
    """A token that stays, as it was echoed; `reason` ends the sentence "It stays because ..."."""

    token: str
    reason: str


@dataclass(frozen=True, slots=True)
class Read:
    """A name that a token asked for, and the value that it got (None for none)."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The text, with what could not be put in as the reference echoes it.

    `missing` names what has no value, `unevaluated` has the other tokens that stay, each once
    and in order of appearance.
    """

    text: str
    missing: tuple[str, ...] = ()
    unevaluated: tuple[Unevaluated, ...] = ()
    errors: tuple[TemplateError, ...] = ()


@dataclass(frozen=True, slots=True)
class Expansion:
    """All variables with the values put into their values."""

    values: dict[str, str]
    errors: tuple[TemplateError, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenExplanation:
    """One token of a template: what it became, and the names that were read for it.

    A block counts as one token. `missing` and `unevaluated` say why something of it stays; they
    reach into the values that it refers to.
    """

    token: str
    text: str
    reads: tuple[Read, ...] = ()
    missing: tuple[str, ...] = ()
    unevaluated: tuple[Unevaluated, ...] = ()
    errors: tuple[TemplateError, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """A template evaluated, and each token of it in order of appearance."""

    result: EvaluationResult
    tokens: tuple[TokenExplanation, ...]
