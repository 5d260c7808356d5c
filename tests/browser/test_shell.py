"""The frame around all pages: palette, keys, theme, phone, accessibility."""

from __future__ import annotations

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import World
from tests.harness import scenarios
from tests.harness.browser import PHONE, Visitor, aside

PAGES = [
    "/",
    "/tasks/",
    "/projects/",
    "/projects/orders-database/",
    "/projects/orders-database/variables/",
    "/projects/orders-database/releases/",
    "/projects/orders-database/triggers/",
    "/projects/orders-database/settings/",
    "/runbooks/",
    "/tenants/",
    "/worker-pools/",
    "/worker-pools/sql-dev/",
    "/workers/",
    "/workers/add/",
    "/workers/sql-dev-01/",
    "/environments/",
    "/library/tag-sets/",
    "/audit/",
    "/settings/users/",
    "/settings/spaces/",
    "/account/",
]
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SCHEMES = ("light", "dark")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def test_the_palette_finds_a_runbook_and_goes_there(page: Page, world: World) -> None:
    world.runbook("Rotate the logs", "echo 1")
    page.goto("/")
    page.keyboard.press("Control+k")
    page.keyboard.type("rotate the")
    expect(page.get_by_role("option", name=re.compile("Rotate the logs")).first).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Rotate the logs"))).to_be_visible()


def test_keys_and_theme(page: Page, world: World) -> None:
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("theme")).click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    # No flash: the page comes in the right colours from the server.
    assert '<html lang="en" data-theme="light">' in page.request.get("/").text()


def test_nothing_runs_out_of_a_phone(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin, viewport=PHONE)
    for path in PAGES:
        page.goto(path)
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert over <= 0, f"{path} is {over} px too wide"
    page.goto("/")
    page.get_by_role("button", name=re.compile("menu|navigation", re.IGNORECASE)).first.click()
    expect(page.get_by_role("navigation", name="Main")).to_be_in_viewport()
    page.keyboard.press("Escape")
    expect(page.get_by_role("navigation", name="Main")).not_to_be_in_viewport()


def test_pages_are_accessible(page: Page, world: World) -> None:
    book = world.runbook("Seen by all", "echo 1")
    task = aside(scenarios.run, book, world.development)
    address = f"/projects/{world.project.slug}/runbooks/{book.slug}/"
    found = {}
    paths = [*PAGES, f"{address}process/", f"{address}run/", f"/tasks/{task.pk}/"]
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for path in paths:
            page.goto(path)
            options = {"runOnly": RULES, "resultTypes": ["violations"]}
            if violations := Axe().run(page, options=options).response["violations"]:
                found[path, scheme] = [(one["id"], one["nodes"][0]["target"]) for one in violations]
    assert found == {}
