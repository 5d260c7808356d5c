"""Lines appear while the script runs, in order and once, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tasks.models import Attempt
from tests.browser.conftest import World
from tests.browser.pages import log_rows, run_runbook, shown_line, task_state, whole_log
from tests.harness.browser import Line, Visitor, aside
from tests.harness.installation import wait_for

PART = 40
#: What Chromium and htmx say while the server is out of reach.
AWAY = ("WebSocket", "htmx:", "ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET")


def gated_script(folder: Path, *, parts: int) -> str:
    """Prints `PART` lines, waits for a file, prints the next ones."""
    return f"""for part in $(seq 1 {parts}); do
  until [ -e "{folder}/go$part" ]; do sleep 0.05; done
  for number in $(seq {PART}); do echo "line $(( (part - 1) * {PART} + number ))"; done
done
"""


def stored_lines(task_id: int) -> int:
    return Attempt.objects.get(execution__task=task_id).log_lines


def wait_for_lines(task_id: int, number: int) -> None:
    wait_for(lambda: aside(stored_lines, task_id) >= number, seconds=60)


@pytest.fixture
def opened(folder: Path):
    def through(part: int) -> None:
        (folder / f"go{part}").touch()

    return through


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_lines_arrive_live_and_none_is_lost_or_doubled(
    visitor: Visitor, world: World, folder: Path, opened
) -> None:
    book = world.runbook("Count", gated_script(folder, parts=4))
    page = visitor.open(world.operator)
    line = Line(page)
    task_id = run_runbook(page, book, world.development)

    opened(1)
    expect(shown_line(page, PART)).to_have_text(f"line {PART}")
    task_state(page, "Running")

    with visitor.watch.expecting(*AWAY):
        line.cut()
        expect(page.locator("#logbox .lfoot [role=status]")).to_have_text("Reconnecting")
        opened(2)
        wait_for_lines(task_id, 2 * PART)
        line.mend()
        expect(shown_line(page, 2 * PART)).to_have_text(f"line {2 * PART}")

    with visitor.watch.expecting(*AWAY):
        world.installation.kill()
        opened(3)
        expect(page.locator("#logbox .lfoot [role=status]")).to_have_text("Reconnecting")
        world.installation.start()
        expect(shown_line(page, 3 * PART)).to_have_text(f"line {3 * PART}")
        opened(4)
        task_state(page, "Success")

    expect(page.locator("#logbox .lfoot [role=status]")).to_have_text("Complete")
    assert whole_log(page) == [f"line {number}" for number in range(1, 4 * PART + 1)]


def test_a_line_that_died_without_a_word_is_noticed(
    visitor: Visitor, world: World, folder: Path, opened
) -> None:
    """As after sleep, or when a laptop has gone to another network."""
    book = world.runbook("Count through a sleep", gated_script(folder, parts=2))
    page = visitor.open(world.operator)
    line = Line(page)
    task_id = run_runbook(page, book, world.development)
    opened(1)
    expect(shown_line(page, PART)).to_have_text(f"line {PART}")

    line.die()
    opened(2)
    wait_for_lines(task_id, 2 * PART)
    page.evaluate("dispatchEvent(new Event('online'))")
    task_state(page, "Success")

    expect(page.locator("#logbox .lfoot [role=status]")).to_have_text("Complete")
    assert whole_log(page) == [f"line {number}" for number in range(1, 2 * PART + 1)]


def test_lines_that_could_not_be_fetched_are_fetched_once_the_line_is_there_again(
    visitor: Visitor, world: World
) -> None:
    page = visitor.open(world.operator)
    run_runbook(page, world.runbook("Count far", "seq 1 5000"), world.development)
    task_state(page, "Success")
    # How many of the first lines came by themselves while it ran is a matter of luck; a page that is opened
    # now has the last ones.
    address = page.url
    page.goto("about:blank")
    page.goto(f"{address}#S1L4990")
    expect(shown_line(page, 4990)).to_have_text("4990")

    with visitor.watch.expecting(*AWAY):
        page.context.set_offline(True)
        with page.expect_event("requestfailed", lambda request: "/log/1/" in request.url):
            page.locator("#log").evaluate("node => { node.scrollTop = 0; }")
        expect(page.locator("#log .lrow.wait").first).to_be_attached()
        page.context.set_offline(False)
        expect(shown_line(page, 1)).to_have_text("1")


def test_follow_stops_where_one_scrolls_up_and_goes_on_at_the_end(
    visitor: Visitor, world: World, folder: Path, opened
) -> None:
    book = world.runbook("Count slowly", gated_script(folder, parts=3))
    page = visitor.open(world.operator)
    run_runbook(page, book, world.development)
    follow = page.get_by_role("button", name="Follow")
    opened(1)
    expect(shown_line(page, PART)).to_be_visible()
    expect(follow).to_have_attribute("aria-pressed", "true")

    page.locator("#log").hover()
    page.mouse.wheel(0, -300)
    expect(follow).to_have_attribute("aria-pressed", "false")
    opened(2)
    expect(page.locator("[data-log-count]")).to_have_text(f"{2 * PART} lines")
    expect(shown_line(page, 2 * PART)).to_have_count(0)

    follow.click()
    expect(shown_line(page, 2 * PART)).to_be_in_viewport()
    opened(3)
    expect(shown_line(page, 3 * PART)).to_be_in_viewport()
    task_state(page, "Success")


def test_two_hundred_thousand_lines_stay_quick(page: Page, world: World) -> None:
    book = world.runbook("Print a lot", "seq 1 200000\n")
    run_runbook(page, book, world.development)
    task_state(page, "Success")
    expect(page.locator("[data-log-count]")).to_have_text("200,000 lines")
    log = page.locator("#log")

    log.focus()
    page.keyboard.press("Control+Home")
    expect(shown_line(page, 1)).to_have_text("1")
    page.keyboard.press("Control+End")
    expect(shown_line(page, 200_000)).to_have_text("200000")
    page.keyboard.press("Control+Home")
    expect(shown_line(page, 1)).to_be_in_viewport()
    page.goto(f"{page.url.split('#')[0]}#S1L123456")
    expect(shown_line(page, 123_456)).to_have_text("123456")
    assert log_rows(page).count() < 150
