"""Reading, starting and cancelling need no script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import World
from tests.browser.test_shell import PAGES
from tests.harness.browser import Visitor
from tests.harness.installation import wait_for


@pytest.fixture
def plain(visitor: Visitor, world: World) -> Page:
    return visitor.open(world.operator, java_script_enabled=False)


def test_the_main_pages_can_be_read(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin, java_script_enabled=False)
    for path in PAGES:
        answer = page.goto(path)
        assert answer
        assert answer.ok, f"{path}: {answer.status}"
        expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_run_is_started_read_and_cancelled(plain: Page, world: World) -> None:
    book = world.runbook("By hand only", "echo begun; sleep 120")
    plain.goto(f"/projects/{world.project.slug}/runbooks/{book.slug}/")
    plain.get_by_role("link", name=f"Run {book.name}").click()
    plain.get_by_label("Development").check()
    plain.get_by_role("button", name="Show the plan").click()
    expect(plain.locator("#plan")).to_contain_text("SQL - Dev")
    plain.get_by_role("button", name=re.compile("^Run")).click()
    expect(plain).to_have_url(re.compile(r"/tasks/\d+/"))

    wait_for(lambda: "begun" in after_reload(plain).locator(".lplain pre").inner_text(), every=0.2)
    with plain.expect_navigation():
        plain.get_by_role("button", name="Cancel").click()
    wait_for(lambda: "Cancelled" in after_reload(plain).locator("#task-head").inner_text(), every=0.2)


def after_reload(page: Page) -> Page:
    page.reload()
    return page
