"""What a person does on the pages, for journeys that need it on their way."""

from __future__ import annotations

import re
from collections.abc import Mapping

from playwright.sync_api import Locator, Page, expect

from domain.variables import VariableType
from environments.models import Environment
from runbooks.models import Runbook


def create_environment(page: Page, name: str) -> None:
    page.goto("/environments/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create environment").click()
    expect(page.get_by_role("main")).to_contain_text(name)


def create_pool(page: Page, name: str) -> None:
    page.goto("/worker-pools/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create pool").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def create_project(page: Page, name: str) -> None:
    page.goto("/projects/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def create_runbook(page: Page, name: str) -> None:
    """From a page of the project."""
    page.get_by_role("navigation", name="Project").get_by_role("link", name="Runbooks").click()
    page.get_by_role("link", name="New runbook").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create runbook").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def add_variable(
    page: Page, name: str, values: Mapping[str, str], *, type: VariableType = VariableType.STRING
) -> None:
    """On the variables page: `values` by the environment that each is for, "" for every one."""
    page.get_by_role("link", name="Add variable").click()
    group = page.locator("#vars tbody").last
    group.get_by_label("Name", exact=True).fill(name)
    if type is not VariableType.STRING:
        group.get_by_label("Type").select_option(type.value)
    for number, (place, value) in enumerate(values.items()):
        if number:
            group.get_by_role("button", name="Actions for a value").last.click()
            page.get_by_role("link", name="Add another value").and_(page.locator(":visible")).click()
        row = group.locator("tr[data-open-row]")
        expect(row).to_have_count(1)
        fill_value(row, value, type)
        if place:
            pick_scope(page, row, place)
        group.get_by_role("button", name="Done with this value").click()
        expect(row).to_have_count(0)


def fill_value(row: Locator, value: str, type: VariableType) -> None:
    if type is VariableType.WORKER_POOL:
        row.get_by_label("Worker pool").select_option(label=value)
    elif type is VariableType.SENSITIVE:
        row.get_by_label("Sensitive value").fill(value)
    else:
        row.get_by_label("Value", exact=True).fill(value)


def pick_scope(page: Page, row: Locator, name: str) -> None:
    """Types the beginning into the scope picker, and takes what it offers."""
    picker = row.get_by_role("combobox", name="Add scope")
    picker.press_sequentially(name[:4])
    suggestions = page.get_by_role("listbox", name="Scope suggestions")
    expect(suggestions.get_by_role("option", name=name)).to_be_visible()
    picker.press("Enter")
    expect(row.locator(".chip", has_text=name)).to_be_visible()


def save_variables(page: Page) -> None:
    page.get_by_role("button", name="Save variables").click()
    expect(page.locator("#variables-form")).not_to_have_attribute("data-dirty", "")


def add_script_step(page: Page, name: str, script: str, *, pool_variable: str = "") -> None:
    """On a process page without steps, or from its list's Add step."""
    if (add := page.get_by_role("button", name="Add step", exact=True)).count():
        add.click()
    page.get_by_role("link", name="Run a script").first.click()
    page.get_by_label("Step name").fill(name)
    if pool_variable:
        page.get_by_label("Runs on a worker from a pool selected via a variable").check()
        page.get_by_label("Worker pool variable").select_option(label=pool_variable)
    fill_script(page, script)
    page.locator("#step-form").get_by_role("button", name="Add step").click()
    expect(page.get_by_role("region", name="Steps")).to_contain_text(name)


def fill_script(page: Page, script: str) -> None:
    """Into the code editor, which stands in the place of the text field."""
    editor = page.locator(".cm-content")
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(script)


def task_state(page: Page, words: str) -> None:
    """Waits for the pill in the head of a task page."""
    expect(page.locator("#task-head .pill")).to_have_text(words)


def run_runbook(page: Page, runbook: Runbook, environment: Environment) -> int:
    """Through the run dialog, to the page of the task; its number."""
    page.goto(f"/projects/{runbook.project.slug}/runbooks/{runbook.slug}/")
    page.get_by_role("link", name=f"Run {runbook.name}").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(environment.name).check()
    dialog.get_by_role("button", name="Run in 1 environment").click()
    expect(page).to_have_url(re.compile(r"/tasks/\d+/$"))
    return int(page.url.rstrip("/").rpartition("/")[2])


# The log draws only the rows in sight.


def log_rows(page: Page) -> Locator:
    return page.locator("#log .lrow[data-seq]")


def shown_line(page: Page, number: int, *, group: int = 0) -> Locator:
    """The text of a line, where it is in sight."""
    return page.locator(f'#log .lrow[data-seq="{number - 1}"][data-group="{group}"] .tx')


_DRAWN = """rows => rows.map(row => [Number(row.dataset.group), Number(row.dataset.seq),
  row.querySelector(".tx").textContent])"""
#: The rows are drawn anew with the next frame.
_SCROLL = """(node, top) => new Promise(done => {
  node.scrollTop = top;
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""


def whole_log(page: Page) -> list[str]:
    """The text of all lines in their order, read while scrolling from the start to the end. Fails where
    a line was drawn with different texts."""
    log = page.locator("#log")
    height = log.evaluate("node => node.clientHeight")
    found: dict[tuple[int, int], str] = {}
    for top in range(0, log.evaluate("node => node.scrollHeight"), height):
        log.evaluate(_SCROLL, top)
        expect(page.locator("#log .lrow.wait")).to_have_count(0)
        for group, seq, text in log_rows(page).evaluate_all(_DRAWN):
            assert found.setdefault((group, seq), text) == text
    return [found[key] for key in sorted(found)]
