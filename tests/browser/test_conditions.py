"""Conditions and parallel groups: entered in the editor, left out in the dialog, run by real agents."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from runbooks.services import snapshots
from tasks.models import ServerTask
from tests.browser.conftest import World
from tests.browser.pages import run_runbook, task_state
from tests.harness.browser import Visitor, aside, picture


def open_step(page: Page, world: World, slug: str, number: int) -> None:
    page.goto(f"/projects/{world.project.slug}/runbooks/{slug}/process/steps/step-{number}/")
    page.locator("#when").evaluate("node => node.open = true")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save process").click()
    expect(page.get_by_text("The process was saved.").first).to_be_visible()


def states(task_id: int) -> list[str]:
    rows = ServerTask.objects.get(pk=task_id).executions.order_by("number")
    return list(rows.values_list("state", flat=True))


def test_a_step_runs_after_a_failure_because_of_what_another_one_said(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin)
    book = world.runbook(
        "Under conditions",
        "set_octopusvariable Undo yes\necho one",
        "exit 3",
        "echo never",
        'echo "undone: $(get_octopusvariable Octopus.Deployment.Error)"',
    )
    open_step(page, world, book.slug, 4)
    page.get_by_text("If an expression is true").click()
    page.locator("[name=expression]").fill("#{Octopus.Action[Step 1].Output.Undo}")
    picture(page, "conditions-open")
    save(page)
    expect(page.locator("#process-steps li.cur .tag")).to_have_text("If true")
    aside(snapshots.publish, runbook=book, user=world.admin)

    task_id = run_runbook(page, book, world.development)

    task_state(page, "Failed")
    assert aside(states, task_id) == ["Success", "Failed", "Skipped", "Success"]
    expect(page.locator("#step-3")).to_contain_text("Not run, because a step before it failed.")
    expect(page.locator("#log")).to_contain_text("undone: The script ended with exit code 3.")


#: Each of them ends only while the other one runs.
MEET = "touch {0}/{1}\nuntil [ -e {0}/{2} ]; do sleep 0.05; done\necho met"


def test_steps_of_a_group_run_at_the_same_time(visitor: Visitor, world: World, tmp_path) -> None:
    page = visitor.open(world.admin)
    book = world.runbook(
        "Side by side", MEET.format(tmp_path, "a", "b"), MEET.format(tmp_path, "b", "a"), "echo after"
    )
    open_step(page, world, book.slug, 2)
    page.get_by_text("Together with the step before it").click()
    save(page)
    expect(page.locator("#process-steps li.par")).to_have_text("Steps 1 and 2 run in parallel")
    picture(page, "group")
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, "group-narrow")
    page.set_viewport_size({"width": 1440, "height": 900})
    # By keyboard over the line above the group, which is no place.
    rows = page.locator("#process-steps li[data-step] > a")
    rows.nth(2).focus()
    for place in (1, 0):
        page.keyboard.press("Alt+ArrowUp")
        expect(rows.nth(place)).to_contain_text("Step 3")
        expect(rows.nth(place)).to_be_focused()
    expect(page.locator("#process-steps li.par")).to_have_text("Steps 2 and 3 run in parallel")
    aside(snapshots.publish, runbook=book, user=world.admin)

    task_id = run_runbook(page, book, world.development)

    task_state(page, "Success")
    assert aside(states, task_id) == ["Success"] * 3


def test_a_step_is_left_out_in_the_dialog(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin, color_scheme="dark")
    book = world.runbook("Without one", "echo one", "exit 1")
    page.goto(f"/projects/{world.project.slug}/runbooks/{book.slug}/")
    page.get_by_role("link", name=f"Run {book.name}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Development").check()
    dialog.get_by_text("More options").click()
    dialog.get_by_role("checkbox", name="Step 2").check()
    expect(dialog.locator("#plan")).to_contain_text("Left out of this run, is skipped")
    expect(dialog.get_by_role("checkbox", name="Step 2")).to_be_checked()
    picture(page, "left-out")
    dialog.get_by_role("button", name="Run in 1 environment").click()
    task_state(page, "Success")
    expect(page.locator("#step-2")).to_contain_text("Left out of this run")
