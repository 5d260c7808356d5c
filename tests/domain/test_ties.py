from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from domain.scopes import Context, Kind, Scope
from domain.variables import Candidate, Source, VariableType, find_ties, resolve_all

EU, US, GOLD = "Region/EU", "Region/US", "Tier/Gold"


def value(id, scope, *, name="Pool", source=Source.PROJECT):
    return Candidate(id, name, VariableType.STRING, id, Scope.of(scope), source)


def tied(first, second, tags=None):
    return bool(find_ties([value("1", first), value("2", second)], tags or {}))


def test_values_that_share_an_environment_tie_there():
    first = value("1", {Kind.ENVIRONMENT: ["dev", "test"]})
    second = value("2", {Kind.ENVIRONMENT: ["test", "prod"]}, name="POOL")
    (tie,) = find_ties([first, second], {})
    assert (tie.name, tie.first, tie.second) == ("Pool", first, second)
    assert tie.meeting == Scope.of({Kind.ENVIRONMENT: ["test"]})


def test_values_for_different_environments_do_not_tie():
    assert not tied({Kind.ENVIRONMENT: ["dev"]}, {Kind.ENVIRONMENT: ["prod"]})


def test_two_unscoped_values_tie():
    assert tied({}, {})


def test_all_kinds_have_to_meet():
    first = {Kind.ENVIRONMENT: ["prod"], Kind.PROCESS: ["deployment"]}
    second = {Kind.ENVIRONMENT: ["prod"], Kind.PROCESS: ["runbook:1"]}
    assert not tied(first, second)


def test_project_and_library_values_do_not_tie():
    assert not find_ties([value("1", {}), value("2", {}, source=Source.LIBRARY)], {})


def test_different_names_do_not_tie():
    assert not find_ties([value("1", {}), value("2", {}, name="Other")], {})


def test_tags_of_one_set_do_not_tie_while_no_tenant_has_both():
    tags = {"acme": frozenset({EU, GOLD}), "bolt": frozenset({US})}
    assert not tied({Kind.TENANT_TAG: [EU]}, {Kind.TENANT_TAG: [US]}, tags)


def test_different_tags_tie_in_a_tenant_that_has_both():
    tags = {"acme": frozenset({EU, GOLD}), "bolt": frozenset({US})}
    first, second = value("1", {Kind.TENANT_TAG: [EU]}), value("2", {Kind.TENANT_TAG: [GOLD]})
    (tie,) = find_ties([first, second], tags)
    assert tie.tenants == {"acme"}
    assert not tie.meeting


def test_a_shared_tag_ties_even_before_a_tenant_has_it():
    assert tied({Kind.TENANT_TAG: [EU, US]}, {Kind.TENANT_TAG: [EU]})


def test_different_tags_tie_only_in_a_tenant_that_both_values_name():
    tags = {"acme": frozenset({EU, GOLD})}
    first = {Kind.TENANT_TAG: [EU], Kind.TENANT: ["acme", "bolt"]}
    assert tied(first, {Kind.TENANT_TAG: [GOLD], Kind.TENANT: ["acme"]}, tags)
    assert not tied(first, {Kind.TENANT_TAG: [GOLD], Kind.TENANT: ["bolt"]}, tags)


ENVIRONMENTS, TENANTS, TAGS = ["e1", "e2"], ["t1", "t2"], ["A/1", "A/2", "B/1"]
small_scopes = st.fixed_dictionaries(
    {},
    optional={
        Kind.ENVIRONMENT: st.lists(st.sampled_from(ENVIRONMENTS), min_size=1),
        Kind.TENANT: st.lists(st.sampled_from(TENANTS), min_size=1),
        Kind.TENANT_TAG: st.lists(st.sampled_from(TAGS), min_size=1),
    },
)
tenant_tags = st.fixed_dictionaries({one: st.frozensets(st.sampled_from(TAGS)) for one in TENANTS})


@given(st.lists(small_scopes, min_size=2, max_size=4), tenant_tags)
def test_without_a_tie_when_saving_no_run_of_today_has_one(scopes, tags):
    values = [value(str(number), scope) for number, scope in enumerate(scopes)]
    found = {frozenset((tie.first.id, tie.second.id)) for tie in find_ties(values, tags)}
    for environment, tenant in product(ENVIRONMENTS, [*TENANTS, None]):
        own = tags[tenant] if tenant else frozenset()
        context = Context(environment=environment, tenant=tenant, tenant_tags=own)
        for resolution in resolve_all(values, context).values():
            pairs = {frozenset((a.id, b.id)) for a in resolution.tie for b in resolution.tie if a is not b}
            assert pairs <= found


@given(small_scopes, small_scopes)
def test_values_that_name_different_kinds_never_tie(first, second):
    if set(first) != set(second):
        assert not tied(first, second, {one: frozenset(TAGS) for one in TENANTS})
