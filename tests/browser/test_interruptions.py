"""A run that fails asks, is answered in place, goes on; and what changed since the preview is told."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from domain.processes import (
    MANUAL_ACTION,
    MANUAL_INSTRUCTIONS,
    RETRIES,
    RETRY_AFTER,
    SCRIPT_BODY,
    SCRIPT_SYNTAX,
)
from processes.models import PoolChoice
from processes.services import processes
from processes.services.steps import StepFields
from runbooks.models import Runbook
from runbooks.services import runbooks, snapshots
from tests.browser.conftest import World
from tests.browser.pages import log_rows, task_state
from tests.browser.test_shell import RULES, SCHEMES
from tests.harness import scenarios
from tests.harness.browser import PHONE, Visitor, aside, picture

#: What htmx says of a refresh that was under way when the page was left.
LEFT = ("htmx:afterRequest", "htmx:sendError")
INSTRUCTIONS = "Open the dashboard of the orders database.\nProceed once replication lag is below 5 s."


def script(name: str, text: str, **rules: str) -> StepFields:
    return StepFields(
        name=name,
        properties={SCRIPT_BODY: text, SCRIPT_SYNTAX: "Bash", **rules},
        pool_choice=PoolChoice.VARIABLE,
        worker_pool_variable=scenarios.POOL_VARIABLE,
    )


def manual(name: str) -> StepFields:
    return StepFields(name=name, action_type=MANUAL_ACTION, properties={MANUAL_INSTRUCTIONS: INSTRUCTIONS})


def book(world: World, name: str, *steps: StepFields) -> Runbook:
    return aside(_book, world, name, steps)


def _book(world: World, name: str, steps: Sequence[StepFields]) -> Runbook:
    made = runbooks.create(project=world.project, name=name, user=world.admin)
    process = processes.get_or_create(owner_kind="runbook", owner_id=made.pk, space=world.project.space)
    for fields in steps:
        processes.add_step(process=process, version=process.version, fields=fields, user=world.admin)
        process.refresh_from_db()
    snapshots.publish(runbook=made, user=world.admin)
    return made


def address(world: World, made: Runbook) -> str:
    return f"/projects/{world.project.slug}/runbooks/{made.slug}/"


def open_dialog(page: Page, world: World, made: Runbook):
    page.goto(address(world, made))
    page.get_by_role("link", name=f"Run {made.name}").click()
    return page.get_by_role("dialog")


def start(page: Page, world: World, made: Runbook, *, guided: bool = False) -> int:
    dialog = open_dialog(page, world, made)
    dialog.get_by_label("Development").check()
    if guided:
        dialog.get_by_text("More options").click()
        dialog.get_by_label("If a step fails").select_option(label="Ask a person")
    dialog.get_by_role("button", name="Run in 1 environment").click()
    expect(page).to_have_url(re.compile(r"/tasks/\d+/$"))
    return int(page.url.rstrip("/").rpartition("/")[2])


def fails_once(tmp_path: Path) -> str:
    marker = tmp_path / "was here"
    return f'if [ ! -e "{marker}" ]; then touch "{marker}"; echo broken; exit 3; fi; echo mended'


def test_a_failure_is_answered_in_place_and_the_run_goes_on(page: Page, world: World, tmp_path: Path) -> None:
    made = book(world, "Fails once", script("Migrate", fails_once(tmp_path)), script("Verify", "echo 1"))
    start(page, world, made, guided=True)

    asked = page.get_by_role("region", name="1. Migrate failed on sql-dev-01. What now?")
    expect(asked).to_be_visible()
    task_state(page, "Waiting for an answer")
    asked.get_by_label("Notes").fill("The disk was full; it is not any more.")
    asked.get_by_role("button", name="Assign to me").focus()
    picture(page, "guided-failure")
    asked.get_by_role("button", name="Retry", exact=True).click()

    task_state(page, "Success")
    expect(asked).to_be_hidden()
    tree = page.locator("#task-tree")
    expect(tree).to_contain_text("Attempt 1 on sql-dev-01, exit code 3")
    expect(tree).to_contain_text("Retry, by administrator")
    expect(page.locator("#log")).to_contain_text("1. Migrate (attempt 2)")
    expect(log_rows(page).get_by_text("mended")).to_be_visible()
    picture(page, "two-attempts")
    page.get_by_role("link", name=re.compile("^Events")).click()
    expect(page.get_by_role("main")).to_contain_text("administrator answered Retry at")
    expect(page.get_by_role("main")).to_contain_text("The disk was full; it is not any more.")
    picture(page, "answers")


def test_what_is_typed_stays_while_the_page_refreshes(visitor: Visitor, world: World) -> None:
    made = book(world, "Notes stay", script("Migrate", "exit 1"))
    page, other = visitor.open(world.admin), visitor.open(world.editor)
    task = start(page, world, made, guided=True)
    page.get_by_label("Notes").fill("half a sent")
    page.get_by_role("button", name="Ignore").focus()

    other.goto(f"/tasks/{task}/")
    other.get_by_role("button", name="Assign to me").click()

    expect(page.locator("#task-head")).to_contain_text("editor sees to it")
    expect(page.get_by_label("Notes")).to_have_value("half a sent")


def test_the_second_of_two_people_is_told_what_the_first_one_said(visitor: Visitor, world: World) -> None:
    made = book(world, "Two at once", script("Migrate", "exit 1"))
    page, late = visitor.open(world.admin), visitor.open(world.operator, java_script_enabled=False)
    task = start(page, world, made, guided=True)
    late.goto(f"/tasks/{task}/")
    with visitor.watch.expecting(*LEFT):
        page.get_by_role("button", name="Ignore").click()
        task_state(page, "Success")

    late.get_by_label("Notes").fill("Let it be.")
    with visitor.watch.expecting("409"):
        late.get_by_role("button", name="Fail", exact=True).click()
        expect(late.get_by_role("alert")).to_be_visible()

    expect(late.get_by_role("alert")).to_contain_text("administrator has answered this already")
    expect(late.get_by_role("alert")).to_contain_text("Let it be.")
    picture(late, "too-late")


def test_a_manual_intervention_needs_no_mouse_and_no_worker(
    page: Page, visitor: Visitor, world: World
) -> None:
    made = book(world, "With a person", manual("Approve"), script("Migrate", "echo 1"))
    start(page, world, made)

    asked = page.get_by_role("region", name="1. Approve")
    expect(asked).to_contain_text("Proceed once replication lag is below 5 s.")
    expect(page.locator("#logbox")).to_contain_text("Waiting for an answer")
    picture(page, "manual")
    other = visitor.open(world.operator)
    other.goto("/")
    expect(other.get_by_role("complementary", name="Operations")).to_contain_text(
        "With a person waits for you"
    )
    asked.get_by_role("button", name="Proceed").focus()
    page.keyboard.press("Enter")
    task_state(page, "Success")
    expect(other.get_by_role("complementary", name="Operations")).not_to_contain_text(
        "With a person waits for you"
    )


def test_a_step_is_tried_again_by_itself(page: Page, world: World, tmp_path: Path) -> None:
    rules = {RETRIES: "2", RETRY_AFTER: "10"}
    start(page, world, book(world, "Tries again", script("Migrate", fails_once(tmp_path), **rules)))

    expect(page.locator("#task-tree")).to_contain_text("try 2 of 3")
    picture(page, "retrying")
    task_state(page, "Success")


def test_a_failed_run_is_resumed(page: Page, world: World, tmp_path: Path) -> None:
    made = book(
        world,
        "Resumed",
        script("Back up", "echo once"),
        script("Migrate", fails_once(tmp_path)),
        script("Verify", "echo 1"),
    )
    first = start(page, world, made)
    task_state(page, "Failed")

    page.get_by_role("button", name="Resume from step 2").click()
    confirm = page.get_by_role("dialog")
    expect(confirm).to_contain_text("Step 1 is not run again")
    picture(page, "resume-confirm")
    confirm.get_by_role("button", name="Resume from step 2").click()

    expect(page).not_to_have_url(re.compile(f"/tasks/{first}/$"))
    task_state(page, "Success")
    expect(page.locator("#task-tree")).to_contain_text(f"Result of task {first}")
    picture(page, "resumed")


class TestPlanIntegrity:
    def change(self, world: World, made: Runbook) -> None:
        aside(self._change, world, made)

    def _change(self, world: World, made: Runbook) -> None:
        process = processes.get_or_create(owner_kind="runbook", owner_id=made.pk, space=world.project.space)
        processes.add_step(process=process, version=process.version, fields=script("Verify", "echo 2"))
        snapshots.publish(runbook=made, user=world.admin)

    def test_a_change_since_the_preview_is_told(self, visitor: Visitor, world: World) -> None:
        made = book(world, "Changes meanwhile", script("Migrate", "echo 1"))
        page = visitor.open(world.operator)
        dialog = open_dialog(page, world, made)
        dialog.get_by_label("Development").check()
        run = dialog.get_by_role("button", name="Run in 1 environment")
        expect(run).to_be_enabled()
        self.change(world, made)

        with visitor.watch.expecting("409"):
            run.click()
            told = dialog.get_by_role("alert")
            expect(told).to_contain_text("Snapshot 2 was published meanwhile; you looked at snapshot 1.")
        expect(told).to_contain_text("Step 2 Verify was added.")
        expect(told).to_be_focused()
        picture(page, "plan-changed")
        dialog.get_by_role("button", name="Start anyway").click()
        task_state(page, "Success")
        expect(page.locator("#task-tree")).to_contain_text("2. Verify")

    def test_it_is_told_without_script_too(self, visitor: Visitor, world: World) -> None:
        made = book(world, "Changes without script", script("Migrate", "echo 1"))
        page = visitor.open(world.operator, java_script_enabled=False)
        page.goto(f"{address(world, made)}run/")
        page.get_by_label("Development").check()
        page.get_by_role("button", name="Show the plan").click()
        self.change(world, made)

        with visitor.watch.expecting("409"):
            page.get_by_role("button", name=re.compile("^Run in")).click()
            expect(page.get_by_role("alert")).to_be_visible()

        expect(page.get_by_role("alert")).to_contain_text("Step 2 Verify was added.")
        page.get_by_role("button", name="Start anyway").click()
        expect(page).to_have_url(re.compile(r"/tasks/\d+/$"))


def test_a_run_is_scheduled_in_the_zone_that_is_shown(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.operator)
    made = book(world, "Later", script("Migrate", "echo 1"))
    dialog = open_dialog(page, world, made)
    dialog.get_by_label("Development").check()
    expect(dialog.get_by_label(re.compile("^Start at"))).to_be_hidden()
    dialog.get_by_text("Later", exact=True).click()
    dialog.get_by_label(re.compile("^Start at")).fill("2020-01-01T10:00")
    run = dialog.get_by_role("button", name="Schedule in 1 environment")
    expect(run).to_be_visible()

    with visitor.watch.expecting("422"):
        run.click()
        expect(dialog.get_by_text("The start is in the past.")).to_be_visible()
    expect(dialog.get_by_label(re.compile("^Start at"))).to_be_focused()
    picture(page, "scheduled")


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1440, "height": 900}], ids=["phone", "desktop"])
def test_the_pages_are_accessible_and_fit(visitor: Visitor, world: World, viewport) -> None:
    page = visitor.open(world.admin, viewport=viewport)
    name = f"Looks {viewport['width']}"
    rules = {RETRIES: "2", RETRY_AFTER: "10"}
    made = book(world, name, manual("Approve"), script("Migrate", "echo 1", **rules))
    failing = book(world, f"{name} bad", script("Migrate", "exit 1"))
    asked, failed = start(page, world, made), start(page, world, failing, guided=True)
    expect(page.get_by_label("Notes")).to_be_visible()
    found = {}
    paths = {
        "ask": f"/tasks/{asked}/",
        "guided": f"/tasks/{failed}/",
        "plan": f"/tasks/{asked}/plan/",
        "step": f"{address(world, made)}process/steps/migrate/",
        "manual-step": f"{address(world, made)}process/steps/approve/",
        "run": f"{address(world, made)}run/?environments={world.development.pk}&when=later&is_prioritised=1",
    }
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        for key, path in paths.items():
            with visitor.watch.expecting(*LEFT):
                page.goto(path)
            picture(page, f"{key}-{viewport['width']}-{scheme}")
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            options = {"runOnly": RULES, "resultTypes": ["violations"]}
            violations = Axe().run(page, options=options).response["violations"]
            if over > 0 or violations:
                targets = [(one["id"], one["nodes"][0]["target"]) for one in violations]
                found[key, scheme] = (over, targets)
    assert found == {}
