"""Finding a kind of step, and the forms of those that the server does."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect

from processes.services import templates
from tests.browser.conftest import World
from tests.harness import scenarios
from tests.harness.browser import aside


def process_page(world: World, name: str) -> str:
    book = world.runbook(name, "echo 1")
    return f"/projects/{world.project.slug}/runbooks/{book.slug}/process/"


def test_a_kind_is_found_by_its_words_and_chosen_by_keyboard(page: Page, world: World) -> None:
    page.goto(process_page(world, "Kinds"))
    page.get_by_role("button", name="Add step", exact=True).click()
    search = page.get_by_role("searchbox", name="Search the kinds of steps")
    expect(search).to_be_focused()
    found = page.locator("#add-step [data-pick]:visible")

    search.fill("no such thing")
    expect(found).to_have_count(0)
    expect(page.locator("#add-step [role=status]")).to_have_text("No kind of step has these words.")
    search.fill("MAIL server")
    expect(found).to_have_count(1)
    search.press("Enter")

    expect(page.get_by_label("Subject")).to_be_visible()


def test_arrows_lead_through_the_kinds(page: Page, world: World) -> None:
    page.goto(process_page(world, "Arrows"))
    page.get_by_role("button", name="Add step", exact=True).click()
    page.get_by_role("searchbox", name="Search the kinds of steps").fill("release")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#add-step a:focus")).to_contain_text("Deploy a release")


def test_an_email_step_is_saved_and_comes_back(page: Page, world: World) -> None:
    url = process_page(world, "Mail")
    page.goto(f"{url}new/send-an-email/")
    page.get_by_label("Step name").fill("Tell them")
    page.locator("[name=to]").fill("ann@example.org, #{Team}")
    page.get_by_label("Subject").fill("Done in #{Octopus.Environment.Name}")
    page.locator("#step-form").get_by_role("button", name="Add step").click()
    expect(page.get_by_role("region", name="Steps")).to_contain_text("Tell them")
    expect(page.locator("[name=to]")).to_have_value("ann@example.org, #{Team}")


def test_a_step_is_made_from_a_template(page: Page, world: World) -> None:
    content = {
        "Name": "Greet somebody",
        "ActionType": "Octopus.Script",
        "Properties": {
            "Octopus.Action.Script.Syntax": "Bash",
            "Octopus.Action.Script.ScriptSource": "Inline",
            "Octopus.Action.Script.ScriptBody": "echo #{Who}",
        },
        "Parameters": [{"Name": "Who", "Label": "Whom to greet", "DefaultValue": "world"}],
    }

    def bring() -> None:
        templates.import_all(
            space=world.project.space, text=json.dumps(content), user=scenarios.administrator()
        )

    aside(bring)
    page.goto(process_page(world, "From a template"))
    page.get_by_role("button", name="Add step", exact=True).click()
    page.get_by_role("link", name="Greet somebody").click()
    page.get_by_label("Step name").fill("Greet")
    expect(page.get_by_label("Whom to greet")).to_have_value("world")
    page.get_by_label("Whom to greet").fill("moon")
    page.locator("#step-form").get_by_role("button", name="Add step").click()
    expect(page).to_have_url(re.compile("/steps/greet/$"))

    page.goto("/library/step-templates/")
    page.get_by_role("link", name="Greet somebody").click()
    expect(page.get_by_role("heading", name="Used by")).to_be_visible()
    expect(page.get_by_role("link", name="Greet", exact=True)).to_be_visible()
