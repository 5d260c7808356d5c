"""The door: who comes in, who goes out, and what a viewer is not offered."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, World
from tests.harness.browser import Visitor

ACTS = re.compile(r"^(New|Add|Create|Edit|Delete|Run|Deploy|Save|Drain|Disable|Move)\b")


def sign_in(page: Page, username: str, password: str) -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_a_wrong_password_is_said_and_the_right_one_leads_to_where_one_wanted(
    visitor: Visitor, world: World
) -> None:
    page = visitor.open()
    page.goto("/worker-pools/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    with visitor.watch.expecting("422"):
        sign_in(page, "operator", "not the password")
        expect(page.get_by_role("alert")).to_contain_text("correct")
    sign_in(page, "operator", PASSWORD)
    expect(page).to_have_url(f"{world.installation.url}/worker-pools/")

    page.get_by_role("button", name="operator").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto("/worker-pools/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_viewer_is_offered_no_edits_and_is_told_which_right_is_missing(
    visitor: Visitor, world: World
) -> None:
    page = visitor.open(world.viewer)
    for path, heading in {
        "/environments/": "Environments",
        "/worker-pools/": "Worker pools",
        "/workers/": "Workers",
        f"/projects/{world.project.slug}/": world.project.name,
        f"/projects/{world.project.slug}/variables/": world.project.name,
    }.items():
        page.goto(path)
        main = page.get_by_role("main")
        expect(main.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        expect(main.get_by_role("link", name=ACTS).or_(main.get_by_role("button", name=ACTS))).to_have_count(
            0
        )

    with visitor.watch.expecting("403"):
        page.goto("/environments/new/")
        expect(page.get_by_role("heading", name="You may not do this")).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("edit environments")
