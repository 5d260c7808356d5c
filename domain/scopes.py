"""Where a value applies, and which of two values is the more specific one.

A scope names ids per kind. It matches a context when every kind that it names
matches (AND across kinds), and a kind matches when any of its ids does (OR
within a kind). Source: Octopus Deploy's variable scoping, as collected in its
public documentation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.tags import tag_key


class Kind(StrEnum):
    """What a value can be scoped to, in the spelling of the REST API."""

    ENVIRONMENT = "Environment"
    MACHINE = "Machine"
    ROLE = "Role"
    ACTION = "Action"
    CHANNEL = "Channel"
    TENANT = "Tenant"
    TENANT_TAG = "TenantTag"
    PROCESS = "ProcessOwner"


DEPLOYMENT_PROCESS = "deployment"

STRENGTH = (
    Kind.ACTION,
    Kind.MACHINE,
    Kind.ROLE,
    Kind.TENANT,
    Kind.TENANT_TAG,
    Kind.ENVIRONMENT,
    Kind.CHANNEL,
    Kind.PROCESS,
)
"""Kinds from the most to the least specific."""

_EXPLAIN_FIRST = (
    Kind.ENVIRONMENT,
    Kind.TENANT,
    Kind.TENANT_TAG,
    Kind.PROCESS,
    Kind.ACTION,
    Kind.CHANNEL,
    Kind.MACHINE,
    Kind.ROLE,
)
"""The order in which a person looks for the reason why a value does not apply."""


class UnknownScopeKind(ValueError):
    """A stored or posted scope names a kind that does not exist."""


def runbook_process(runbook_id: str | int) -> str:
    """The id of a runbook's process within the kind PROCESS."""
    return f"runbook:{runbook_id}"


@dataclass(frozen=True, slots=True)
class Scope(Mapping[Kind, frozenset[str]]):
    """An immutable mapping of kind to ids. Empty: unscoped, applies everywhere.

    Ids are strings; a tenant tag is its canonical name ("Region/EU"); a process is
    "deployment" or `runbook_process(id)`. Build it with `Scope.of`, which drops empty
    kinds, so that equal scopes compare and hash as equal.
    """

    entries: tuple[tuple[Kind, frozenset[str]], ...] = ()

    @classmethod
    def of(cls, ids: Mapping[Kind, Iterable[str | int]]) -> Scope:
        """Build a scope from ids per kind, in any order."""
        sets = {kind: frozenset(str(one) for one in some) for kind, some in ids.items()}
        return cls(tuple((kind, sets[kind]) for kind in STRENGTH if sets.get(kind)))

    @classmethod
    def from_json(cls, data: Mapping[str, Iterable[str | int]]) -> Scope:
        """Read `{"Environment": ["1", "2"], ...}`; raises UnknownScopeKind."""
        try:
            return cls.of({Kind(kind): ids for kind, ids in data.items()})
        except ValueError as error:
            raise UnknownScopeKind(str(error)) from error

    def to_json(self) -> dict[str, list[str]]:
        """`{"Environment": ["1", "2"], ...}` with the ids in a stable order."""
        return {kind.value: sorted(ids) for kind, ids in self.entries}

    def __getitem__(self, kind: Kind) -> frozenset[str]:
        for own, ids in self.entries:
            if own == kind:
                return ids
        raise KeyError(kind)

    def __iter__(self) -> Iterator[Kind]:
        return (kind for kind, _ in self.entries)

    def __len__(self) -> int:
        return len(self.entries)


UNSCOPED = Scope()


@dataclass(frozen=True, slots=True)
class Context:
    """Where a run, or one step of it, happens; what is not known or not there is None.

    `roles` are the keys (`domain.targets.tag_key`) of the target tags of the machine, `targeted_roles`
    of those of them that the step names.
    """

    environment: str | None = None
    tenant: str | None = None
    tenant_tags: frozenset[str] = field(default_factory=frozenset)
    process: str | None = None
    action: str | None = None
    channel: str | None = None
    machine: str | None = None
    roles: frozenset[str] = field(default_factory=frozenset)
    targeted_roles: frozenset[str] = field(default_factory=frozenset)

    def ids(self, kind: Kind) -> frozenset[str]:
        """The ids that the context has of one kind; empty when it has none."""
        if kind is Kind.TENANT_TAG:
            return self.tenant_tags
        if kind is Kind.ROLE:
            return self.roles
        one = self._single(kind)
        return frozenset() if one is None else frozenset((one,))

    def _single(self, kind: Kind) -> str | None:
        return {
            Kind.ENVIRONMENT: self.environment,
            Kind.TENANT: self.tenant,
            Kind.PROCESS: self.process,
            Kind.ACTION: self.action,
            Kind.CHANNEL: self.channel,
            Kind.MACHINE: self.machine,
        }[kind]


class MismatchReason(StrEnum):
    """Why one kind of a scope does not match."""

    OTHER = "other"
    ABSENT = "absent"
    NO_TENANT = "no-tenant"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first kind, in the order in which a person would ask, that does not match."""

    kind: Kind
    reason: MismatchReason

    @property
    def sentence(self) -> str:
        """What a page says: "Other environment", "This run has no tenant"."""
        return _SENTENCES[self.reason].format(kind=NOUN[self.kind])


NOUN = {
    Kind.ENVIRONMENT: "environment",
    Kind.MACHINE: "machine",
    Kind.ROLE: "target tag",
    Kind.ACTION: "step",
    Kind.CHANNEL: "channel",
    Kind.TENANT: "tenant",
    Kind.TENANT_TAG: "tenant tag",
    Kind.PROCESS: "process",
}
"""The word for each kind within a sentence."""

_SENTENCES = {
    MismatchReason.OTHER: "Other {kind}",
    MismatchReason.ABSENT: "This run has no {kind}",
    MismatchReason.NO_TENANT: "This run has no tenant",
}


def matches(scope: Scope, context: Context, *, ignoring: frozenset[Kind] = frozenset()) -> Mismatch | None:
    """None when the scope applies in the context, else what stands against it.

    `ignoring` leaves out kinds that are not known yet, such as the step while the
    whole run is being planned.
    """
    if not scope:
        return None
    wanted = {kind: ids for kind, ids in scope.entries if kind not in ignoring}
    for kind in _EXPLAIN_FIRST:
        if kind in wanted and _keys(kind, wanted[kind]).isdisjoint(context.ids(kind)):
            return Mismatch(kind=kind, reason=_reason(kind, context))
    return None


def _keys(kind: Kind, ids: frozenset[str]) -> frozenset[str]:
    """Target tags ignore case."""
    return frozenset(map(tag_key, ids)) if kind is Kind.ROLE else ids


def _reason(kind: Kind, context: Context) -> MismatchReason:
    if context.ids(kind):
        return MismatchReason.OTHER
    if kind is not Kind.TENANT_TAG:
        return MismatchReason.ABSENT
    return MismatchReason.NO_TENANT if context.tenant is None else MismatchReason.OTHER


def rank(scope: Scope, context: Context | None = None) -> tuple[bool, ...]:
    """How specific a scope is in a context; compare with `<` and `>`.

    One flag per kind in the order of STRENGTH, compared from the left: a value for a
    step beats every value that names none, whatever else those name, and of two values
    that agree on the stronger kinds the one that names a further kind wins. A target tag
    that the step names comes before one that only the machine has. How many ids a kind
    lists does not count. Without a context two scopes are equal in rank only if they name
    the same kinds. Source: the published order of Octopus Deploy; the preference of project
    over library values comes after this rank, see `domain.variables.resolve`.
    """
    named = {kind for kind, _ in scope.entries}
    flags = [kind in named for kind in STRENGTH]
    flags.insert(STRENGTH.index(Kind.ROLE), names_targeted_role(scope, context))
    return tuple(flags)


def names_targeted_role(scope: Scope, context: Context | None) -> bool:
    """Whether the scope names a target tag that the step names too."""
    roles = scope.get(Kind.ROLE)
    if context is None or roles is None:
        return False
    return not _keys(Kind.ROLE, roles).isdisjoint(context.targeted_roles)
