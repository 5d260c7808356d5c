"""Where a step runs, chosen in the editor: what belongs to a location is shown with it, and kept without."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import World
from tests.harness.browser import Visitor, picture


def choose(page: Page, location: str) -> None:
    page.locator(f"[name=location][value={location}]").check()


def test_changing_the_location_shows_its_fields_and_loses_none(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin)
    book = world.runbook("On targets", "echo one")
    page.goto(f"/projects/{world.project.slug}/runbooks/{book.slug}/process/steps/step-1/")
    tags, pools = page.locator("#target-tags"), page.locator("#poolbox")
    expect(tags).to_be_hidden()
    expect(pools).to_be_visible()

    choose(page, "on-behalf")
    expect(tags).to_be_visible()
    expect(pools).to_be_visible()
    choose(page, "target")
    expect(pools).to_be_hidden()
    page.locator("[name=new_target_tags]").fill("web, db")
    page.locator("[name=window]").fill("2")
    picture(page, "targets-step")
    choose(page, "worker")
    expect(tags).to_be_hidden()
    choose(page, "target")
    expect(page.locator("[name=new_target_tags]")).to_have_value("web, db")
    page.get_by_role("button", name="Save process").click()

    expect(page.get_by_text("The process was saved.").first).to_be_visible()
    expect(page.locator("#process-steps li.cur .loc")).to_contain_text("Targets · web, db")
    expect(page.locator("[name=window]")).to_have_value("2")


def test_the_pages_of_targets(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin)
    page.goto("/targets/")
    expect(page.get_by_role("heading", name="No deployment targets yet")).to_be_visible()
    page.get_by_role("link", name="Add target").first.click()
    with visitor.watch.expecting("422"):
        page.get_by_role("button", name="Make the line").click()
        expect(page.get_by_text("Choose at least one environment.").first).to_be_visible()
    page.get_by_label(world.development.name).check()
    page.locator("[name=new_tags]").fill("web")
    page.get_by_role("button", name="Make the line").click()

    expect(page.locator("#service-command")).to_contain_text("octoworker.pyz")
    expect(page.get_by_text("Waiting for the target")).to_be_visible()
