"""Prompts in the dialog, as a person answers them, and what a script gets."""

from __future__ import annotations

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from domain.prompts import Control, Prompt
from domain.variables import VariableType
from projects.models import Project
from projects.services import project_variables
from tests.browser.conftest import World
from tests.browser.pages import task_state, whole_log
from tests.harness import scenarios
from tests.harness.browser import Visitor, aside
from variables import merging
from variables.services import variable_sets
from variables.services.rows import Row

SECRET = "swordfish-4712"
SITES = '#{if Region == "EU"}dub|Dublin#{/if}#{if Region == "US"}iad|Ashburn#{/if}'
SCRIPT = """echo "site $(get_octopusvariable Site)"
[ "$(get_octopusvariable Token)" = swordfish-4712 ] && echo "right $(get_octopusvariable Token)"
"""


def ask(project: Project) -> None:
    """Beside the variables that the project has."""
    variable_set = project_variables.variable_set_of(project)
    frozen = variable_sets.freeze(variable_set)["variables"]
    rows = [
        *(merging.row_of(one) for one in frozen),
        Row(name="Region", prompt=Prompt("1 Region", control=Control.SELECT, options="EU\nUS")),
        Row(name="Site", prompt=Prompt("2 Site", required=True, control=Control.SELECT, options=SITES)),
        Row(name="Token", type=VariableType.SENSITIVE, prompt=Prompt("3 Token", required=True)),
    ]
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows)


def test_what_is_typed_stays_while_the_plan_follows_the_answers(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin)
    project = aside(scenarios.project, world.installation.space, "Asking", routes=world.routes)
    aside(ask, project)
    book = aside(scenarios.runbook, project, "Move", [SCRIPT])
    page.goto(f"/projects/{project.slug}/runbooks/{book.slug}/")
    page.get_by_role("link", name="Run Move").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(world.development.name).check()

    token = dialog.get_by_label("3 Token")
    token.fill(SECRET)
    dialog.get_by_label("1 Region").select_option("US")
    expect(dialog.get_by_label("2 Site").locator("option")).to_have_text(["Choose one", "Ashburn"])
    expect(token).to_have_value(SECRET)
    assert Axe().run(page, "#run").violations_count == 0

    with visitor.watch.expecting("422"):
        dialog.get_by_role("button", name="Run in 1 environment").click()
        expect(dialog.get_by_role("alert")).to_contain_text("Nothing was started.")
    expect(dialog.get_by_text("2 Site needs a value.").first).to_be_visible()
    expect(token).to_have_value(SECRET)
    dialog.get_by_label("2 Site").select_option("iad")
    expect(dialog.get_by_role("region", name="Plan").get_by_text("Cannot run")).to_have_count(0)
    dialog.get_by_role("button", name="Run in 1 environment").click()

    expect(page).to_have_url(re.compile(r"/tasks/\d+/$"))
    task_state(page, "Success")
    assert whole_log(page) == ["site iad", "right ********"]
