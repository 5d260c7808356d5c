"""Editing a process and variables: by keyboard, without JavaScript, two at once, and what is refused."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from domain.variables import VariableType
from tests.browser.conftest import World
from tests.browser.pages import add_variable, create_runbook, fill_value, pick_scope, task_state
from tests.harness import scenarios
from tests.harness.browser import Visitor, aside


def process_page(world: World, name: str, *scripts: str) -> str:
    book = world.runbook(name, *scripts)
    return f"/projects/{world.project.slug}/runbooks/{book.slug}/process/"


def step_names(page: Page) -> list[str]:
    return page.locator("#process-steps li b").all_inner_texts()


def test_a_long_line_scrolls_in_its_script_alone(page: Page, world: World) -> None:
    page.goto(process_page(world, "Wide", f"echo {'wide ' * 100}"))
    expect(page.locator(".cm-content")).to_contain_text("wide")
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"the page is {over} px too wide"


def test_steps_move_by_keyboard(page: Page, world: World) -> None:
    page.goto(process_page(world, "By keyboard", "echo 1", "echo 2"))
    page.locator("#process-steps li > a").nth(1).focus()
    with page.expect_response("**/process/order/"):
        page.keyboard.press("Alt+ArrowUp")
    expect(page.locator("#process-steps li b").first).to_have_text("Step 2")
    page.reload()
    assert step_names(page) == ["Step 2", "Step 1"]


def test_steps_move_by_dragging(page: Page, world: World) -> None:
    page.goto(process_page(world, "By hand", "echo 1", "echo 2", "echo 3"))
    grips = page.locator("#process-steps .grip")
    with page.expect_response("**/process/order/"):
        grips.nth(2).drag_to(grips.nth(0), target_position={"x": 4, "y": 2})
    page.reload()
    assert step_names(page) == ["Step 3", "Step 1", "Step 2"]


def test_steps_move_without_javascript(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.editor, java_script_enabled=False)
    page.goto(process_page(world, "Plain", "echo 1", "echo 2"))
    # One menu serves all steps: without script it is that of the step that is open.
    page.get_by_role("link", name="Actions for step 2").click()
    page.get_by_role("button", name="Actions for step 2").click()
    page.get_by_role("button", name="Move up").click()
    expect(page.locator("#process-steps li b")).to_have_text(["Step 2", "Step 1"])


def test_a_step_becomes_a_child_and_comes_out_again_by_keyboard(page: Page, world: World) -> None:
    page.goto(process_page(world, "Family", "echo 1", "echo 2", "echo 3"))
    numbers = page.locator("#process-steps li .no")
    page.locator("#process-steps li[data-step] > a").nth(1).focus()
    with page.expect_response("**/process/order/"):
        page.keyboard.press("Alt+ArrowRight")
    expect(numbers).to_have_text(["1", "1.1", "1.2", "2"])
    assert step_names(page) == ["Step 1", "Step 1", "Step 2", "Step 3"]

    expect(page.locator("#process-steps li[data-step] > a").nth(2)).to_be_focused()
    with page.expect_response("**/process/order/"):
        page.keyboard.press("Alt+ArrowLeft")
    expect(numbers).to_have_text(["1", "2", "3"])


def test_a_step_is_dragged_between_children_and_the_menu_serves_its_row(page: Page, world: World) -> None:
    page.goto(process_page(world, "Dragged in", "echo 1", "echo 2", "echo 3"))
    row = page.locator("#process-steps li[data-step]").nth(1)
    row.hover()
    row.get_by_role("button", name="Actions for step 2").click()
    with page.expect_response("**/process/order/"):
        page.get_by_role("button", name="Into the step above").click()
    numbers = page.locator("#process-steps li .no")
    expect(numbers).to_have_text(["1", "1.1", "1.2", "2"])
    grips = page.locator("#process-steps .grip")

    with page.expect_response("**/process/order/"):
        grips.nth(3).drag_to(grips.nth(2), target_position={"x": 4, "y": 2})

    expect(numbers).to_have_text(["1", "1.1", "1.2", "1.3"])
    page.reload()
    assert step_names(page) == ["Step 1", "Step 1", "Step 3", "Step 2"]


def test_leaving_with_unsaved_changes_asks_first(page: Page, world: World) -> None:
    page.goto(process_page(world, "Guarded", "echo 1"))
    page.get_by_label("Step name").press_sequentially(" and more")
    expect(page.get_by_text("Unsaved changes to 1 step")).to_be_visible()
    tasks = page.get_by_role("navigation", name="Main").get_by_role("link", name="Tasks")
    with page.expect_event("dialog", lambda dialog: dialog.dismiss() or dialog.type == "beforeunload"):
        tasks.click(no_wait_after=True)
    expect(page.get_by_label("Step name")).to_have_value(re.compile("and more"))

    page.get_by_role("button", name="Save process").click()
    expect(page.get_by_text("Unsaved changes to 1 step")).to_be_hidden()
    tasks.click()
    expect(page.get_by_role("heading", name="Tasks", exact=True)).to_be_visible()


def test_the_preview_of_pools_follows_the_choice_and_the_workers(
    page: Page, visitor: Visitor, world: World
) -> None:
    pool = aside(scenarios.pool, world.installation.space, "Night shift")
    aside(world.installation.add_agent, "night-01", pools=[pool], slots=1)
    routes = {world.development: pool, world.production: world.production_pool}
    project = aside(scenarios.project, world.installation.space, "Nights", routes=routes)
    book = aside(scenarios.runbook, project, "Watch", ["echo 1"])
    page.goto(f"/projects/{project.slug}/runbooks/{book.slug}/process/")
    preview = page.locator("[data-preview]:visible")
    rows = preview.get_by_role("listitem")
    development = rows.filter(has_text="Development")
    expect(development).to_contain_text("Night shift")
    expect(rows.filter(has_text="Production")).to_contain_text("SQL - Production")
    expect(rows.filter(has_text="Test")).to_contain_text("No value applies here")
    expect(development).not_to_contain_text("No worker can take work")

    other = visitor.open(world.admin)
    other.goto("/workers/night-01/")
    other.get_by_role("button", name="Disable").click()
    expect(other.get_by_role("button", name="Enable")).to_be_visible()
    expect(development).to_contain_text("No worker can take work")

    page.get_by_label("Runs on a worker from a specific pool").check()
    page.locator("#pool-fixed").get_by_role("combobox").select_option(label="SQL - Dev")
    expect(preview).to_contain_text("SQL - Dev")


def test_two_people_saving_one_process_see_the_difference(visitor: Visitor, world: World) -> None:
    address = process_page(world, "Together", "echo 1")
    mine, theirs = visitor.open(world.admin), visitor.open(world.editor)
    for page, name in ((mine, "My name"), (theirs, "Their name")):
        page.goto(address)
        page.get_by_label("Step name").fill(name)
    theirs.get_by_role("button", name="Save").click()
    expect(theirs.locator("#process-steps")).to_contain_text("Their name")
    with visitor.watch.expecting("409"):
        mine.get_by_role("button", name="Save").click()
        expect(mine.get_by_role("main")).to_contain_text("Their name")
        expect(mine.get_by_role("main")).to_contain_text("My name")


def test_a_tie_is_refused_with_both_values(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin)
    project = aside(scenarios.project, world.installation.space, "Ties", routes={})
    page.goto(f"/projects/{project.slug}/variables/")
    add_variable(page, "Greeting", {"Development": "hello"})
    group = page.locator("#vars tbody").last
    group.get_by_role("button", name="Actions for a value").last.click()
    page.get_by_role("link", name="Add another value").and_(page.locator(":visible")).click()
    row = group.locator("tr[data-open-row]")
    fill_value(row, "good day", VariableType.STRING)
    pick_scope(page, row, "Development")
    with visitor.watch.expecting("422"):
        page.get_by_role("button", name="Save variables").click()
        expect(page.get_by_role("alert").first).to_be_visible()
    main = page.get_by_role("main")
    expect(main).to_contain_text(re.compile("equally specific|tie", re.IGNORECASE))
    expect(main).to_contain_text("hello")
    expect(main).to_contain_text("good day")


def test_a_run_that_cannot_work_is_refused_with_a_way_out(page: Page, world: World) -> None:
    empty = aside(scenarios.pool, world.installation.space, "Nobody here")
    project = aside(scenarios.project, world.installation.space, "Orphans", routes={world.development: empty})
    book = aside(scenarios.runbook, project, "Hopeless", ["echo 1"])
    page.goto(f"/projects/{project.slug}/runbooks/{book.slug}/run/")
    page.get_by_label("Development").check()
    expect(page.locator("#plan")).to_contain_text("Nobody here")
    expect(page.get_by_role("button", name=re.compile("^Run"))).to_be_disabled()
    page.get_by_role("link", name="Add a worker").first.click()
    expect(page.get_by_role("heading", name="Add worker")).to_be_visible()
    page.goto(f"/projects/{project.slug}/runbooks/{book.slug}/run/")
    page.get_by_label("Test").check()
    expect(page.locator("#plan")).to_contain_text("no value of it applies here")


def test_an_empty_process_says_where_to_add_a_step(page: Page, world: World) -> None:
    page.goto(f"/projects/{world.project.slug}/")
    create_runbook(page, "Nothing yet")
    page.goto(f"/projects/{world.project.slug}/runbooks/nothing-yet/run/")
    page.get_by_label("Development").check()
    expect(page.locator("#plan .call")).to_contain_text("no steps")
    expect(page.get_by_role("button", name=re.compile("^Run"))).to_be_disabled()
    page.locator("#plan .call").get_by_role("link").click()
    expect(page.get_by_role("heading", name="No steps yet")).to_be_visible()


def test_a_running_task_is_cancelled_and_run_again(page: Page, world: World) -> None:
    book = world.runbook("Long", "echo begun; sleep 120")
    task = aside(scenarios.run, book, world.development)
    page.goto(f"/tasks/{task.pk}/")
    expect(page.locator("#log")).to_contain_text("begun")
    page.get_by_role("button", name="Cancel").first.click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Cancel")).last.click()
    task_state(page, "Cancelled")
    page.get_by_role("button", name="Run again").click()
    expect(page).not_to_have_url(re.compile(f"/tasks/{task.pk}/"))
    expect(page.locator("#log")).to_contain_text("begun")
    page.get_by_role("button", name="Cancel").first.click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Cancel")).last.click()
    task_state(page, "Cancelled")
