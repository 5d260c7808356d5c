"""Where a step would run with the saved values: per environment, and per tenant where values say so.

The rules are those of the plan of a run; a step is planned here as if it were the whole process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from django.urls import reverse

from domain.labels import counted, listed
from domain.plans import PlannedStep, PoolCapacity, Problem, ProblemCode, RunPlan, Severity
from domain.processes import ActionDef, ProcessDef, StepDef
from domain.scopes import Kind
from domain.tenant_values import NONE, TenantValues
from domain.variables import Candidate, same_name
from environments.models import Environment
from projects.models import Project, TenantedMode
from projects.process_editor.session import Session
from projects.run_dialog.fixes import Fix, fix_for
from projects.services import project_variables
from tasks.services.planning import Planner
from tenants.models import Tenant
from variables.models import OwnerKind
from variables.selectors import process_names
from variables.services import variable_sets
from variables.services.tenant_values import Reader

_NAMED_TENANTS = 3

_WORDS = {
    ProblemCode.NO_DEFAULT_POOL: "No pool is the default",
    ProblemCode.DELETED_POOL: "The pool was deleted",
    ProblemCode.NO_SUCH_VARIABLE: "No such variable",
    ProblemCode.NO_VALUE_IN_SCOPE: "No value applies here",
    ProblemCode.NOT_A_POOL: "The value is not a worker pool",
    ProblemCode.TIED_VALUES: "Two values are equally specific",
    ProblemCode.POOL_WITHOUT_WORKERS: "No workers",
    ProblemCode.NO_AVAILABLE_WORKER: "No worker can take work",
    ProblemCode.POOL_FULL: "Full now",
}


@dataclass(frozen=True)
class Row:
    """One line: `environment` None stands for all of them, `who` names tenants that differ from the
    others. `kind` is ok, warn or bad, `words` says it, `details` is the whole story."""

    environment: Environment | None
    pool_id: str | None
    pool_name: str
    pool_url: str
    capacity: PoolCapacity | None
    kind: str
    words: str
    details: str
    fix: Fix | None = None
    who: str = ""

    @property
    def busy(self) -> int:
        return self.capacity.slots_total - self.capacity.slots_free if self.capacity else 0

    @property
    def outcome(self) -> tuple[str | None, str]:
        return self.pool_id, self.words


@dataclass(frozen=True)
class Preview:
    """`by_variable` says whether the values of a variable decide."""

    rows: tuple[Row, ...]
    by_variable: bool
    variable: str = ""


def preview(session: Session, action: ActionDef, *, number: int) -> Preview:
    """Of one action, saved or not."""
    if action.worker_pool_variable == "":
        return Preview((), by_variable=True)
    planning = _Planning(session, action, number=number)
    if action.worker_pool_variable is None:
        return Preview(tuple(planning.fixed_row()), by_variable=False)
    return Preview(tuple(planning.rows()), by_variable=True, variable=action.worker_pool_variable)


@dataclass
class _Planning:
    """One planner for all lines, so that a preview costs the same few queries however many there are."""

    session: Session
    action: ActionDef
    number: int
    environments: list[Environment] = field(init=False)
    planner: Planner = field(init=False)
    candidates: list[Candidate] = field(init=False)
    slugs: dict[str, str] = field(init=False)
    of_tenants: Reader | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        session = self.session
        # Only the pool is asked for: neither the script nor a disabled step is to get in the way.
        action = replace(self.action, is_disabled=False, properties={})
        step = StepDef(id=action.id, name=action.name, number=self.number, actions=(action,))
        frozen = session.frozen_variables
        self.planner = Planner(
            space=session.space,
            process=ProcessDef((step,)).to_json(),
            variables=frozen,
            process_ref=session.owner.process_ref,
            process_label=session.owner.title,
            labels=partial(process_names, owner_kind=OwnerKind.PROJECT, owner_id=session.owner.project.pk),
            tenant_values=self._tenant_values,
        )
        self.candidates = variable_sets.candidates(frozen)
        self.environments = list(Environment.objects.visible_to(session.user).in_space(session.space))
        self.slugs = {str(pool.pk): pool.slug for pool in session.pools}

    def fixed_row(self) -> Iterator[Row]:
        """A fixed pool is the same everywhere, so any environment will do to judge it."""
        for environment in self.environments[:1]:
            yield replace(self._row(environment, tenant=None), environment=None)

    def rows(self) -> Iterator[Row]:
        tenants = self._tenants()
        for environment in self.environments:
            base = self._row(environment, tenant=None)
            yield base
            yield from self._different(environment, base, tenants)

    def _different(self, environment: Environment, base: Row, tenants: Sequence[Tenant]) -> Iterator[Row]:
        """The tenants that get something else than the environment as such, grouped by what they get."""
        groups: dict[tuple[str | None, str], tuple[Row, list[Tenant]]] = {}
        for tenant in tenants:
            row = self._row(environment, tenant=tenant)
            if row.outcome != base.outcome:
                groups.setdefault(row.outcome, (row, []))[1].append(tenant)
        for row, group in groups.values():
            yield replace(row, who=self._who(group, tenants))

    def _tenants(self) -> list[Tenant]:
        """Those whom a value of the variable names, by name or by tag."""
        if self.session.owner.project.tenanted_mode == TenantedMode.UNTENANTED:
            return []
        ids, tags = self._scoped(Kind.TENANT), self._scoped(Kind.TENANT_TAG)
        asks = self._asks_tenants
        if not ids and not tags and not asks:
            return []
        found = [
            tenant
            for tenant in _tenants_of(self.session.owner.project)
            if asks or str(tenant.pk) in ids or tags & _tags(tenant)
        ]
        self.of_tenants = project_variables.of_tenants(self.session.owner.project, found) if asks else None
        return found

    @property
    def _asks_tenants(self) -> bool:
        """Whether each tenant may give the variable a value of its own."""
        project, name = self.session.owner.project, self.action.worker_pool_variable or ""
        asked = project_variables.of_tenants(project, ()).templates
        return any(same_name(one.name, name) for one in asked)

    def _tenant_values(self, environment: Environment, tenant: Tenant) -> TenantValues:
        return self.of_tenants(environment, tenant) if self.of_tenants else NONE

    def _scoped(self, kind: Kind) -> frozenset[str]:
        name = self.action.worker_pool_variable or ""
        own = [one for one in self.candidates if same_name(one.name, name)]
        return frozenset().union(*(one.scope.get(kind, frozenset()) for one in own))

    def _who(self, group: Sequence[Tenant], all_tenants: Sequence[Tenant]) -> str:
        """Tags that stand for tenants of the group, then the names of the rest."""
        names: list[str] = []
        left = list(group)
        for tag in sorted(self._scoped(Kind.TENANT_TAG)):
            tagged = [tenant for tenant in all_tenants if tag in _tags(tenant)]
            if tagged and all(tenant in group for tenant in tagged):
                names.append(tag)
                left = [tenant for tenant in left if tenant not in tagged]
        names += [tenant.name for tenant in left[:_NAMED_TENANTS]]
        more = len(left) - _NAMED_TENANTS
        return listed([*names, f"{counted(more, 'more tenant')}"] if more > 0 else names)

    def _row(self, environment: Environment, *, tenant: Tenant | None) -> Row:
        plan = self.planner.plan(environment=environment, tenant=tenant)
        step = plan.steps[0]
        problem = _worst(plan)
        kind, words = _verdict(step, problem)
        return Row(
            environment=environment,
            pool_id=step.pool_id,
            pool_name=step.pool_name,
            pool_url=reverse("pool_detail", args=[self.slugs[step.pool_id]])
            if step.pool_id in self.slugs
            else "",
            capacity=step.capacity,
            kind=kind,
            words=words,
            details=problem.message if problem else step.why.sentence if step.why else "",
            fix=self._fix(problem),
        )

    def _fix(self, problem: Problem | None) -> Fix | None:
        if problem is None or problem.fix is None or problem.code is ProblemCode.POOL_FULL:
            return None
        owner = self.session.owner
        return fix_for(problem.fix, project=owner.project, process_url=owner.url, pool_slugs=self.slugs)


def _worst(plan: RunPlan) -> Problem | None:
    found = [problem for problem in plan.problems if problem.code in _WORDS]
    return next((one for one in found if one.severity is Severity.ERROR), found[0] if found else None)


def _verdict(step: PlannedStep, problem: Problem | None) -> tuple[str, str]:
    capacity = step.capacity
    if problem is None:
        return ("ok", _online(capacity)) if capacity else ("ok", "")
    words = _WORDS[problem.code]
    if problem.code is ProblemCode.POOL_FULL and capacity:
        words = f"{words}, {capacity.slots_total} of {counted(capacity.slots_total, 'slot')} busy"
    elif problem.code is ProblemCode.NO_AVAILABLE_WORKER and capacity and capacity.reason:
        words = f"{words}: {capacity.reason}"
    return "bad" if problem.severity is Severity.ERROR else "warn", words


def _online(capacity: PoolCapacity) -> str:
    words = f"{capacity.workers_available} of {counted(capacity.workers_total, 'worker')} online"
    back = capacity.workers_returning
    return f"{words}, {back} reconnecting" if back else words


def _tenants_of(project: Project) -> list[Tenant]:
    """Those that are connected to the project; all of the space as long as none is."""
    tenants = Tenant.objects.in_space(project.space).prefetch_related("tags__tag_set")
    connected = list(tenants.filter(project_links__project=project).distinct())
    return connected or list(tenants)


def _tags(tenant: Tenant) -> frozenset[str]:
    return frozenset(tag.canonical_name for tag in tenant.tags.all())
