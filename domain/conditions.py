"""Where a step of a process applies at all: what is known before a run starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from domain.labels import Names, label, listed
from domain.scopes import Context, Kind


@dataclass(frozen=True, slots=True)
class Applies:
    """Ids of environments and channels, canonical names of tenant tags ("Region/EU"). What is empty does
    not restrict; the excluded ones do where `environments` is empty too."""

    environments: tuple[str, ...] = ()
    excluded_environments: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    tenant_tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != EVERYWHERE


EVERYWHERE = Applies()


def reason_to_skip(applies: Applies, context: Context, names: Names) -> str | None:
    """Why a step does not run in a context, or None."""
    return next(_reasons(applies, context, names), None)


def _reasons(applies: Applies, context: Context, names: Names) -> Iterator[str]:
    here = context.environment
    if applies.environments and here not in applies.environments:
        yield f"Runs only in {_named(Kind.ENVIRONMENT, applies.environments, names)}"
    if not applies.environments and here in applies.excluded_environments:
        yield f"Does not run in {_named(Kind.ENVIRONMENT, [here or ''], names)}"
    if applies.channels and context.channel not in applies.channels:
        yield f"Runs only in the channel {_named(Kind.CHANNEL, applies.channels, names)}"
    if not has_tags(context.tenant_tags, applies.tenant_tags):
        yield f"Runs only for tenants with {listed(sorted(applies.tenant_tags))}"


def has_tags(tags: frozenset[str], wanted: Iterable[str]) -> bool:
    """Whether there is one of the wanted tags of each set: OR within a tag set, AND across sets."""
    sets = groupby(sorted(wanted), key=lambda tag: tag.partition("/")[0])
    return all(not tags.isdisjoint(own) for _, own in sets)


def conditions_text(applies: Applies, names: Names) -> str:
    """Where it runs, in one line; empty for everywhere."""
    parts = []
    if applies.environments:
        parts.append(f"only in {_named(Kind.ENVIRONMENT, applies.environments, names)}")
    elif applies.excluded_environments:
        parts.append(f"not in {_named(Kind.ENVIRONMENT, applies.excluded_environments, names)}")
    if applies.channels:
        parts.append(f"only in the channel {_named(Kind.CHANNEL, applies.channels, names)}")
    if applies.tenant_tags:
        parts.append(f"only for tenants with {listed(sorted(applies.tenant_tags))}")
    return ", ".join(parts)


def _named(kind: Kind, ids: Iterable[str], names: Names) -> str:
    return listed([label(kind, id, names) for id in ids])
