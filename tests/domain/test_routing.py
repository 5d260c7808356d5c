from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.plans import PoolCapacity, PoolInfo
from domain.routing import SOME_TENANT, Ground, State, TenantFacts, matrix, moved
from domain.scopes import Context, Kind, Scope
from domain.variables import Candidate, VariableType, resolve
from tests.domain.strategies import scopes

DEV, PROD = "1", "2"
EU, US, GOLD = "Region/EU", "Region/US", "Tier/Gold"
POOLS = {id: PoolInfo(id, f"Pool {id}") for id in ("10", "11", "12")}
STAFFED = PoolCapacity(1, 1, 2, 2)
EMPTY = PoolCapacity(0, 0, 0, 0)
GROUND = Ground(
    environments=(DEV, PROD),
    tag_sets={"Region": (EU, US), "Tier": (GOLD, "Tier/Free")},
    tenants=(),
    pools=POOLS,
    capacity={"10": STAFFED, "11": EMPTY, "12": STAFFED},
    names={},
)
BASE = Context(process="deployment")


def pool(id, scope=None, *, type=VariableType.WORKER_POOL):
    return Candidate(f"value {id} {scope}", "Project.WorkerPool", type, id, Scope.of(scope or {}))


def laid(*values, ground=GROUND, base=BASE):
    return matrix("project.workerpool", values, base=base, ground=ground)


def table(found):
    return [
        [(cell.route.state.value, cell.route.pool and cell.route.pool.id) for cell in row]
        for row in found.rows
    ]


def test_without_tags_there_is_one_column_and_a_gap_where_no_value_applies():
    found = laid(pool("10", {Kind.ENVIRONMENT: [DEV]}))
    assert found.tags == ("",)
    assert table(found) == [[("pool", "10")], [("gap", None)]]
    assert (found.count(State.GAP), found.count(State.TIE), found.unstaffed) == (1, 0, 0)


def test_all_tags_of_a_set_that_a_value_names_are_columns():
    found = laid(pool("10"), pool("12", {Kind.TENANT_TAG: [EU]}))
    assert found.tags == ("", EU, US)
    assert table(found) == [[("pool", "10"), ("pool", "12"), ("pool", "10")]] * 2


def test_a_value_for_one_tag_alone_leaves_gaps_beside_it():
    found = laid(pool("12", {Kind.TENANT_TAG: [EU]}))
    assert table(found)[0] == [("gap", None), ("pool", "12"), ("gap", None)]
    assert found.rows[0][0].route.why[0].result == "This run has no tenant"
    assert found.rows[0][2].route.why[0].result == "Other tenant tag"


def test_a_project_for_tenants_only_has_no_run_without_one():
    found = laid(pool("12", {Kind.TENANT_TAG: [EU]}), ground=replace(GROUND, has_untenanted=False))
    assert found.rows[0][0].route.why[0].result == "Other tenant tag"


def test_pools_without_a_live_worker_and_values_that_are_no_pool_are_told():
    found = laid(
        pool("11", {Kind.ENVIRONMENT: [DEV]}),
        pool("99", {Kind.ENVIRONMENT: [PROD], Kind.PROCESS: ["deployment"]}),
    )
    assert table(found) == [[("pool", "11")], [("no-pool", None)]]
    assert found.unstaffed == 1
    assert found.count(State.NO_POOL) == 1
    assert laid(pool("10", type=VariableType.STRING)).count(State.NO_POOL) == 2


def test_ties_name_the_pools():
    found = laid(pool("10", {Kind.ENVIRONMENT: [DEV]}), pool("12", {Kind.ENVIRONMENT: [DEV, PROD]}))
    assert found.rows[0][0].route.tied == ("Pool 10", "Pool 12")
    assert table(found) == [[("tie", None)], [("pool", "12")]]


def test_tenants_that_go_elsewhere_are_named_in_their_cells():
    tenants = (
        TenantFacts("1", "Acme", frozenset({EU}), frozenset({DEV, PROD})),
        TenantFacts("2", "Both", frozenset({EU, GOLD}), frozenset({PROD})),
        TenantFacts("3", "Plain", frozenset(), frozenset({PROD})),
    )
    found = laid(
        pool("10"),
        pool("12", {Kind.TENANT_TAG: [EU]}),
        pool("11", {Kind.TENANT_TAG: [GOLD]}),
        pool("12", {Kind.TENANT: ["3"]}),
        ground=replace(GROUND, tenants=tenants),
    )
    production = {cell.tag: cell for cell in found.rows[1]}
    [tied] = production[EU].deviations
    assert (tied.route.state, tied.tenants) == (State.TIE, ("Both",))
    assert production[GOLD].deviations == production[EU].deviations
    [named] = production[""].deviations
    assert (named.route.pool.id, named.tenants) == ("12", ("Plain",))
    assert not any(cell.deviations for cell in found.rows[0])
    assert found.count(State.TIE) == 2


def test_the_step_and_the_process_count():
    values = (pool("10"), pool("12", {Kind.ACTION: ["7"]}))
    assert table(laid(*values, base=Context(process="deployment", action="7")))[0] == [("pool", "12")]
    assert table(laid(*values))[0] == [("pool", "10")]


values_of_pools = st.builds(
    Candidate,
    id=st.just("1"),
    name=st.sampled_from(["Pool", "pool", "Host"]),
    type=st.sampled_from([VariableType.WORKER_POOL, VariableType.STRING]),
    value=st.sampled_from(["10", "11", "99"]),
    scope=scopes,
)


@given(st.lists(values_of_pools, max_size=4), st.permutations([DEV, PROD]))
def test_each_cell_is_what_the_resolver_says(values, environments):
    found = matrix("Pool", values, base=BASE, ground=replace(GROUND, environments=environments))
    for row in found.rows:
        for cell in row:
            tags = frozenset({cell.tag}) if cell.tag else frozenset()
            place = replace(
                BASE, environment=cell.environment, tenant=SOME_TENANT if tags else None, tenant_tags=tags
            )
            resolution = resolve("Pool", values, place)
            assert (cell.route.state is State.TIE) == bool(resolution.tie)
            assert (cell.route.state is State.GAP) == (not resolution.tie and resolution.winner is None)
            if cell.route.pool:
                assert cell.route.pool.id == resolution.winner.value


TENANTS = (
    TenantFacts("7", "Acme", frozenset({EU}), frozenset({PROD})),
    TenantFacts("8", "Globex", frozenset({EU}), frozenset({PROD})),
    TenantFacts("9", "Initech", frozenset({US}), frozenset({DEV, PROD})),
)
CONNECTED = replace(GROUND, tenants=TENANTS)


def moves(before, after):
    found = moved("Project.WorkerPool", before, after, base=BASE, ground=CONNECTED)
    return [(one.environment, one.tenants, one.before.target[1], one.after.target[1]) for one in found]


def test_what_a_change_sends_elsewhere():
    before = [pool("10"), pool("11", {Kind.TENANT_TAG: [EU]})]
    after = [pool("10"), pool("12", {Kind.TENANT_TAG: [EU]})]
    assert moves(before, after) == [(PROD, ("Acme", "Globex"), "11", "12")]
    assert moves(before, [pool("10")]) == [(PROD, ("Acme", "Globex"), "11", "10")]


def test_a_value_that_goes_leaves_no_pool():
    assert moves([pool("10", {Kind.ENVIRONMENT: [DEV]})], []) == [
        (DEV, (), "10", ""),
        (DEV, ("Initech",), "10", ""),
    ]


pool_values = st.lists(st.builds(pool, st.sampled_from(["10", "11", "12"]), scopes), max_size=3)


@given(pool_values, pool_values)
def test_a_move_is_a_difference_and_every_difference_is_a_move(before, after):
    assert moves(before, before) == []
    assert moves(before, before[::-1]) == []
    there, back = moves(before, after), moves(after, before)
    assert sorted((e, who, b, a) for e, who, a, b in there) == sorted(back)
    for environment, tenants, old, new in there:
        assert old != new or old == ""
        assert tenants or GROUND.has_untenanted
        assert environment in GROUND.environments
