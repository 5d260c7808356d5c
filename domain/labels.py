"""Words for numbers and scopes that several pages share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.scopes import DEPLOYMENT_PROCESS, Kind, Scope

Names = Mapping[tuple[Kind, str], str]
"""(kind, id) to the name that a person knows it by."""

_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, slots=True)
class ScopeLabel:
    """One id of a scope as text, with its kind and id for an icon, a colour or a link."""

    kind: Kind
    id: str
    text: str


def scope_labels(scope: Scope, names: Names) -> tuple[ScopeLabel, ...]:
    """The labels of a scope, strongest kind first, sorted by text within a kind."""
    labels = (ScopeLabel(kind, one, label(kind, one, names)) for kind, ids in scope.items() for one in ids)
    order = list(scope)
    return tuple(sorted(labels, key=lambda one: (order.index(one.kind), one.text, one.id)))


def label(kind: Kind, id: str, names: Names) -> str:
    """The name of one scope id; an unknown tenant tag shows its own canonical name."""
    if (kind, id) in names:
        return names[kind, id]
    if kind is Kind.PROCESS and id == DEPLOYMENT_PROCESS:
        return "Deployment process"
    return id


def scope_text(scope: Scope, names: Names) -> str:
    """A scope in one line: "Development or Test + Region/EU"; unscoped: "everywhere"."""
    labels = scope_labels(scope, names)
    return (
        " + ".join(" or ".join(one.text for one in labels if one.kind is kind) for kind in scope)
        or "everywhere"
    )


def counted(count: int, noun: str, plural: str = "") -> str:
    """ "1 value", "2 values", "2 free slots"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def article(noun: str) -> str:
    """ "a worker pool", "an SSH key account"."""
    return f"{'an' if noun[:1].lower() in 'aeio' or noun.startswith('SSH') else 'a'} {noun}"


def spelled(count: int) -> str:
    """Numbers up to ten as words, others as digits."""
    return _SMALL[count] if 0 <= count < len(_SMALL) else f"{count:,}"


def ordinal(count: int) -> str:
    """ "1st", "2nd", "11th"."""
    ending = "th" if count % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count:,}{ending}"


def listed(items: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
