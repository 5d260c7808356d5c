"""The nodes page: what this server is, and draining it."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import World
from tests.browser.test_shell import RULES, SCHEMES
from tests.harness.browser import PHONE, Visitor


def test_a_node_is_drained_and_takes_tasks_again(page: Page, world: World) -> None:
    page.goto("/settings/nodes/")
    row = page.get_by_role("row").filter(has_text="This one")
    expect(row).to_contain_text("web and engine")
    row.get_by_role("link").click()

    page.get_by_label("Reason").fill("New disk")
    page.get_by_role("button", name="Drain").click()
    page.get_by_role("dialog").get_by_role("button", name="Drain").click()
    expect(page.locator("#figures")).to_contain_text("Draining")
    expect(page.get_by_text("It takes no new tasks: New disk")).to_be_visible()
    page.goto("/settings/nodes/")
    expect(page.get_by_role("row").filter(has_text="This one")).to_contain_text("New disk")

    page.get_by_role("row").filter(has_text="This one").get_by_role("link").click()
    page.get_by_role("button", name="Take tasks again").click()
    expect(page.locator("#figures")).to_contain_text("Running")


def test_the_task_cap_is_changed(page: Page, world: World) -> None:
    page.goto("/settings/nodes/")
    page.get_by_role("row").filter(has_text="This one").get_by_role("link").click()

    page.get_by_label("Task cap").fill("90")
    page.get_by_role("button", name="Save").click()

    expect(page.locator("#figures")).to_contain_text("of 90")


def test_on_a_phone_and_for_everybody(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin, viewport=PHONE)
    page.goto("/settings/nodes/")
    detail = page.get_by_role("row").filter(has_text="This one").get_by_role("link").get_attribute("href")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for path in ("/settings/nodes/", detail):
            page.goto(path)
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert over <= 0, f"{path} is {over} px too wide"
            options = {"runOnly": RULES, "resultTypes": ["violations"]}
            assert Axe().run(page, options=options).response["violations"] == []
