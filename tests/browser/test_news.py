"""Somebody who looks at another page hears that their run has ended."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import World
from tests.browser.pages import run_runbook, task_state


def test_a_run_that_ends_is_told_in_the_other_tabs(page: Page, world: World, tmp_path: Path) -> None:
    book = world.runbook("Take a while", f'until [ -e "{tmp_path}/go" ]; do sleep 0.05; done; exit 3')
    run_runbook(page, book, world.development)
    task_state(page, "Running")
    other = page.context.new_page()
    other.goto("/environments/")
    expect(other.get_by_role("heading", name="Environments", level=1)).to_be_visible()

    (tmp_path / "go").touch()

    told = other.locator("#toasts .toast", has_text="Take a while in Development")
    expect(told).to_contain_text("Failed")
    task_state(page, "Failed")
    expect(page.locator("#toasts .toast")).to_have_count(0)


def test_the_switch_asks_the_browser_first(page: Page, world: World) -> None:
    run_runbook(page, world.runbook("Be quick", "true"), world.development)
    task_state(page, "Success")
    page.context.grant_permissions(["notifications"])

    page.get_by_role("button", name="More actions").click()
    page.get_by_role("button", name="Tell me in this browser").click()

    page.get_by_role("button", name="More actions").click()
    expect(page.get_by_role("button", name="Stop telling me in this browser")).to_have_attribute(
        "aria-pressed", "true"
    )
