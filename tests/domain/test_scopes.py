import itertools
import json

import pytest
from hypothesis import given

from domain.scopes import STRENGTH, UNSCOPED, Context, Kind, Scope, UnknownScopeKind, matches, rank
from tests.domain.strategies import contexts, scopes

PRODUCTION = Scope.of({Kind.ENVIRONMENT: ["prod"]})


@pytest.mark.parametrize(
    ("scope", "context", "sentence"),
    [
        (UNSCOPED, Context(), None),
        (PRODUCTION, Context(environment="prod"), None),
        (PRODUCTION, Context(environment="dev"), "Other environment"),
        (PRODUCTION, Context(), "This run has no environment"),
        (Scope.of({Kind.TENANT: ["acme"]}), Context(), "This run has no tenant"),
        (Scope.of({Kind.TENANT: ["acme"]}), Context(tenant="bolt"), "Other tenant"),
        (Scope.of({Kind.TENANT_TAG: ["Region/EU"]}), Context(), "This run has no tenant"),
        (Scope.of({Kind.TENANT_TAG: ["Region/EU"]}), Context(tenant="acme"), "Other tenant tag"),
        (
            Scope.of({Kind.TENANT_TAG: ["Region/EU", "Region/US"]}),
            Context(tenant="acme", tenant_tags=frozenset({"Region/US", "Tier/Gold"})),
            None,
        ),
        (Scope.of({Kind.PROCESS: ["deployment"]}), Context(process="runbook:4"), "Other process"),
        (Scope.of({Kind.ACTION: ["7"]}), Context(action="8"), "Other step"),
        (Scope.of({Kind.ROLE: ["db"]}), Context(roles=frozenset({"db", "web"})), None),
        (
            Scope.of({Kind.CHANNEL: ["1"], Kind.PROCESS: ["runbook:4"]}),
            Context(process="runbook:4"),
            "This run has no channel",
        ),
    ],
)
def test_a_scope_matches_when_each_of_its_kinds_does(scope, context, sentence):
    mismatch = matches(scope, context)
    assert (mismatch and mismatch.sentence) == sentence


def test_the_environment_is_named_before_the_tenant_when_both_differ():
    scope = Scope.of({Kind.TENANT: ["acme"], Kind.ENVIRONMENT: ["dev"]})
    assert matches(scope, Context(environment="prod")).kind is Kind.ENVIRONMENT


def test_kinds_that_are_not_known_yet_can_be_left_out():
    scope = Scope.of({Kind.ACTION: ["7"], Kind.ENVIRONMENT: ["prod"]})
    context = Context(environment="prod")
    assert matches(scope, context) is not None
    assert matches(scope, context, ignoring=frozenset({Kind.ACTION})) is None


@given(scopes)
def test_a_scope_survives_json(scope):
    assert Scope.from_json(json.loads(json.dumps(scope.to_json()))) == scope


def test_equal_scopes_are_equal_however_they_were_built():
    one = Scope.of({Kind.TENANT: [], Kind.ENVIRONMENT: [2, 1]})
    other = Scope.from_json({"Environment": ["1", "2"]})
    assert one == other
    assert hash(one) == hash(other)
    assert list(one) == [Kind.ENVIRONMENT]


def test_an_unknown_kind_is_refused():
    with pytest.raises(UnknownScopeKind, match="Planet"):
        Scope.from_json({"Planet": ["1"]})


@given(scopes, contexts)
def test_adding_a_kind_never_makes_a_scope_match_more(scope, context):
    wider = Scope.of({kind: ids for kind, ids in scope.items() if kind is not Kind.ENVIRONMENT})
    if matches(scope, context) is None:
        assert matches(wider, context) is None


@given(scopes, scopes)
def test_equal_rank_means_the_same_kinds(one, other):
    assert (rank(one) == rank(other)) == (set(one) == set(other))


@pytest.mark.parametrize(("stronger", "weaker"), list(itertools.pairwise(STRENGTH)))
def test_each_kind_alone_beats_all_weaker_ones_together(stronger, weaker):
    after = STRENGTH[STRENGTH.index(weaker) :]
    assert rank(Scope.of({stronger: ["1"]})) > rank(Scope.of({kind: ["1"] for kind in after}))


@pytest.mark.parametrize("kind", list(Kind))
def test_any_scope_beats_none(kind):
    assert rank(Scope.of({kind: ["1"]})) > rank(UNSCOPED)


def test_a_further_kind_beats_the_same_kind_alone():
    tag = Scope.of({Kind.TENANT_TAG: ["Region/EU"]})
    tag_and_environment = Scope.of({Kind.TENANT_TAG: ["Region/EU"], Kind.ENVIRONMENT: ["prod"]})
    assert rank(tag_and_environment) > rank(tag)


def test_more_ids_of_a_kind_do_not_count():
    assert rank(Scope.of({Kind.TENANT_TAG: ["A/1", "A/2"]})) == rank(Scope.of({Kind.TENANT_TAG: ["A/1"]}))


def test_a_target_tag_that_the_step_names_beats_one_that_only_the_machine_has():
    targeted, other = Scope.of({Kind.ROLE: ["db"]}), Scope.of({Kind.ROLE: ["linux"], Kind.TENANT: ["1"]})
    context = Context(roles=frozenset({"db", "linux"}), targeted_roles=frozenset({"db"}), tenant="1")

    assert rank(targeted, context) > rank(other, context)
    assert rank(Scope.of({Kind.MACHINE: ["1"]}), context) > rank(targeted, context)
    assert rank(targeted) < rank(other)
