"""Names after `#{`, in the script editor and in plain fields; warnings; the way back from a deletion."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import World
from tests.harness.browser import Visitor


def open_step(page: Page, world: World, name: str, script: str) -> str:
    book = world.runbook(name, script)
    url = f"/projects/{world.project.slug}/runbooks/{book.slug}/process/"
    page.goto(url)
    return url


def test_a_plain_field_completes_names_and_filters_and_names_what_is_unknown(
    page: Page, world: World
) -> None:
    open_step(page, world, "Conditions by name", "echo 1")
    page.get_by_text("Conditions", exact=True).click()
    page.get_by_text("If an expression is true").click()
    field = page.get_by_label("Expression", exact=True)
    field.press_sequentially("#{environment.na")
    expect(page.get_by_role("option", name="Octopus.Environment.Name")).to_be_visible()
    page.keyboard.press("Enter")
    expect(field).to_have_value("#{Octopus.Environment.Name}")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type(" | toup")
    expect(page.get_by_role("option", name="ToUpper")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Tab")
    expect(field).to_have_value("#{Octopus.Environment.Name | ToUpper}")
    expect(page.get_by_text("No variable here")).to_have_count(0)
    page.keyboard.press("End")
    page.keyboard.type(" #{Nobody}")
    expect(page.get_by_text("No variable here: #{Nobody}")).to_be_visible()


def test_the_script_editor_underlines_unknown_names_and_completes_filters(page: Page, world: World) -> None:
    open_step(page, world, "Script by name", "echo #{Nobody.Knows} #{Octopus.Environment.Name}")
    marks = page.locator(".cm-unknown")
    expect(marks).to_have_text("#{Nobody.Knows}")
    editor = page.locator(".cm-content")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" #{Octopus.Environment.Name | tobase")
    page.locator(".cm-tooltip-autocomplete li", has_text="ToBase64").click()
    expect(editor).to_contain_text("| ToBase64")
    expect(marks).to_have_count(1)


def test_a_deleted_step_comes_back(page: Page, world: World) -> None:
    book = world.runbook("Deleted by mistake", "echo 1", "echo 2")
    page.goto(f"/projects/{world.project.slug}/runbooks/{book.slug}/process/")
    page.get_by_role("button", name="Actions for step 1").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted step Step 1.")).to_be_visible()
    expect(page.locator("#process-steps li b")).to_have_text(["Step 2"])
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#process-steps li b")).to_have_text(["Step 1", "Step 2"])


def test_a_process_is_changed_as_text(visitor: Visitor, world: World) -> None:
    page = visitor.open(world.admin)
    url = open_step(page, world, "Changed as text", "echo 1")
    page.get_by_role("button", name="More for the process").click()
    page.get_by_role("link", name="As YAML").click()
    expect(page).to_have_url(re.compile(r"/text/$"))
    editor = page.locator(".cm-content")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("- name: Another\n  actions:\n  - action_type: Octopus.Manual\n    notes: x\n")
    with visitor.watch.expecting("422"):
        page.get_by_role("button", name="Show what changes").click()
        expect(page.get_by_role("alert")).to_contain_text("Say what the person has to look at or do.")
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("    properties: {Octopus.Action.Manual.Instructions: Look}\n")
    page.get_by_role("button", name="Show what changes").click()
    expect(page.get_by_role("heading", name="What the text would change")).to_be_visible()
    page.get_by_role("button", name="Save these changes").click()
    expect(page).to_have_url(re.compile(f"{re.escape(url)}$"))
    expect(page.locator("#process-steps li b")).to_have_text(["Step 1", "Another"])
