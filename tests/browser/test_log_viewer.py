"""Reading a log: searching, jumping, times, wrapping, keys, a phone, and what hostile output does."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from runbooks.models import Runbook
from tests.browser.conftest import World
from tests.browser.pages import log_rows, run_runbook, shown_line, task_state
from tests.harness.browser import PHONE, Visitor

SCRIPT = """for number in $(seq 1 3000); do echo "line $number of many"; done
write_highlight "look here"
write_warning "careful now"
for number in $(seq 1 500); do echo "more $number"; done
echo "it broke at the end" >&2
printf '%0.sx' $(seq 1 600); echo
"""


@pytest.fixture(scope="module")
def book(world: World) -> Runbook:
    return world.runbook("Talk at length", SCRIPT, "echo second step; echo line 3000 again")


@pytest.fixture
def finished(page: Page, book: Runbook, world: World) -> Page:
    run_runbook(page, book, world.development)
    task_state(page, "Success with warnings")
    expect(page.locator("#logbox .lfoot [role=status]")).to_have_text("Complete")
    return page


def picked(page: Page):
    return page.locator("#log .lrow.sel .tx")


def to_the_start(page: Page) -> None:
    """At once: Chromium scrolls to where a key says little by little."""
    page.locator("#log").focus()
    page.locator("#log").evaluate("node => { node.scrollTop = 0; }")
    expect(shown_line(page, 1)).to_be_in_viewport()


def test_search_finds_lines_that_were_never_loaded_and_opens_folds(finished: Page, visitor: Visitor) -> None:
    page = finished
    page.locator("#log").get_by_role("button", name="2. Step 2").click()
    box = page.get_by_role("searchbox", name="Search the log")
    to_the_start(page)
    page.keyboard.press("/")
    expect(box).to_be_focused()

    box.fill("line 3000")
    found = page.locator("[data-log-found]")
    expect(found).to_have_text("1 of 2")
    expect(picked(page)).to_have_text("line 3000 of many")
    expect(picked(page)).to_be_in_viewport()
    box.press("Enter")
    expect(found).to_have_text("2 of 2")
    expect(picked(page)).to_have_text("line 3000 again")
    expect(picked(page)).to_be_in_viewport()
    box.press("Shift+Enter")
    expect(found).to_have_text("1 of 2")

    page.get_by_role("button", name="Regular expression").click()
    box.fill("line (29|1)99 of")
    expect(found).to_have_text(re.compile("of 2$"))
    with visitor.watch.expecting("422"):
        box.fill("line (")
        expect(page.locator("#log-search-problem")).to_contain_text("no regular expression")
    box.press("Escape")
    expect(page.locator("#log-search-problem")).to_be_hidden()
    expect(found).to_have_text("")


def test_keys_walk_through_what_is_set_apart(finished: Page) -> None:
    page = finished
    to_the_start(page)
    page.keyboard.press("h")
    expect(picked(page)).to_have_text("look here")
    page.keyboard.press("n")
    expect(picked(page)).to_have_text("careful now")
    page.keyboard.press("n")
    expect(picked(page)).to_have_text("it broke at the end")
    page.keyboard.press("p")
    expect(picked(page)).to_have_text("careful now")
    page.keyboard.press("e")
    expect(picked(page)).to_have_text("it broke at the end")
    page.keyboard.press("j")
    expect(page.locator("#log").get_by_role("button", name="2. Step 2")).to_be_in_viewport()

    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_).to_contain_text("Next and previous warning or error")
    page.keyboard.press("Escape")

    page.keyboard.press("z")
    expect(page.locator("#logbox")).to_have_class(re.compile("full"))
    page.keyboard.press("Escape")
    expect(page.locator("#logbox")).not_to_have_class(re.compile("full"))


def test_times_can_be_of_day_since_the_start_and_since_the_line_before(finished: Page) -> None:
    page = finished
    to_the_start(page)
    stamp = page.locator('#log .lrow[data-seq="3"][data-group="0"] .ts')
    expect(stamp).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    page.keyboard.press("m")
    expect(stamp).to_have_text(re.compile(r"^[+-]\d+\.\d+$"))
    page.keyboard.press("m")
    expect(stamp).to_have_text(re.compile(r"^\+0\.\d+$"))
    page.keyboard.press("m")
    expect(stamp).to_be_hidden()
    page.keyboard.press("m")
    expect(stamp).to_be_visible()


def test_times_are_those_of_the_readers_zone(visitor: Visitor, world: World, finished: Page) -> None:
    at = finished.locator("#task-head time[data-clock]")
    moment = datetime.fromisoformat(at.get_attribute("datetime")).astimezone(ZoneInfo("Asia/Kathmandu"))
    page = visitor.open(world.viewer, timezone_id="Asia/Kathmandu")

    page.goto(finished.url)

    expect(page.locator("#task-head time[data-clock]")).to_have_text(re.compile(f"{moment:%H:%M:%S}$"))
    to_the_start(page)
    hours = f"({moment:%H}|{moment + timedelta(minutes=1):%H})"
    expect(page.locator("#log .lrow .ts").first).to_have_text(re.compile(f"^{hours}:"))


def test_long_lines_wrap_where_that_is_wanted_and_scroll_where_not(finished: Page) -> None:
    page = finished
    log = page.locator("#log")
    log.focus()
    page.keyboard.press("e")
    long_line = page.locator("#log .tx", has_text="xxxxxxxx")
    width = "node => node.scrollWidth > node.clientWidth"
    assert log.evaluate(width)
    page.get_by_role("button", name="Wrap long lines").click()
    expect(page.get_by_role("button", name="Wrap long lines")).to_have_attribute("aria-pressed", "true")
    assert not log.evaluate(width)
    assert long_line.bounding_box()["height"] > 40
    log.focus()
    page.keyboard.press("End")
    expect(page.locator("#log .tx", has_text="line 3000 again")).to_be_in_viewport()


def test_a_step_is_downloaded_alone_and_copied_without_numbers(finished: Page) -> None:
    page = finished
    page.get_by_role("button", name="More actions").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Log of 2. Step 2").click()
    assert download.value.path().read_bytes() == b"second step\nline 3000 again\n"

    page.goto(f"{page.url.split('#')[0]}#S2L1-L2")
    expect(log_rows(page).and_(page.locator(".sel"))).to_have_count(2)
    copied = page.evaluate(
        """() => { const clipboardData = new DataTransfer();
        document.dispatchEvent(new ClipboardEvent("copy", {clipboardData, cancelable: true, bubbles: true}));
        return clipboardData.getData("text/plain"); }"""
    )
    assert copied == "second step\nline 3000 again"


def test_lines_are_picked_and_copied_by_keys_also_those_that_are_not_loaded(page: Page, world: World) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    run_runbook(page, world.runbook("Count up", "seq 1 30000"), world.development)
    task_state(page, "Success")
    to_the_start(page)
    page.keyboard.press("x")
    expect(picked(page)).to_have_text("1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowDown")
    bar = page.locator("#log-picked")
    expect(bar).to_contain_text("Lines 2 to 3 of step 1")
    assert page.url.endswith("#S1L2-L3")

    page.keyboard.press("c")
    expect(page.locator("#toasts")).to_contain_text("2 lines copied")
    assert page.evaluate("navigator.clipboard.readText()") == "2\n3"
    bar.get_by_role("button", name="Link").click()
    expect(page.locator("#toasts")).to_contain_text("Link copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url

    page.goto(f"{page.url.split('#')[0]}#S1L11-L15010")
    expect(bar).to_contain_text("Lines 11 to 15010")
    page.locator("#log").focus()
    page.keyboard.press("c")
    expect(page.locator("#toasts")).to_contain_text("15,000 lines copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "\n".join(str(number) for number in range(11, 15_011))

    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    assert "#" not in page.url


def test_a_phone_shows_and_searches_it(visitor: Visitor, world: World, finished: Page) -> None:
    page = visitor.open(world.viewer, viewport=PHONE)
    page.goto(finished.url)
    box = page.get_by_role("searchbox", name="Search the log")
    box.fill("careful")
    expect(page.locator("[data-log-found]")).to_have_text("1 of 1")
    expect(picked(page)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


HOSTILE = (
    b"<b>bold</b><script>window.hacked=1</script>\n"
    b"nul \x00 here \xff\xfe\xc3 end\n"
    b"\xe2\x80\xae reversed \xe2\x81\xa6 isolate \xe2\x80\xa8 separator\n"
    b"\x1b]8;;https://example.org/x\x07good link\x1b]8;;\x07 \x1b]8;;data:text/html,x\x07bad\x1b]8;;\x07\n"
    b"\x1b[999999999;1Hmoved \x1b[38;2;1;2mbroken \x1b[31\n"
    b"\x1bP+q544e\x1b\\dcs \x1b_apc\x1b\\ \x08\x08\x07 bell\n"
    + b"L" * 10_000_000
    + b"\nafter the long line\n"
)


def test_hostile_output_does_nothing_and_is_downloaded_byte_for_byte(
    page: Page, world: World, tmp_path: Path
) -> None:
    written = tmp_path / "hostile"
    written.write_bytes(HOSTILE)
    run_runbook(page, world.runbook("Attack the reader", f'cat "{written}"'), world.development)
    task_state(page, "Success")
    expect(page.locator("#logbox .lfoot [role=status]")).to_have_text("Complete")
    to_the_start(page)

    expect(shown_line(page, 1)).to_have_text("<b>bold</b><script>window.hacked=1</script>")
    expect(shown_line(page, 3)).to_contain_text("<U+202E> reversed <U+2066> isolate")
    links = page.locator("#log .tx a")
    expect(links).to_have_count(1)
    assert links.get_attribute("href") == "https://example.org/x"
    assert links.get_attribute("rel") == "noopener noreferrer"
    assert page.evaluate("window.hacked") is None
    expect(page.locator("#log .cut").first).to_be_attached()
    page.keyboard.press("End")
    expect(page.locator("#log .tx", has_text="after the long line")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("link", name="Raw log").first.click()
    assert download.value.path().read_bytes() == HOSTILE
