"""The routing matrix of a worker-pool variable: the pool of each environment, for tenants of each tag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.labels import Names
from domain.plans import PoolCapacity, PoolInfo, ReasonRow
from domain.pool_choice import Pools, pool_name, reason_rows
from domain.scopes import Context, Kind
from domain.variables import Candidate, Resolution, VariableType, name_key, resolve_values

SOME_TENANT = "*"
"""A tenant that no value is scoped to by itself; ids of real ones are numbers."""


class State(StrEnum):
    """What a cell has: a pool, no value that applies, several that are equally specific, or a value that
    is no pool (any more)."""

    POOL = "pool"
    GAP = "gap"
    TIE = "tie"
    NO_POOL = "no-pool"


@dataclass(frozen=True, slots=True)
class Route:
    """Where the runs of one place go. `why` has a row for each value of the variable."""

    state: State
    pool: PoolInfo | None = None
    capacity: PoolCapacity | None = None
    why: tuple[ReasonRow, ...] = ()
    tied: tuple[str, ...] = ()

    @property
    def is_unstaffed(self) -> bool:
        """Whether it leads to a pool in which no worker could take a step now."""
        return self.pool is not None and (self.capacity is None or self.capacity.workers_available == 0)

    @property
    def target(self) -> tuple[State, str]:
        """What two routes have in common that lead to the same pool."""
        return self.state, self.pool.id if self.pool else ""


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """A tenant that is connected to the project in `environments` (ids); `tags` are canonical names."""

    id: str
    name: str
    tags: frozenset[str] = frozenset()
    environments: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Deviation:
    """Tenants of a cell that are routed otherwise than it says, by another tag or by their name."""

    route: Route
    tenants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """`tag` is empty for runs without a tenant and for tenants with none of the tags shown."""

    environment: str
    tag: str
    route: Route
    deviations: tuple[Deviation, ...] = ()

    @property
    def routes(self) -> tuple[Route, ...]:
        """All ways from here: the cell's own, and those of the tenants that deviate."""
        return (self.route, *(one.route for one in self.deviations))


@dataclass(frozen=True, slots=True)
class Matrix:
    """`rows` are in the order of the environments, their cells in the order of `tags`."""

    variable: str
    tags: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def count(self, state: State) -> int:
        """How many cells have this, by themselves or for some tenant."""
        return sum(any(route.state is state for route in cell.routes) for cell in self._cells())

    @property
    def unstaffed(self) -> int:
        """How many cells lead to a pool without a worker, by themselves or for some tenant."""
        return sum(any(route.is_unstaffed for route in cell.routes) for cell in self._cells())

    def _cells(self) -> Iterator[Cell]:
        return (cell for row in self.rows for cell in row)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a matrix is laid over: the environments (ids), the tags (canonical names) of each tag set, the
    tenants of the project, and the pools of the space with their capacity."""

    environments: Sequence[str]
    tag_sets: Mapping[str, Sequence[str]]
    tenants: Sequence[TenantFacts]
    pools: Pools
    capacity: Mapping[str, PoolCapacity]
    names: Names
    has_untenanted: bool = True


def matrix(variable: str, candidates: Sequence[Candidate], *, base: Context, ground: Ground) -> Matrix:
    """Resolve the variable in each environment, for each tag that can make a difference, and for each tenant.

    `base` names the process and the step. The tags shown are those of the tag sets that a value is scoped
    to: with one value for Region/EU, a region without a value stands beside it.
    """
    return _Routing(variable, candidates, base, ground).matrix()


@dataclass(frozen=True, slots=True)
class Move:
    """Runs that would go elsewhere: in an environment (id), for these tenants (names) or without one."""

    environment: str
    tenants: tuple[str, ...]
    before: Route
    after: Route


def moved(
    variable: str,
    before: Sequence[Candidate],
    after: Sequence[Candidate],
    *,
    base: Context,
    ground: Ground,
) -> tuple[Move, ...]:
    """What becomes of runs when the values of the variable are those of `after`. In the order of the
    environments; tenants that share their way before and after stand together."""
    old, new = _Routing(variable, before, base, ground), _Routing(variable, after, base, ground)
    return tuple(
        move for environment in ground.environments for move in _moves(environment, old, new, ground)
    )


def _moves(environment: str, old: _Routing, new: _Routing, ground: Ground) -> Iterator[Move]:
    if ground.has_untenanted:
        first, second = (one.route(environment, None, frozenset()) for one in (old, new))
        if first.target != second.target:
            yield Move(environment, (), first, second)
    found: dict[tuple[object, object], tuple[Route, Route, list[str]]] = {}
    for tenant in ground.tenants:
        if environment in tenant.environments:
            first, second = (one.route_of(environment, tenant) for one in (old, new))
            if first.target != second.target:
                found.setdefault((first.target, second.target), (first, second, []))[2].append(tenant.name)
    for first, second, names in found.values():
        yield Move(environment, tuple(sorted(names)), first, second)


class _Routing:
    """Resolves each different place once, however many tenants are in it."""

    def __init__(self, variable: str, candidates: Sequence[Candidate], base: Context, ground: Ground) -> None:
        key = name_key(variable)
        self._variable = variable
        self._own = [one for one in candidates if name_key(one.name) == key]
        self._base = base
        self._ground = ground
        self._tags = self._shown_tags()
        self._named = {id for one in self._own for id in one.scope.get(Kind.TENANT, ())}
        self._known: dict[Context, Route] = {}

    def matrix(self) -> Matrix:
        rows = tuple(
            tuple(self._cell(environment, tag) for tag in ("", *self._tags))
            for environment in self._ground.environments
        )
        return Matrix(self._variable, ("", *self._tags), rows)

    def _shown_tags(self) -> tuple[str, ...]:
        named = {tag for one in self._own for tag in one.scope.get(Kind.TENANT_TAG, ())}
        sets = [tags for tags in self._ground.tag_sets.values() if named.intersection(tags)]
        return tuple(tag for tags in sets for tag in tags)

    def _cell(self, environment: str, tag: str) -> Cell:
        tags = frozenset((tag,)) if tag else frozenset[str]()
        tenant = SOME_TENANT if tag or not self._ground.has_untenanted else None
        route = self.route(environment, tenant, tags)
        return Cell(environment, tag, route, self._deviations(environment, tag, route))

    def _deviations(self, environment: str, tag: str, usual: Route) -> tuple[Deviation, ...]:
        found: dict[Route, list[str]] = {}
        for tenant in self._ground.tenants:
            tags = tenant.tags.intersection(self._tags)
            if environment not in tenant.environments or (tag not in tags if tag else tags):
                continue
            route = self.route_of(environment, tenant)
            if route.target != usual.target:
                found.setdefault(route, []).append(tenant.name)
        return tuple(Deviation(route, tuple(sorted(tenants))) for route, tenants in found.items())

    def route_of(self, environment: str, tenant: TenantFacts) -> Route:
        """Of the runs for one tenant; those that no value tells apart are one."""
        id = tenant.id if tenant.id in self._named else SOME_TENANT
        return self.route(environment, id, tenant.tags.intersection(self._tags))

    def route(self, environment: str, tenant: str | None, tags: frozenset[str]) -> Route:
        """Resolved once for each place."""
        context = replace(self._base, environment=environment, tenant=tenant, tenant_tags=tags)
        if context not in self._known:
            self._known[context] = self._routed(resolve_values(self._variable, self._own, context))
        return self._known[context]

    def _routed(self, resolution: Resolution) -> Route:
        pools, winner = self._ground.pools, resolution.winner
        why = reason_rows(resolution, pools, self._ground.names)
        if resolution.tie:
            tied = tuple(dict.fromkeys(pool_name(one, pools) for one in resolution.tie))
            return Route(State.TIE, why=why, tied=tied)
        if winner is None:
            return Route(State.GAP, why=why)
        if winner.type is not VariableType.WORKER_POOL or winner.value not in pools:
            return Route(State.NO_POOL, why=why)
        return Route(State.POOL, pools[winner.value], self._ground.capacity.get(winner.value), why)
