import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.scopes import UNSCOPED, Context, Kind, Scope, matches, rank
from domain.variables import (
    Candidate,
    Outcome,
    Source,
    VariableType,
    resolve,
    resolve_all,
    validate_name,
    validate_scope,
    validate_value,
)
from tests.domain.strategies import candidates, contexts

PRODUCTION = {Kind.ENVIRONMENT: ["prod"]}


def value(id, scope=None, *, name="Project.WorkerPool", source=Source.PROJECT, type=VariableType.STRING):
    return Candidate(id, name, type, f"value {id}", Scope.of(scope or {}), source)


def sentences(resolution):
    return [verdict.sentence for verdict in resolution.verdicts]


def test_the_most_specific_value_wins_and_each_other_says_why_not():
    values = [
        value("1", PRODUCTION),
        value("2", {**PRODUCTION, Kind.TENANT_TAG: ["Region/EU"]}),
        value("3", {Kind.ENVIRONMENT: ["staging"]}),
        value("4"),
    ]
    resolution = resolve("project.workerpool", values, Context(environment="prod"))
    assert resolution.winner is values[0]
    assert resolution.matching == 2
    assert sentences(resolution) == [
        "Used. Exact environment",
        "This run has no tenant",
        "Other environment",
        "Less specific: the value used also names the environment",
    ]
    lost = resolution.verdicts[3]
    assert (lost.outcome, lost.kind, lost.against) == (Outcome.LOST, Kind.ENVIRONMENT, values[0])


def test_a_tenant_tag_with_the_environment_beats_the_environment_alone():
    values = [value("1", PRODUCTION), value("2", {**PRODUCTION, Kind.TENANT_TAG: ["Region/EU"]})]
    context = Context(environment="prod", tenant="acme", tenant_tags=frozenset({"Region/EU"}))
    assert sentences(resolve("Project.WorkerPool", values, context)) == [
        "Less specific: the value used also names the tenant tag",
        "Used. Tenant tag and environment match",
    ]


def test_an_unscoped_value_is_used_where_nothing_else_is():
    assert sentences(resolve("Project.WorkerPool", [value("1")], Context())) == ["Used. Applies everywhere"]


def test_a_project_value_beats_a_library_value_of_the_same_rank_only():
    library = value("1", PRODUCTION, source=Source.LIBRARY)
    project = value("2", PRODUCTION)
    unscoped = value("3")
    context = Context(environment="prod")
    resolution = resolve("Project.WorkerPool", [library, project], context)
    assert resolution.winner is project
    assert sentences(resolution)[0] == "The project's own value goes before this one"
    assert resolve("Project.WorkerPool", [library, unscoped], context).winner is library


def test_a_tie_has_no_winner():
    values = [value("1", PRODUCTION), value("2", PRODUCTION), value("3")]
    resolution = resolve("Project.WorkerPool", values, Context(environment="prod"))
    assert resolution.winner is None
    assert resolution.tie == (values[0], values[1])
    assert [verdict.outcome for verdict in resolution.verdicts] == [Outcome.TIED, Outcome.TIED, Outcome.LOST]


def test_an_unknown_name_has_no_verdicts():
    resolution = resolve("Nothing", [value("1")], Context())
    assert (resolution.winner, resolution.verdicts, resolution.tie) == (None, (), ())


def test_names_ignore_case_and_keep_their_first_spelling():
    values = [value("1", name="Database.Host"), value("2", PRODUCTION, name="database.host")]
    resolutions = resolve_all(values, Context(environment="prod"))
    assert list(resolutions) == ["Database.Host"]
    assert resolutions["Database.Host"].winner is values[1]


@given(st.lists(candidates, max_size=6), contexts)
def test_the_winner_is_the_only_best_of_those_that_match(values, context):
    for name, resolution in resolve_all(values, context).items():
        own = [one for one in values if one.name.lower() == name.lower()]
        fitting = [one for one in own if matches(one.scope, context) is None]
        assert [verdict.candidate for verdict in resolution.verdicts] == own
        assert resolution.matching == len(fitting)
        assert (resolution.winner is None) == (not fitting or len(resolution.tie) > 1)
        for best in (resolution.winner, *resolution.tie):
            assert best is None or all(rank(best.scope) >= rank(one.scope) for one in fitting)


@given(st.lists(candidates, max_size=6), contexts)
def test_no_explanation_shows_a_sensitive_value(values, context):
    secret = "p4ssw0rd-in-plain"
    hidden = [Candidate(one.id, one.name, VariableType.SENSITIVE, secret, one.scope) for one in values]
    for resolution in resolve_all(hidden, context).values():
        assert secret not in repr(resolution)
        assert all(secret not in verdict.sentence for verdict in resolution.verdicts)
        assert all(secret not in verdict.candidate.shown for verdict in resolution.verdicts)


@given(st.lists(candidates, max_size=6), contexts, st.randoms())
def test_the_order_of_the_values_does_not_matter(values, context, random):
    shuffled = random.sample(values, len(values))

    one, other = resolve("Host", values, context), resolve("Host", shuffled, context)

    assert _identity(one) == _identity(other)


@given(st.lists(candidates, max_size=6), contexts, candidates)
def test_a_value_that_does_not_match_changes_nothing(values, context, added):
    assume(matches(added.scope, context) is not None)

    before, after = resolve("Host", values, context), resolve("Host", [*values, added], context)

    assert (after.winner, after.tie) == (before.winner, before.tie)
    assert after.verdicts[: len(before.verdicts)] == before.verdicts


EVERYTHING = Context(
    environment="1",
    tenant="1",
    tenant_tags=frozenset({"1"}),
    process="1",
    action="1",
    channel="1",
    machine="1",
    roles=frozenset({"1"}),
    targeted_roles=frozenset({"1"}),
)


@given(st.lists(candidates, max_size=5), st.sets(st.sampled_from(list(Kind)), min_size=1), st.data())
def test_a_value_that_names_one_more_matching_kind_wins(others, kinds, data):
    further = data.draw(st.sampled_from(sorted(kinds)))
    wider = Candidate("wide", "Host", VariableType.STRING, "", _scope_of(kinds - {further}))
    narrower = Candidate("narrow", "Host", VariableType.STRING, "", _scope_of(kinds))

    assert resolve("Host", [wider, narrower], EVERYTHING).winner is narrower
    best = resolve("Host", [*others, wider, narrower], EVERYTHING)
    assert best.winner is not wider
    assert wider not in best.tie


def _scope_of(kinds):
    return Scope.of({kind: ["1"] for kind in kinds})


@given(st.lists(candidates, max_size=6), contexts)
def test_every_value_is_judged_and_every_loser_knows_who_won(values, context):
    for resolution in resolve_all(values, context).values():
        for verdict in resolution.verdicts:
            assert verdict.sentence
            assert (verdict.outcome is Outcome.LOST) == (verdict.against is not None)


def _identity(resolution):
    tied = sorted(repr(one) for one in resolution.tie)
    return (
        repr(resolution.winner),
        tied,
        sorted(repr(one) for one in resolution.verdicts if not resolution.tie),
    )


def test_the_reason_names_the_tag_that_the_step_names():
    context = Context(roles=frozenset({"db", "linux"}), targeted_roles=frozenset({"db"}))
    used = value("1", Scope.of({Kind.ROLE: ["db"]}))
    lost = value("2", Scope.of({Kind.ROLE: ["linux"]}))

    found = resolve(used.name, [used, lost], context)

    assert found.winner is used
    assert "names a target tag that the step names too" in found.verdicts[1].sentence


def test_a_worker_pool_cannot_depend_on_a_target():
    scope = Scope.of({Kind.MACHINE: ["1"], Kind.ROLE: ["db"], Kind.ENVIRONMENT: ["prod"]})
    found = validate_scope(VariableType.WORKER_POOL, scope)
    assert [problem.kind for problem in found] == [Kind.MACHINE, Kind.ROLE]
    assert "before a deployment target is known" in found[0].message
    assert validate_scope(VariableType.STRING, scope) == ()
    assert validate_scope(VariableType.WORKER_POOL, UNSCOPED) == ()


@pytest.mark.parametrize("name", ["Project.WorkerPool", "My name-1_x", "A[b].C", "a/b~(c)"])
def test_good_names(name):
    assert validate_name(name) is None


@pytest.mark.parametrize("name", ["", "  ", " A", "A ", "A{b}", "A#b", "A|b", "A\nb"])
def test_names_that_no_template_could_refer_to_are_refused(name):
    assert validate_name(name)


def test_a_secret_too_short_to_mask_is_refused():
    assert "at least 4" in validate_value(VariableType.SENSITIVE, "abc")
    assert validate_value(VariableType.SENSITIVE, "abcd") is None
    assert validate_value(VariableType.SENSITIVE, "") is None
    assert validate_value(VariableType.STRING, "a") is None
    assert validate_value(VariableType.WORKER_POOL, "")
