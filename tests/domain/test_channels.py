from __future__ import annotations

import pytest

from domain.channels import (
    ChannelRule,
    RulePackage,
    has_tag,
    in_range,
    missing_packages,
    problem_with,
    refused_packages,
    refused_tenant,
)
from domain.plan_packages import ChosenPackage


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("1.0", ["1.0", "1.0.0", "2.3", "1.0.1-rc.1"], ["0.9", "1.0-beta"]),
        ("[1.0]", ["1.0", "1.0.0.0"], ["1.0.1", "1.0-rc"]),
        ("[1.0,2.0)", ["1.0", "1.9.9", "2.0-rc.1"], ["2.0", "0.9.9"]),
        ("(1.0,2.0]", ["1.0.1", "2.0"], ["1.0", "2.0.1"]),
        ("(,2.0)", ["0.0.1", "1.9"], ["2.0", "3"]),
        ("[2.0,)", ["2.0", "10.0"], ["1.99"]),
        ("", ["0", "99.1-x"], []),
    ],
)
def test_ranges_are_nugets(text, inside, outside) -> None:
    assert [one for one in inside if not in_range(one, text)] == []
    assert [one for one in outside if in_range(one, text)] == []


@pytest.mark.parametrize(
    "text", ["x", "(1.0)", "[1.0", "1.0]", "[]", "(,)", "[2.0,1.0]", "(1.0,1.0)", "[1,2,3]"]
)
def test_what_is_no_range_is_refused(text) -> None:
    assert "no range" in (problem_with(ChannelRule(text)) or "")
    assert not in_range("1.0", text)


def test_tags_are_looked_for_in_the_pre_release() -> None:
    assert has_tag("1.0-beta.2", "^beta")
    assert has_tag("1.0", "^$")
    assert not has_tag("1.0-rc", "^$")
    assert not has_tag("1.0", "beta")
    assert has_tag("1.0", "")


@pytest.mark.parametrize("pattern", ["(", "(a+)+", "(?:a|b)", "a*a*a*a*b", r"(a)\1", "x" * 101, "(a|a){9}"])
def test_patterns_that_may_take_for_ever_are_refused(pattern) -> None:
    assert problem_with(ChannelRule(tag=pattern))


@pytest.mark.parametrize("pattern", ["^$", "^(alpha|beta)", r"^beta\.[0-9]+$", "[(*+]", "rc.*"])
def test_usual_patterns_are_fine(pattern) -> None:
    assert problem_with(ChannelRule("[1.0,2.0)", pattern)) is None


def test_a_rule_is_about_its_packages_alone() -> None:
    rule = ChannelRule("[1.0,2.0)", "", (RulePackage("deploy WEB"),))
    web = ChosenPackage("7", "", "Acme.Web", "2.1.0", "Deploy web")
    other = ChosenPackage("7", "tools", "Acme.Tools", "9.0", "Deploy web")

    [(package, words)] = refused_packages([rule], [web, other])

    assert package is web
    assert words == ("Acme.Web 2.1.0 of Deploy web is not let in: the channel takes versions in [1.0,2.0).")


def test_tenants_need_a_tag_of_each_set() -> None:
    tags = ["Ring/Early", "Ring/Test", "Region/EU"]

    assert refused_tenant("Hotfix", tags, "Acme", frozenset({"Ring/Test", "Region/EU"})) is None
    assert refused_tenant("Hotfix", [], None, frozenset()) is None
    missing = refused_tenant("Hotfix", tags, "Acme", frozenset({"Ring/Test"}))
    assert missing == (
        "Releases in the channel Hotfix go to tenants with Region/EU, Ring/Early and Ring/Test: Acme has not."
    )
    assert "without a tenant" in (refused_tenant("Hotfix", tags, None, frozenset()) or "")


def test_a_rule_about_what_no_step_has_is_found() -> None:
    rule = ChannelRule("1.0", "", (RulePackage("Deploy web"), RulePackage("Deploy web", "Tools")))

    assert missing_packages([rule], [("DEPLOY web", "")]) == [RulePackage("Deploy web", "Tools")]
