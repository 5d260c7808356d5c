"""Deployment targets: which of them a step works on in a run, and why the others do not take part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.labels import counted
from domain.tags import tag_key

__all__ = [
    "BadTag",
    "Participation",
    "PlannedTarget",
    "TargetChoice",
    "TargetInfo",
    "choose_targets",
    "clean_tags",
    "tag_key",
    "tags_in",
]

LONGEST_TAG = 100


class Participation(StrEnum):
    """Which runs a target takes part in, in Octopus's words: those without a tenant, those for one of its
    tenants, or both."""

    UNTENANTED = "Untenanted"
    BOTH = "TenantedOrUntenanted"
    TENANTED = "Tenanted"


class BadTag(ValueError):
    """A text cannot be a target tag; the message says why."""


def clean_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Each tag once, as it is spelled first, without space at its ends; empty ones are left out.

    Raises `BadTag`. A comma cannot be part of a tag: Octopus keeps several of them in one text.
    """
    found: dict[str, str] = {}
    for text in texts:
        tag = " ".join(text.split())
        if len(tag) > LONGEST_TAG:
            raise BadTag(f"A target tag has at most {LONGEST_TAG} characters.")
        if "," in tag or not tag.isprintable():
            raise BadTag(f"{tag[:40]!r} cannot be a target tag: it has a comma or a control character.")
        if tag:
            found.setdefault(tag_key(tag), tag)
    return tuple(found.values())


def tags_in(text: str) -> tuple[str, ...]:
    """The tags of a text that separates them by commas. Raises `BadTag`."""
    return clean_tags(text.split(","))


@dataclass(frozen=True, slots=True)
class TargetInfo:
    """A deployment target of an environment, as it is at the moment of planning. `trouble` says why it could
    not take work now, and `returns` that this usually passes by itself. `tools` are what it has."""

    id: str
    name: str
    tags: tuple[str, ...]
    participation: Participation = Participation.UNTENANTED
    tenants: frozenset[str] = frozenset()
    is_disabled: bool = False
    trouble: str = ""
    returns: bool = False
    tools: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    """A target that a step works on; `matched` are those of its tags that the step names."""

    id: str
    name: str
    tags: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetChoice:
    """The targets of a step by name, and the sentence that says why these."""

    targets: tuple[PlannedTarget, ...]
    sentence: str


def choose_targets(
    tags: Sequence[str], targets: Iterable[TargetInfo], *, tenant: str | None, environment: str
) -> TargetChoice:
    """Those of the environment's targets that have one of the tags, are enabled, and take part in runs for
    this tenant, or without one. `environment` is its name. Without tags a step has no targets."""
    wanted = {tag_key(tag) for tag in tags}
    tagged = [one for one in targets if wanted & {tag_key(tag) for tag in one.tags}]
    against = {one.id: reason for one in tagged if (reason := _objection(one, tenant))}
    chosen = sorted((one for one in tagged if one.id not in against), key=lambda one: one.name.casefold())
    return TargetChoice(
        tuple(_planned(one, wanted) for one in chosen),
        _why(
            tags,
            environment,
            len(chosen),
            [f"{one.name} {against[one.id]}" for one in tagged if one.id in against],
        ),
    )


def _planned(one: TargetInfo, wanted: set[str]) -> PlannedTarget:
    return PlannedTarget(one.id, one.name, one.tags, tuple(tag for tag in one.tags if tag_key(tag) in wanted))


def _objection(target: TargetInfo, tenant: str | None) -> str:
    """Why a target takes no part in a run, as the end of a sentence."""
    if target.is_disabled:
        return "is disabled"
    if tenant is None and target.participation is Participation.TENANTED:
        return "takes part only in runs for its tenants"
    if tenant is not None and target.participation is Participation.UNTENANTED:
        return "takes part only in runs without a tenant"
    if tenant is not None and tenant not in target.tenants:
        return "does not belong to the tenant"
    return ""


_LISTED = 5


def _why(tags: Sequence[str], environment: str, count: int, left_out: Sequence[str]) -> str:
    named = f"{'the tag' if len(tags) == 1 else 'one of the tags'} {' or '.join(tags)}"
    if not tags:
        return "The step names no target tags."
    found = counted(count, "deployment target") if count else "No deployment target"
    verb = "has" if count < 2 else "have"
    what = f"{found} of {environment} {verb} {named}"
    if left_out:
        more = len(left_out) - _LISTED
        names = [*left_out[:_LISTED], *([f"{more} more do not take part"] if more > 0 else [])]
        what = f"{what} and can take part" if not count else what
        return f"{what}. Left out: {'; '.join(names)}."
    return f"{what}."
