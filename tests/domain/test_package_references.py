"""The packages of a step: read from its settings, planned, and what is told to be wrong."""

from __future__ import annotations

import pytest

from domain.package_references import (
    PACKAGE_ID,
    REFERENCES,
    BadReferences,
    PackageReference,
    known_names,
    references_of,
    written,
)
from domain.plan_differences import Shown, describe, differences
from domain.plan_packages import PackageChoices
from domain.planning import plan
from domain.plans import PlannedPackage, ProblemCode
from domain.processes import SCRIPT_BODY, ActionDef, ProcessDef, StepDef
from domain.script_sources import FILE_NAME, PARAMETERS, SCRIPT_SOURCE
from domain.system_variables import RunFacts, system_variables
from tests.domain.test_planning import DEFAULT, FREE, IN_PRODUCTION, NAMES

WEB = PackageReference("", "Acme.Web")
TOOLS = PackageReference("tools", "Acme.Tools", extract=False)


def planned(properties, **choices):
    action = ActionDef("a1", "Step", properties={SCRIPT_BODY: "true", **properties})
    return plan(
        process=ProcessDef((StepDef("s1", "Step", 1, (action,)),)),
        candidates=[],
        context=IN_PRODUCTION,
        pools={DEFAULT.id: DEFAULT},
        capacity={DEFAULT.id: FREE},
        names=NAMES,
        packages=PackageChoices(**choices),
    )


def test_what_is_written_is_read():
    assert references_of(written([TOOLS, WEB])) == (WEB, TOOLS)
    assert references_of({}) == ()
    assert written([]) == {}


@pytest.mark.parametrize(
    ("references", "words"),
    [
        ([PackageReference("", "no package")], "A package ID has letters"),
        ([PackageReference("..", "Acme.Web")], "The name of a package in a step"),
        ([PackageReference("a/b", "Acme.Web")], "The name of a package in a step"),
        (
            [PackageReference("a", "Acme.Web"), PackageReference("A", "Acme.Api")],
            "Two packages have the name A",
        ),
        ([PackageReference(f"n{n}", "Acme.Web") for n in range(30)], "at most 20 packages"),
    ],
)
def test_references_that_make_no_sense_are_refused(references, words):
    with pytest.raises(BadReferences, match=words):
        references_of(written(references))


@pytest.mark.parametrize(
    "text", ["{", "[1]", '[{"name": "a"}]', '[{"name": 1, "package_id": "A"}]', '{"a": 1}']
)
def test_what_cannot_be_read_is_said_in_the_plan(text):
    [problem] = planned({REFERENCES: text}).problems

    assert problem.code is ProblemCode.BAD_SETTING
    assert problem.message.startswith("The packages of step 1 make no sense.")


def test_a_draft_takes_the_newest_version_and_needs_step_programs():
    result = planned(written([WEB, TOOLS]), newest={"acme.web": "1.4", "acme.tools": "2.0"})

    assert result.can_start
    assert result.steps[0].packages == (
        PlannedPackage("", "Acme.Web", "1.4"),
        PlannedPackage("tools", "Acme.Tools", "2.0", extract=False),
    )
    assert result.steps[0].needs == ("bash", "step-programs")
    assert type(result).from_json(result.to_json()) == result


def test_a_release_takes_what_was_chosen_even_if_there_is_a_newer_one():
    result = planned(
        written([WEB]),
        newest={"acme.web": "2.0"},
        chosen={("a1", ""): "1.0"},
        present=frozenset({("acme.web", "1.0")}),
    )

    assert [one.version for one in result.steps[0].packages] == ["1.0"]


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({}, "needs the package Acme.Web, which nobody has pushed yet."),
        ({"chosen": {}}, "needs the package Acme.Web, for which no version was chosen."),
        (
            {"chosen": {("a1", ""): "1.0"}},
            "needs Acme.Web 1.0, which the built-in feed does not have any more.",
        ),
    ],
)
def test_a_package_that_is_missing_stops_the_plan(choices, words):
    result = planned(written([WEB]), **choices)

    assert not result.can_start
    assert [(one.code, one.message) for one in result.problems] == [
        (ProblemCode.MISSING_PACKAGE, f"Step 1 {words}")
    ]


def test_the_variables_of_packages_are_known_before_the_run():
    names = {"Octopus.Action.Package.PackageVersion", "Octopus.Action.Package[tools].PackageFilePath"}
    assert names < known_names(written([WEB, TOOLS]))
    script = " ".join(f"#{{{name}}}" for name in names)

    result = planned(
        {**written([WEB, TOOLS]), SCRIPT_BODY: script}, newest={"acme.web": "1", "acme.tools": "2"}
    )

    assert result.problems == ()
    values = system_variables(RunFacts(), result.steps[0])
    assert values["Octopus.Action.Package.PackageVersion"] == "1"
    assert values["Octopus.Action.Package[tools].PackageId"] == "Acme.Tools"


def test_a_newer_package_between_preview_and_start_is_told():
    before, after = (planned(written([WEB]), newest={"acme.web": version}) for version in ("1.0", "1.1"))
    shown, now = (
        Shown("The draft", "", (describe("p", "Production", one, fingerprint=str),))
        for one in (before, after)
    )

    assert [one.sentence for one in differences(shown, now)] == [
        "Step 1 Step gets Acme.Web 1.1 now (was Acme.Web 1.0)."
    ]


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({FILE_NAME: "run.sh"}, "has its script from a package, but names none."),
        ({PACKAGE_ID: "Acme.Web"}, "does not say which file of it."),
        ({PACKAGE_ID: "Acme.Web", FILE_NAME: "run.sh", PARAMETERS: 'a "b'}, "that is not closed."),
        ({PACKAGE_ID: "Acme.Web", FILE_NAME: "run.sh", SCRIPT_SOURCE: "Moon"}, "has its script from Moon"),
    ],
)
def test_a_script_from_a_package_says_which(properties, words):
    result = planned({SCRIPT_SOURCE: "Package", **properties}, newest={"acme.web": "1.0"})

    assert [one.message for one in result.problems if words in one.message]
    assert not result.can_start
