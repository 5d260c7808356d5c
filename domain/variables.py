"""Which of several values a variable has in a context, and why.

Ties, which Octopus Deploy leaves to chance, are found twice here: when saving, by
`find_ties`, and when resolving, where a tie has no winner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations

from domain.labels import article
from domain.prompts import Prompt
from domain.scopes import (
    NOUN,
    STRENGTH,
    UNSCOPED,
    Context,
    Kind,
    Mismatch,
    Scope,
    matches,
    names_targeted_role,
    rank,
)

MASK = "********"
SHORTEST_SECRET = 4
"""Characters; a shorter value would be found by chance all over a log."""


class VariableType(StrEnum):
    """The type of a value, in the spelling of the REST API."""

    STRING = "String"
    SENSITIVE = "Sensitive"
    WORKER_POOL = "WorkerPool"
    CERTIFICATE = "Certificate"
    USERNAME_PASSWORD = "UsernamePasswordAccount"  # noqa: S105  # a type, not a password
    SSH_KEY = "SshKeyAccount"
    TOKEN = "TokenAccount"  # noqa: S105  # a type, not a token


CREDENTIALS = frozenset(
    {
        VariableType.CERTIFICATE,
        VariableType.USERNAME_PASSWORD,
        VariableType.SSH_KEY,
        VariableType.TOKEN,
    }
)
"""Types whose value is the id of something that gives several values at once."""

REFERENCES = CREDENTIALS | {VariableType.WORKER_POOL}
"""Types whose value is an id; `Candidate.label` is the name of what it stands for."""

TYPE_NOUN = {
    VariableType.STRING: "text",
    VariableType.SENSITIVE: "sensitive value",
    VariableType.WORKER_POOL: "worker pool",
    VariableType.CERTIFICATE: "certificate",
    VariableType.USERNAME_PASSWORD: "username and password account",
    VariableType.SSH_KEY: "SSH key account",
    VariableType.TOKEN: "token account",
}
"""The word for each type within a sentence."""


class Source(StrEnum):
    """Where a value was written; at equal rank a project's value beats a library's."""

    PROJECT = "project"
    LIBRARY = "library"


class Origin(StrEnum):
    """How a value came to be among the candidates."""

    ROW = "row"
    TENANT = "tenant"
    DEFAULT = "default"


_ORIGINS = {
    Origin.ROW: "",
    Origin.TENANT: "Given for the tenant",
    Origin.DEFAULT: "The tenant has no value of its own, so the default of the template is used",
}


@dataclass(frozen=True, slots=True, repr=False)
class SubValue:
    """One of the values that an account or a certificate gives, such as Username of Database.Login as
    `#{Database.Login.Username}`. A sensitive one is ciphertext."""

    name: str
    value: str
    is_sensitive: bool = False

    def __repr__(self) -> str:
        return f"SubValue(name={self.name!r}, value={MASK if self.is_sensitive else self.value!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """One value of a variable.

    `value` of a SENSITIVE candidate is ciphertext and stays out of every explanation.
    `label` is what a person reads instead of an id, such as a pool's name at the time
    of the snapshot; `library` is the name of the set that a LIBRARY value stands
    in. `prompt` is what is asked when a run starts, and `is_answer` says that the value is what somebody
    answered; `origin` tells those that a tenant gives from those that stand in a row. `parts` are looked up
    when a run is planned, so that a new password reaches the next run of an old release; an account without
    any has been deleted.
    """

    id: str
    name: str
    type: VariableType
    value: str
    scope: Scope = UNSCOPED
    source: Source = Source.PROJECT
    label: str = ""
    parts: tuple[SubValue, ...] = ()
    library: str = ""
    prompt: Prompt | None = None
    is_answer: bool = False
    origin: Origin = Origin.ROW

    @property
    def shown(self) -> str:
        """The value as a page may show it."""
        return MASK if self.type is VariableType.SENSITIVE else self.label or self.value

    def __repr__(self) -> str:
        return (
            f"Candidate(id={self.id!r}, name={self.name!r}, type={self.type.value}, "
            f"shown={self.shown!r}, scope={self.scope.to_json()!r}, source={self.source.value})"
        )


class Outcome(StrEnum):
    """What became of one candidate."""

    USED = "used"
    LOST = "lost"
    TIED = "tied"
    MISMATCH = "mismatch"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one candidate, and the kind that decided it.

    `against` is the candidate that won (LOST); `kind` is the kind that the winner names
    and this one does not (LOST; None when project beat library; a target tag may be named
    by both, and only the winner's is one that the step names) or that does not match
    (MISMATCH).
    """

    candidate: Candidate
    outcome: Outcome
    kind: Kind | None = None
    mismatch: Mismatch | None = None
    against: Candidate | None = None

    @property
    def sentence(self) -> str:
        """What a page says, such as "Used. Exact environment" or "Other environment"."""
        more = f". From the library set {self.candidate.library}" if self.candidate.library else ""
        if said := _ORIGINS[self.candidate.origin]:
            more += f". {said}"
        if self.candidate.is_answer:
            more += ". Answered when the run was started"
        return f"{self._sentence}{more}"

    @property
    def _sentence(self) -> str:
        if self.mismatch is not None:
            return self.mismatch.sentence
        if self.outcome is Outcome.USED:
            return f"Used. {_fit(self.candidate.scope)}"
        if self.outcome is Outcome.TIED:
            return "Tied with a value that is just as specific"
        if self.kind is None:
            return "The project's own value goes before this one"
        if self.kind in self.candidate.scope:
            return f"Less specific: the value used names a {NOUN[self.kind]} that the step names too"
        return f"Less specific: the value used also names the {NOUN[self.kind]}"


def _fit(scope: Scope) -> str:
    nouns = [NOUN[kind] for kind in scope]
    if not nouns:
        return "Applies everywhere"
    if len(nouns) == 1:
        return f"Exact {nouns[0]}"
    return f"{', '.join(nouns[:-1])} and {nouns[-1]} match".capitalize()


@dataclass(frozen=True, slots=True)
class Resolution:
    """The winner among a name's candidates, with a verdict on each, in the given order.

    A tie holds the two or more candidates that are equally good; there is no winner then.
    """

    name: str
    winner: Candidate | None
    verdicts: tuple[Verdict, ...]
    tie: tuple[Candidate, ...] = field(default=())

    @property
    def matching(self) -> int:
        """How many of the values apply in the context."""
        return sum(verdict.outcome is not Outcome.MISMATCH for verdict in self.verdicts)


def same_name(one: str, other: str) -> bool:
    """Variable names ignore case and surrounding space."""
    return name_key(one) == name_key(other)


def name_key(name: str) -> str:
    """What two spellings of one variable name have in common."""
    return name.strip().casefold()


def grouped(candidates: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    """Candidates by `name_key`, in the order in which the names appear."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(name_key(candidate.name), []).append(candidate)
    return groups


def resolve(name: str, candidates: Iterable[Candidate], context: Context) -> Resolution:
    """Decide between the candidates of this name, ignoring those of other names."""
    key = name_key(name)
    own = [candidate for candidate in candidates if name_key(candidate.name) == key]
    return resolve_values(name, own, context)


def resolve_values(name: str, own: Sequence[Candidate], context: Context) -> Resolution:
    """Like `resolve`, for candidates that all have this name already."""
    mismatches = [matches(candidate.scope, context) for candidate in own]
    fitting = [one for one, against in zip(own, mismatches, strict=True) if against is None]
    best = _best(fitting, context)
    winner = best[0] if len(best) == 1 else None
    verdicts = tuple(
        _verdict(candidate, mismatch, best, context)
        for candidate, mismatch in zip(own, mismatches, strict=True)
    )
    return Resolution(name, winner, verdicts, tie=tuple(best) if len(best) > 1 else ())


def resolve_all(candidates: Iterable[Candidate], context: Context) -> dict[str, Resolution]:
    """Every name's resolution, keyed by the name as it is first spelled; ties stay visible."""
    return {
        group[0].name: resolve_values(group[0].name, group, context) for group in grouped(candidates).values()
    }


def expanded(winners: Iterable[Candidate]) -> dict[str, Candidate]:
    """The values by name, with those that accounts and certificates among them give.

    They come after the choice between candidates, so that a name never mixes the parts of two
    accounts. A variable that is spelled out, such as one named Login.Username, stays.
    """
    found = {one.name: one for one in winners}
    keys = {name_key(name) for name in found}
    for winner in list(found.values()):
        for part in winner.parts:
            name = f"{winner.name}.{part.name}"
            if name_key(name) not in keys:
                found[name] = _sub_candidate(winner, part, name)
    return found


def _sub_candidate(winner: Candidate, part: SubValue, name: str) -> Candidate:
    return Candidate(
        id=f"{winner.id}.{part.name}",
        name=name,
        type=VariableType.SENSITIVE if part.is_sensitive else VariableType.STRING,
        value=part.value,
        scope=winner.scope,
        source=winner.source,
        library=winner.library,
    )


def _strength(candidate: Candidate, context: Context) -> tuple[bool, ...]:
    return (*rank(candidate.scope, context), candidate.source is Source.PROJECT)


def _best(fitting: Sequence[Candidate], context: Context) -> list[Candidate]:
    if len(fitting) < 2:
        return list(fitting)
    top = max(_strength(candidate, context) for candidate in fitting)
    return [candidate for candidate in fitting if _strength(candidate, context) == top]


def _verdict(
    candidate: Candidate, mismatch: Mismatch | None, best: Sequence[Candidate], context: Context
) -> Verdict:
    if mismatch is not None:
        return Verdict(candidate, Outcome.MISMATCH, kind=mismatch.kind, mismatch=mismatch)
    if any(one is candidate for one in best):
        return Verdict(candidate, Outcome.USED if len(best) == 1 else Outcome.TIED)
    kind = _deciding_kind(best[0].scope, candidate.scope, context)
    return Verdict(candidate, Outcome.LOST, kind=kind, against=best[0])


def _deciding_kind(winner: Scope, loser: Scope, context: Context) -> Kind | None:
    for kind in STRENGTH:
        if kind in winner and kind not in loser:
            return kind
        if kind is Kind.ROLE and names_targeted_role(winner, context) > names_targeted_role(loser, context):
            return kind
    return None


def validate_name(name: str) -> str | None:
    """The reason why a name cannot be a variable's, or None."""
    if not name.strip():
        return "Enter a name."
    if name != name.strip():
        return "A name cannot start or end with a space."
    if any(letter in "#{}|" or not letter.isprintable() for letter in name):
        return "A name cannot hold #, {, }, | or a line break, as #{Name} could not refer to it."
    return None


def validate_value(type: VariableType, value: str) -> str | None:
    """The reason why a value cannot be stored under this type, or None."""
    if type is VariableType.SENSITIVE and 0 < len(value) < SHORTEST_SECRET:
        return (
            f"A sensitive value needs at least {SHORTEST_SECRET} characters: "
            "a shorter one cannot be masked in logs."
        )
    if type in REFERENCES and not value:
        return f"Choose {article(TYPE_NOUN[type])}."
    return None


@dataclass(frozen=True, slots=True)
class ScopeProblem:
    """A kind that a value of this type cannot be scoped to, with the reason."""

    kind: Kind
    message: str


def validate_scope(type: VariableType, scope: Scope) -> tuple[ScopeProblem, ...]:
    """What stands against this scope for this type; empty when nothing does."""
    if type is not VariableType.WORKER_POOL:
        return ()
    return tuple(
        ScopeProblem(
            kind,
            f"A worker pool cannot depend on a {NOUN[kind]}: "
            "the pool is chosen while planning, before a deployment target is known.",
        )
        for kind in (Kind.MACHINE, Kind.ROLE)
        if kind in scope
    )


TenantTags = Mapping[str, frozenset[str]]
"""Tenant id to the canonical names of its tags."""


@dataclass(frozen=True, slots=True)
class Tie:
    """Two values of one name, equally specific, that one context can match.

    `meeting` holds, per kind that both name, the ids under which they meet; for tenant
    tags that differ it is empty, and `tenants` names who has a tag of each.
    """

    name: str
    first: Candidate
    second: Candidate
    meeting: Scope
    tenants: frozenset[str] = frozenset()


def find_ties(candidates: Iterable[Candidate], tenant_tags_of_tenants: TenantTags) -> tuple[Tie, ...]:
    """All pairs that no rule decides between.

    Only values that name the same kinds are equal in rank, and only values of the same
    source are not decided by project before library. Of those, two meet when they share
    an id of every kind; different tenant tags meet in a tenant that has one of each, so
    that two tags of a set of which a tenant has only one never tie.
    """
    rivals: dict[tuple[str, Source, tuple[Kind, ...]], list[Candidate]] = {}
    for candidate in candidates:
        key = (name_key(candidate.name), candidate.source, tuple(candidate.scope))
        rivals.setdefault(key, []).append(candidate)
    return tuple(
        tie
        for group in rivals.values()
        for first, second in combinations(group, 2)
        for tie in _tie(first, second, tenant_tags_of_tenants)
    )


def _tie(first: Candidate, second: Candidate, tags: TenantTags) -> Iterator[Tie]:
    shared = {kind: ids & second.scope[kind] for kind, ids in first.scope.items()}
    apart = {kind for kind, ids in shared.items() if not ids}
    meeting = Scope.of(shared)
    if not apart:
        yield Tie(first.name, first, second, meeting)
    elif apart == {Kind.TENANT_TAG}:
        tenants = _with_one_of_each(first.scope, second.scope, tags)
        if tenants:
            yield Tie(first.name, first, second, meeting, tenants)


def _with_one_of_each(first: Scope, second: Scope, tags: TenantTags) -> frozenset[str]:
    kind = Kind.TENANT_TAG
    both = frozenset(tenant for tenant, own in tags.items() if own & first[kind] and own & second[kind])
    if Kind.TENANT in first:
        both &= first[Kind.TENANT] & second[Kind.TENANT]
    return both
