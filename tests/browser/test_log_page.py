"""The log of a run that is over: colours, folds, links, and nothing that a script could slip in."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from runbooks.models import Runbook
from tests.browser.conftest import World
from tests.browser.pages import run_runbook, shown_line, task_state, whole_log
from tests.harness.browser import Visitor

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
WRITTEN = (
    b"plain\n"
    b"\x1b[31mred\x1b[0m and \x1b[1;38;5;208mbold orange\x1b[0m\n" + HOSTILE.encode() + b"\n"
    b"\x1b]0;a title\x07\x1b[2Jcleared\x1b[10;10H\n"
    b"\x1b]8;;javascript:alert(1)\x07a bad link\x1b]8;;\x07\n"
    b"##octopus[stdout-verbose]\nbetween ourselves\n##octopus[stdout-default]\n"
    b"50 %\r100 %\r\n"
    b"no end of line"
)
SHOWN = ["plain", "red and bold orange", HOSTILE, "cleared", "a bad link", "100 %", "no end of line"]


@pytest.fixture(scope="module")
def book(world: World, tmp_path_factory: pytest.TempPathFactory) -> Runbook:
    written: Path = tmp_path_factory.mktemp("written") / "written"
    written.write_bytes(WRITTEN)
    return world.runbook("Write all sorts", f'cat "{written}"', "echo the second step")


@pytest.fixture
def finished(page: Page, book: Runbook, world: World) -> Page:
    run_runbook(page, book, world.development)
    task_state(page, "Success")
    return page


def test_the_log_shows_what_was_written_and_nothing_of_it_acts(finished: Page) -> None:
    page = finished
    assert [text for text in whole_log(page) if text != "the second step"] == SHOWN
    red = page.locator("#log .tx span", has_text="red").first
    assert red.get_attribute("class") == "f31"
    assert red.evaluate("node => getComputedStyle(node).color") != page.locator("#log .tx").first.evaluate(
        "node => getComputedStyle(node).color"
    )
    assert page.locator("#log .tx a").count() == 0
    assert page.evaluate("window.hacked") is None

    page.get_by_role("button", name="Verbose").click()
    expect(page.locator("#log .lrow.v .tx", has_text="between ourselves")).to_be_visible()
    page.get_by_role("button", name="Verbose").click()
    expect(page.locator("#log", has_text="between ourselves")).to_have_count(0)

    with page.expect_download() as download:
        page.get_by_role("link", name="Raw log").click()
    assert download.value.path().read_bytes() == WRITTEN + b"the second step\n"


COLOURS = {
    "\x1b[38;5;9mx": ("f91", ""),
    "\x1b[38;5;208mx": ("", "rgb(255 135 0)"),
    "\x1b[38;5;244mx": ("", "rgb(128 128 128)"),
    "\x1b[1;38;2;10;20;30mx": ("b", "rgb(10 20 30)"),
    "\x1b[38:2:10:20:30mx": ("", "rgb(10 20 30)"),
    "\x1b[38:2::10:20:30mx": ("", "rgb(10 20 30)"),
    "\x1b[4:3;31mx": ("u f31", ""),
    "\x1b[4m\x1b[4:0mx": ("", ""),
    "10 %\r\x1b[32m20 %\r\x1b[33mx\r": ("f33", ""),
}


def test_colours_are_those_of_a_terminal(finished: Page) -> None:
    pieces = finished.evaluate("lines => lines.flatMap(line => OctoLog.parse(line))", list(COLOURS))

    assert [one["text"] for one in pieces] == ["x"] * len(COLOURS)
    assert {
        line: (one["classes"], one["color"]) for line, one in zip(COLOURS, pieces, strict=True)
    } == COLOURS


def test_steps_fold_and_lines_have_addresses(finished: Page, visitor: Visitor, world: World) -> None:
    page = finished
    head = page.locator("#log").get_by_role("button", name="1. Step 1")
    expect(head).to_have_attribute("aria-expanded", "true")
    head.click()
    expect(head).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#log", has_text="bold orange")).to_have_count(0)
    head.press("Enter")
    expect(page.locator("#log")).to_contain_text("bold orange")

    shown_line(page, 3).locator("xpath=..").locator(".ln").click()
    assert page.url.endswith("#S1L3")
    other = visitor.open(world.viewer)
    other.goto(page.url)
    expect(other.locator("#log .lrow.sel")).to_have_count(1)
    expect(other.locator("#log .lrow.sel .tx")).to_have_text(HOSTILE)
    expect(other.locator("#log .lrow.sel")).to_be_in_viewport()
