"""A schedule as it is typed: its next times, and what it starts when one of them comes."""

from __future__ import annotations

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from runbooks.models import ScheduledTrigger
from tests.browser.conftest import World
from tests.browser.test_shell import RULES, SCHEMES
from tests.harness.browser import PHONE, Visitor, aside


def form(page: Page, world: World, name: str) -> str:
    """Opens the form of a new trigger; the address of the runbook's triggers."""
    book = world.runbook(name, "echo 1")
    address = f"/projects/{world.project.slug}/runbooks/{book.slug}/triggers/"
    page.goto(f"{address}new/")
    return address


def test_the_next_times_follow_what_is_typed(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.editor, timezone_id="Europe/Berlin")
    form(page, world, "Watch the clock")
    times = page.locator("#next-times")

    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    expect(times).to_contain_text("Every weekday at 02:00 Europe/Berlin")
    page.get_by_label("Cron expression").check()
    expect(page.get_by_label("Monday")).to_be_hidden()
    page.get_by_label("Expression", exact=True).fill("30 4 1 * *")
    expect(times).to_contain_text("At 04:30 on the first day of every month, Europe/Berlin")
    expect(times.get_by_role("listitem")).to_have_count(5)
    page.get_by_label("Expression", exact=True).fill("30 24 1 * *")
    expect(times).to_contain_text("The hour '24' is not valid.")


def test_a_trigger_starts_a_run_by_itself(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.editor)
    address = form(page, world, "Runs by itself")
    page.get_by_label("Name", exact=True).fill("Every minute")
    page.get_by_label("Every so many minutes or hours").check()
    page.get_by_label("Development").check()
    page.get_by_label("Every", exact=True).select_option("1")
    expect(page.locator("#next-times")).to_contain_text("Every minute")
    page.get_by_role("button", name="Create trigger").click()

    expect(page).to_have_url(re.compile(f"{address}$"))
    row = page.get_by_role("row").filter(has_text="Every minute")
    expect(row).to_contain_text("not yet")
    # The list is live: the run appears without a reload once its minute has come.
    expect(row.get_by_role("link", name=re.compile("ago|now"))).to_be_visible(timeout=90_000)
    row.get_by_role("link", name=re.compile("ago|now")).click()
    expect(page.locator("#task-head")).to_contain_text("by schedule Every minute, as editor")
    page.goto(address)
    page.get_by_role("button", name="Disable Every minute").click()
    expect(page.get_by_role("button", name="Enable Every minute")).to_be_visible()
    assert aside(lambda: ScheduledTrigger.objects.get(name="Every minute").next_at) is None


def test_the_form_needs_no_script(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.editor, java_script_enabled=False)
    form(page, world, "Runs without a script")
    page.get_by_label("Name", exact=True).fill("Monthly")
    page.get_by_label("Days of the month", exact=True).fill("1, last")
    page.get_by_label("On days of the month").check()
    page.get_by_role("button", name="Show the next times").click()

    expect(page.locator("#next-times")).to_contain_text("On the 1st and last day of each month")
    page.get_by_label("Development").check()
    page.get_by_role("button", name="Create trigger").click()
    expect(page.get_by_role("row").filter(has_text="On the 1st and last day")).to_be_visible()


def test_the_pages_are_accessible_and_fit_a_phone(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.editor, viewport=PHONE)
    address = form(page, world, "Looks")
    found = {}
    for path in (address, f"{address}new/", f"/projects/{world.project.slug}/triggers/"):
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.goto(path)
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            options = {"runOnly": RULES, "resultTypes": ["violations"]}
            violations = Axe().run(page, options=options).response["violations"]
            if over > 0 or violations:
                found[path, scheme] = (over, [(one["id"], one["nodes"][0]["target"]) for one in violations])
    assert found == {}
