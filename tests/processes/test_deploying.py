"""The forms of steps that deploy or transfer a package, and what a plan says of them."""

from __future__ import annotations

import pytest
from django.urls import reverse

from domain.package_references import PackageReference, references_of, written
from domain.plan_packages import PackageChoices
from domain.planning import plan
from domain.processes import ActionDef, ProcessDef, StepDef
from domain.step_types.deploying import (
    DEPLOY_ACTION,
    DIRECTORY,
    FILES,
    KEEP,
    PURGE,
    SCRIPTS,
    TRANSFER_ACTION,
    TRANSFER_PATH,
)
from pools.models import WorkerPool
from processes.services.steps import action_of
from tests.domain.test_planning import DEFAULT, FREE, IN_PRODUCTION, NAMES
from tests.projects import scenarios
from workers.selectors.capacity import tools_in

OWN = written([PackageReference("", "Acme.Web")])


def planned(action_type: str, properties: dict[str, str]):
    action = ActionDef("a1", "Step", action_type=action_type, properties=properties)
    return plan(
        process=ProcessDef((StepDef("s1", "Step", 1, (action,)),)),
        candidates=[],
        context=IN_PRODUCTION,
        pools={DEFAULT.id: DEFAULT},
        capacity={DEFAULT.id: FREE},
        names=NAMES,
        packages=PackageChoices(newest={"acme.web": "1.0"}),
    )


def test_a_worker_has_to_have_what_the_step_uses():
    plain = planned(DEPLOY_ACTION, OWN)
    full = planned(DEPLOY_ACTION, {**OWN, FILES: "*.json", f"{SCRIPTS}Deploy.py": "print(1)"})

    assert plain.steps[0].needs == ("step-programs",)
    assert full.steps[0].needs == ("step-programs", "python", "python-3.11")
    assert "python-3.11" in tools_in({"python": "3.12.1"})
    assert "python-3.11" not in tools_in({"python": "3.9.18"})


@pytest.mark.parametrize(
    ("action_type", "properties", "words"),
    [
        (DEPLOY_ACTION, {}, "deploys a package, but names none."),
        (DEPLOY_ACTION, {**OWN, KEEP: "many"}, "is not a whole number"),
        (TRANSFER_ACTION, {TRANSFER_PATH: "/srv"}, "transfers a package, but names none."),
        (TRANSFER_ACTION, OWN, "does not say into which folder."),
    ],
)
def test_what_lacks_stops_the_plan(action_type, properties, words):
    result = planned(action_type, properties)

    assert not result.can_start
    assert [one for one in result.problems if words in one.message]


@pytest.fixture
def runbook(space):
    WorkerPool.objects.get_or_create(space=space, name="Default", slug="default", is_default=True)
    return scenarios.runbook(scenarios.project(space))


def url(runbook, kind: str) -> str:
    return reverse("runbook_process", args=[runbook.project.slug, runbook.slug]) + f"new/{kind}/"


def sent(runbook, kind: str, **fields: str) -> dict[str, str]:
    return {
        "version": str(scenarios.process_of(runbook).version),
        "action_type": kind,
        "name": "Web",
        "is_enabled": "on",
        "location": "worker",
        "pool_choice": "specific",
        "syntax": "Bash",
        **fields,
    }


@pytest.mark.django_db
def test_a_deployment_is_entered_and_shown_again(as_user, editor, runbook):
    fields = {
        "package_id": "Acme.Web",
        "directory": "/srv/web",
        "purge": "on",
        "target_files": "conf/*.json\n\n  **/*.xml ",
        "keep": "3",
        "deploy": "echo hi",
    }

    response = as_user(editor).post(
        url(runbook, "deploy-a-package"), sent(runbook, "deploy-a-package", **fields)
    )

    assert response.status_code == 302, response.text
    step = scenarios.process_of(runbook).steps.get()
    stored = action_of(step).properties
    assert references_of(stored) == (PackageReference("", "Acme.Web"),)
    assert (stored[DIRECTORY], stored[PURGE], stored[KEEP]) == ("/srv/web", "True", "3")
    assert stored[FILES] == "conf/*.json\n**/*.xml"
    assert stored[f"{SCRIPTS}Deploy.sh"] == "echo hi"
    assert stored["Octopus.Action.EnabledFeatures"].count("Octopus.Features.") == 3
    page = as_user(editor).get(response["Location"]).text
    assert 'value="/srv/web"' in page
    assert "echo hi" in page


@pytest.mark.django_db
def test_a_transfer_is_entered_and_shown_again(as_user, editor, runbook):
    fields = {"package_id": "Acme.Web", "directory": "/srv/incoming"}
    kind = "transfer-a-package"

    response = as_user(editor).post(url(runbook, kind), sent(runbook, kind, **fields))

    assert response.status_code == 302, response.text
    assert 'value="/srv/incoming"' in as_user(editor).get(response["Location"]).text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("deploy-a-package", {}, "Enter the ID of the package that is deployed."),
        ("deploy-a-package", {"package_id": "A", "directory": "srv"}, "Enter an absolute path"),
        ("deploy-a-package", {"package_id": "A", "purge": "on"}, "that is to be emptied."),
        ("deploy-a-package", {"package_id": "A", "keep": "-1"}, "greater than or equal to 0"),
        ("transfer-a-package", {"package_id": "A"}, "Enter the folder that the file goes into."),
        ("transfer-a-package", {"directory": "/srv/x"}, "Enter the ID of the package that is transferred."),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(as_user, editor, runbook, kind, fields, words):
    response = as_user(editor).post(url(runbook, kind), sent(runbook, kind, **fields))

    assert response.status_code == 422
    assert words in response.text
