"""Values that somebody supplies for a run, within the text of a script: the editor says it, or refuses it."""

from __future__ import annotations

import pytest

from domain.processes import SCRIPT_BODY, SCRIPT_SYNTAX
from domain.prompts import Prompt
from processes.models import Action
from processes.saving import SaveRefused
from processes.services import processes
from processes.services.steps import StepFields
from projects import pasting
from projects.services import project_variables
from tests.processes.test_editor import form
from tests.projects import scenarios
from tests.variables.test_pages import save as save_rows
from variables.services import templates
from variables.services.rows import Row

pytestmark = pytest.mark.django_db
STEP = "/projects/orders/process/steps/use/"


@pytest.fixture
def asking(space, default_pool):
    """A project that asks for Size when a run starts, tenants for Host, and has a text that holds Size."""
    made = scenarios.project(space, name="Orders")
    own = project_variables.variable_set_of(made)
    save_rows(own, Row(name="Size", prompt=Prompt()), Row(name="Through", value="x-#{Size}"), Row(name="Own"))
    templates.save(own, name="Host", ask=Prompt())
    return made


def fields(script: str) -> StepFields:
    return StepFields("Use", properties={SCRIPT_BODY: script, SCRIPT_SYNTAX: "Bash"})


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("echo #{Size}", ("Size",)),
        ("echo #{Host | ToUpper}", ("Host",)),
        ("echo #{Through}", ("Size",)),
        ("echo #{Own} ##{Size} $(get_octopusvariable Size)", ()),
        ("#{if Size}x#{/if}", ("Size",)),
    ],
)
def test_what_gets_into_a_script(asking, script, names):
    assert pasting.pasted(asking, fields(script)) == names


def test_a_project_that_forbids_it_refuses_when_a_step_is_saved(asking):
    asking.refuses_pasted = True
    asking.save()
    process = scenarios.process_of(asking)
    with pytest.raises(SaveRefused, match=r"does not allow #.Size"):
        processes.add_step(process=process, version=process.version, fields=fields("echo #{Size}"))
    runbook = scenarios.process_of(scenarios.runbook(asking))
    with pytest.raises(SaveRefused):
        processes.add_step(process=runbook, version=runbook.version, fields=fields("echo #{Host}"))
    process.refresh_from_db()
    processes.add_step(process=process, version=process.version, fields=fields("echo #{Own}"))


def test_a_step_that_was_there_before_may_be_changed_elsewhere(asking):
    scenarios.add_step(asking, "Use", script="echo #{Size}")
    asking.refuses_pasted = True
    asking.save()
    scenarios.add_step(asking, "Another", script="true")
    process = scenarios.process_of(asking)
    processes.reorder(
        process=process, version=process.version, step_ids=[*process.steps.values_list("pk", flat=True)][::-1]
    )


def test_the_editor_warns_and_rewrites_with_one_press(asking, as_user, editor):
    scenarios.add_step(asking, "Use", script='echo "#{Size}"')
    client, process = as_user(editor), scenarios.process_of(asking)
    page = client.get(STEP).text
    assert "whoever starts a run" in page
    assert 'value="safe"' in page

    posted = form(process, name="Use", script='echo "#{Size}"', act="safe")
    page = client.post(STEP, posted).text

    assert "$(get_octopusvariable &quot;Size&quot;)" in page
    assert 'value="safe"' not in page
    assert Action.objects.get().properties[SCRIPT_BODY] == 'echo "#{Size}"'


def test_what_a_person_has_to_rewrite_is_said(asking, as_user, editor):
    scenarios.add_step(asking, "Use", script="echo #{Size | ToUpper}")
    page = as_user(editor).get(STEP).text
    assert "whoever starts a run" in page
    assert 'value="safe"' not in page


def test_the_editor_says_why_it_is_not_saved(asking, as_user, editor):
    scenarios.add_step(asking, "Use", script="true")
    asking.refuses_pasted = True
    asking.save()
    process = scenarios.process_of(asking)
    answer = as_user(editor).post(STEP, form(process, name="Use", script="echo #{Size}"))
    assert answer.status_code == 422
    assert "does not allow #{Size}" in answer.text
    assert f'name="version" value="{process.version}"' in answer.text
