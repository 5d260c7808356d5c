"""Values: which one wins and why, and those that nobody sees again."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from domain.variables import VariableType
from tests.browser.conftest import World
from tests.browser.pages import add_variable, run_runbook, save_variables, task_state, whole_log
from tests.harness import scenarios
from tests.harness.browser import aside

SECRET = "swordfish-4711"


def test_a_secret_is_never_shown_again_and_masked_in_the_log(page: Page, world: World) -> None:
    project = aside(scenarios.project, world.installation.space, "Secrets", routes=world.routes)
    page.goto(f"/projects/{project.slug}/variables/")
    add_variable(page, "Api.Token", {"": SECRET}, type=VariableType.SENSITIVE)
    save_variables(page)
    page.reload()
    assert SECRET not in page.content()
    page.get_by_role("button", name="Actions for a value of Api.Token").click()
    page.get_by_role("link", name="Edit value").and_(page.locator(":visible")).click()
    expect(page.get_by_label("Sensitive value")).to_have_value("")

    book = aside(scenarios.runbook, project, "Leak it", ['echo "token #{Api.Token} ends"'])
    book.project = project
    task_id = run_runbook(page, book, world.development)
    task_state(page, "Success")
    assert whole_log(page) == ["token ******** ends"]
    for tab in ("raw/", "plan/", "variables/", "events/"):
        assert SECRET not in page.request.get(f"/tasks/{task_id}/{tab}").text()


def test_the_preview_says_which_value_wins_and_why(page: Page, world: World) -> None:
    project = aside(scenarios.project, world.installation.space, "Values", routes={})
    page.goto(f"/projects/{project.slug}/variables/")
    add_variable(page, "Greeting", {"": "hello", "Production": "good evening"})
    save_variables(page)
    shown = page.locator("#preview").get_by_role("listitem").filter(has_text="Greeting").first
    panel = page.get_by_role("complementary", name="Preview values")
    panel.get_by_label("Environment").select_option(label="Production")
    expect(shown.locator("b").first).to_have_text("good evening")
    expect(shown).to_contain_text("Beats hello")
    panel.get_by_label("Environment").select_option(label="Development")
    expect(shown.locator("b").first).to_have_text("hello")
