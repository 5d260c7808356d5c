"""A variable under another name everywhere, and values that leave the text of a script."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from domain.prompts import Prompt
from processes.models import Action
from projects.models import Project
from projects.services import project_variables
from tests.browser.conftest import World
from tests.harness import scenarios
from tests.harness.browser import aside, picture
from variables.models import Variable
from variables.services import variable_sets
from variables.services.rows import Row


def _project(world: World, name: str, *rows: Row) -> Project:
    made = scenarios.project(world.installation.space, name, routes={})
    own = project_variables.variable_set_of(made)
    variable_sets.save(variable_set=own, version=own.version, rows=rows)
    return made


def test_a_variable_is_renamed_with_its_uses(page: Page, world: World) -> None:
    rows = Row(name="Mail.Host", value="a"), Row(name="Mail.Url", value="smtp://#{Mail.Host}")
    project = aside(_project, world, "Renames", *rows)
    book = aside(scenarios.runbook, project, "Send", ["echo #{Mail.Host | ToUpper}"])
    page.goto(f"/projects/{project.slug}/variables/")
    page.get_by_role("link", name="used by 1 step").click()
    expect(page.get_by_role("table")).to_contain_text("Mail.Url")
    expect(page.get_by_role("table")).to_contain_text(f"Step 1 of Renames, runbook {book.name}")

    page.get_by_label("New name").fill("Mail.Server")
    page.get_by_role("button", name="Show what changes").click()
    expect(page.get_by_role("table")).to_contain_text("smtp://#{Mail.Server}")
    picture(page, "variable-rename")
    page.get_by_role("button", name="Rename in 2 places").click()

    expect(page.get_by_role("main")).to_contain_text("Mail.Server")
    assert aside(Variable.objects.filter(name="Mail.Url").get).value == "smtp://#{Mail.Server}"


def test_a_script_reads_an_answer_after_one_press(page: Page, world: World) -> None:
    project = aside(_project, world, "Asks", Row(name="Size", prompt=Prompt(label="How much")))
    book = aside(scenarios.runbook, project, "Copy", ['echo "#{Size}"'])
    page.goto(f"/projects/{project.slug}/runbooks/{book.slug}/process/steps/step-1/")
    expect(page.locator("#pasted")).to_contain_text("Size")
    picture(page, "script-pasted")
    page.get_by_role("button", name="Read Size while the script runs").click()
    expect(page.locator("#pasted")).to_have_count(0)
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("status").filter(has_text="was saved").first).to_be_visible()

    stored = Action.objects.filter(step__process__owner_kind="runbook", step__process__owner_id=book.pk)
    script = aside(stored.get).properties["Octopus.Action.Script.ScriptBody"]
    assert script == 'echo "$(get_octopusvariable "Size")"'
