"""What tenants are asked for, and how their values stand among all others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.planning import ProblemCode, plan
from domain.prompts import Control, Prompt
from domain.scopes import Context, Kind, Scope
from domain.tenant_values import (
    Template,
    missing_problems,
    objection,
    template_objection,
    values_for,
)
from domain.variables import Candidate, Origin, Source, VariableType, resolve, resolve_all
from tests.domain.strategies import candidates
from tests.domain.test_planning import NAMES, POOL_VALUES, POOLS, action, process

ACME = Context(environment="prod", tenant="acme", process="deployment", action="a1")


def template(id="1", name="Host", *, control=Control.SINGLE_LINE, default="", library="", options=""):
    return Template(id, name, Prompt(required=True, control=control, options=options), default, library)


def value(text, scope=None, *, source=Source.PROJECT, name="Host"):
    return Candidate(f"v-{text}", name, VariableType.STRING, text, Scope.of(scope or {}), source)


def found(*templates, given=None, environment="prod", labels=None):
    return values_for(templates, given or {}, tenant="acme", environment=environment, labels=labels or {})


def winner(*values, context=ACME, name="Host"):
    best = resolve(name, values, context).winner
    return best.value if best else None


class TestRank:
    def test_a_value_of_a_project_template_counts_as_one_for_the_tenant_in_the_environment(self):
        (one,) = found(template(), given={"1": "acme.db"}).candidates
        assert one.scope == Scope.of({Kind.TENANT: ["acme"], Kind.ENVIRONMENT: ["prod"]})
        assert (one.source, one.origin) == (Source.PROJECT, Origin.TENANT)

    def test_a_value_of_a_library_template_counts_as_one_for_the_tenant(self):
        (one,) = found(template(library="Shared"), given={"1": "acme.db"}).candidates
        assert one.scope == Scope.of({Kind.TENANT: ["acme"]})
        assert (one.source, one.library) == (Source.LIBRARY, "Shared")

    @pytest.mark.parametrize(
        ("scope", "wins"),
        [
            ({}, False),
            ({Kind.ENVIRONMENT: ["prod"]}, False),
            ({Kind.TENANT_TAG: ["Region/EU"], Kind.ENVIRONMENT: ["prod"]}, False),
            ({Kind.TENANT: ["acme"]}, False),
            ({Kind.ACTION: ["a1"]}, True),
            ({Kind.TENANT: ["acme"], Kind.TENANT_TAG: ["Region/EU"]}, True),
        ],
    )
    def test_which_values_of_the_project_go_before_it(self, scope, wins):
        context = Context(
            environment="prod", tenant="acme", tenant_tags=frozenset(["Region/EU"]), action="a1"
        )
        (given_one,) = found(template(), given={"1": "tenant"}).candidates
        assert winner(value("project", scope), given_one, context=context) == (
            "project" if wins else "tenant"
        )

    def test_the_projects_value_of_equal_rank_goes_before_one_of_a_library_template(self):
        (common,) = found(template(library="Shared"), given={"1": "common"}).candidates
        assert winner(common, value("project", {Kind.TENANT: ["acme"]})) == "project"

    def test_a_value_of_equal_rank_in_the_project_ties_and_nothing_decides(self):
        (own,) = found(template(), given={"1": "tenant"}).candidates
        same = value("project", {Kind.TENANT: ["acme"], Kind.ENVIRONMENT: ["prod"]})
        assert len(resolve("Host", [own, same], ACME).tie) == 2

    def test_a_project_template_goes_before_a_library_template_of_the_same_name(self):
        values = found(template("1", library="Shared"), template("2"), given={"1": "common", "2": "own"})
        assert winner(*values.candidates) == "own"


class TestMissing:
    def test_neither_a_value_nor_a_default(self):
        values = found(template("1", "Host"), template("2", "Port", default="5432"))
        assert [one.name for one in values.missing] == ["Host"]
        assert [(one.value, one.origin) for one in values.candidates] == [("5432", Origin.DEFAULT)]

    def test_a_box_that_nobody_ticked_is_not_missing(self):
        values = found(template(control=Control.CHECKBOX))
        assert ([one.value for one in values.candidates], values.missing) == (["False"], ())

    def test_a_run_is_refused_with_the_names(self):
        result = plan(
            process=process(action()),
            candidates=POOL_VALUES,
            context=Context(environment="prod", tenant="acme", process="runbook:5"),
            pools=POOLS,
            capacity={},
            names=NAMES,
            missing=[template("1", "Host"), template("2", "Port")],
        )
        (problem,) = [one for one in result.problems if one.code is ProblemCode.MISSING_TENANT_VALUE]
        assert problem.message.startswith("Host and Port have no value for Acme.")
        assert not result.can_start

    def test_nothing_missing_is_no_problem(self):
        assert list(missing_problems((), tenant="Acme", id="1")) == []


class TestWhy:
    def test_the_reason_says_that_the_tenant_gave_it(self):
        resolution = resolve("Host", found(template(), given={"1": "x"}).candidates, ACME)
        assert resolution.verdicts[0].sentence == "Used. Tenant and environment match. Given for the tenant"

    def test_the_reason_says_that_it_is_the_default(self):
        resolution = resolve("Host", found(template(default="x", library="Shared")).candidates, ACME)
        assert "so the default of the template is used" in resolution.verdicts[0].sentence

    def test_a_pool_has_its_name(self):
        asked = template(control=Control.WORKER_POOL)
        (one,) = found(asked, given={"1": "7"}, labels={"7": "EU"}).candidates
        assert (one.type, one.shown) == (VariableType.WORKER_POOL, "EU")


class TestObjections:
    @pytest.mark.parametrize(
        ("asked", "text", "part"),
        [
            (template(control=Control.SENSITIVE), "abc", "at least 4 characters"),
            (template(control=Control.WORKER_POOL), "9", "worker pool of this space"),
            (template(control=Control.CHECKBOX), "yes", "True or False"),
            (template(control=Control.SELECT, options="a|A\nb"), "c", "one of the choices"),
        ],
    )
    def test_what_cannot_be_given(self, asked, text, part):
        assert part in (objection(asked, text, pools=["1"]) or "")

    @pytest.mark.parametrize(
        ("asked", "text"),
        [
            (template(), "anything"),
            (template(control=Control.SENSITIVE), ""),
            (template(control=Control.WORKER_POOL), "1"),
            (template(control=Control.SELECT, options="a|A\nb"), "b"),
        ],
    )
    def test_what_can_be_given(self, asked, text):
        assert objection(asked, text, pools=["1"]) is None

    def test_templates_that_cannot_be(self):
        assert template_objection(template(name="#{x}"))[0] == "name"
        assert template_objection(template(control=Control.SELECT))[0] == "options"
        assert template_objection(template()) is None


names = st.sampled_from(["Host", "Pool", "Port"])
asked = st.lists(
    st.builds(
        template,
        id=st.sampled_from(list("123")),
        name=names,
        default=st.sampled_from(["", "d"]),
        library=st.sampled_from(["", "Shared"]),
    ),
    max_size=3,
    unique_by=lambda one: one.id,
)
answers = st.dictionaries(st.sampled_from(list("123")), st.sampled_from(["", "x", "y"]))


@given(asked, answers)
def test_every_template_has_a_value_or_is_missing(some, given_values):
    values = found(*some, given=given_values)
    assert len(values.candidates) + len(values.missing) == len(some)
    assert all(one.value for one in values.candidates)


@given(asked, answers, st.lists(candidates, max_size=4))
def test_other_names_are_decided_as_without_tenants(some, given_values, others):
    values = found(*some, given=given_values).candidates
    mine = {one.name.casefold() for one in values}
    before = resolve_all(others, ACME)
    after = resolve_all([*others, *values], ACME)
    for name, resolution in before.items():
        if name.casefold() not in mine:
            assert after[name].winner == resolution.winner


@given(asked, answers)
def test_a_tenant_value_applies_in_its_own_place_alone(some, given_values):
    values = found(*some, given=given_values).candidates
    for context in (Context(environment="prod"), Context(environment="prod", tenant="other")):
        assert all(one.winner is None for one in resolve_all(values, context).values())
