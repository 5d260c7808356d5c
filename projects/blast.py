"""Which processes would send their runs elsewhere, before the values of worker pool variables change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from accounts.models import User
from domain.labels import Names
from domain.routing import Ground, Move, moved
from domain.scopes import Kind
from domain.variables import Candidate, grouped, name_key
from processes import owners
from processes.models import Action, PoolChoice
from projects import routing
from projects.models import Project
from variables import scope_sources
from variables.models import VariableSet


@dataclass
class Rerouted:
    """A process, by the page that edits it, with its steps that would run elsewhere and where."""

    label: str
    url: str
    variable: str
    moves: tuple[Move, ...]
    steps: list[str] = field(default_factory=list)


def of_variables(
    project: Project,
    variable_set: VariableSet,
    *,
    before: Sequence[Candidate],
    after: Sequence[Candidate],
    names: Names,
    viewer: User,
) -> list[Rerouted]:
    """What the next release, the next published snapshot and every draft would do otherwise with the values
    of `after` in place of `before` (the project's own). Those that exist already keep what they have."""
    changed = _changed(before, after)
    actions = [one for one in _actions(variable_set) if name_key(one.worker_pool_variable) in changed]
    if not actions:
        return []
    ground = routing.ground_of(project, names=names, viewer=viewer)
    shared = [
        *routing.shared(project),
        *(one for name in sorted(changed) for one in routing.of_tenants(project, name, ground)),
    ]
    return _rerouted(actions, [*before, *shared], [*after, *shared], ground)


def _changed(before: Sequence[Candidate], after: Sequence[Candidate]) -> set[str]:
    old, new = (
        {key: {(one.type, one.value, one.scope) for one in some} for key, some in grouped(values).items()}
        for values in (before, after)
    )
    return {key for key in {**old, **new} if old.get(key) != new.get(key)}


def _actions(variable_set: VariableSet) -> list[Action]:
    ids = [int(one.id) for one in scope_sources.registered(Kind.ACTION, variable_set)]
    rows = Action.objects.filter(pk__in=ids, pool_choice=PoolChoice.VARIABLE).select_related("step__process")
    return list(rows.order_by("step__process", "step__position", "position"))


def _rerouted(
    actions: Sequence[Action], before: Sequence[Candidate], after: Sequence[Candidate], ground: Ground
) -> list[Rerouted]:
    """Steps of a process that go the same ways stand together."""
    known = owners.resolve([(one.step.process.owner_kind, one.step.process.owner_id) for one in actions])
    by_step = {name_key(one.name) for one in (*before, *after) if Kind.ACTION in one.scope}
    found: dict[tuple[int, str, tuple[Move, ...]], Rerouted] = {}
    routes: dict[tuple[object, str], tuple[Move, ...]] = {}
    for action in actions:
        name, base = action.worker_pool_variable, routing.base_of_action(action)
        if name_key(name) not in by_step:
            base = replace(base, action=None)
        if (base, name_key(name)) not in routes:
            routes[base, name_key(name)] = moved(name, before, after, base=base, ground=ground)
        moves, process = routes[base, name_key(name)], action.step.process
        owner = known.get((process.owner_kind, process.owner_id))
        if moves and owner:
            place = found.setdefault(
                (process.pk, name_key(name), moves), Rerouted(owner.label, owner.url, name, moves)
            )
            place.steps.append(action.name)
    return list(found.values())
