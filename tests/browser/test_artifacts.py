"""A step leaves files; people look at them and download them."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import World
from tests.browser.pages import run_runbook, task_state

SCRIPT = r"""encode() { printf %s "$1" | base64 | tr -d '\n'; }
leave() { echo "##octopus[createArtifact path='$(encode "$PWD/$1")' name='$(encode "$2")']"; }
printf '<b>all</b> good\n' > report.html
head -c 3000000 /dev/urandom > large.bin
cksum < large.bin
leave report.html report.html
leave large.bin "../nasty name.bin"
leave missing.txt missing.txt
"""


def test_files_that_a_step_leaves_are_listed_shown_and_downloaded(page: Page, world: World) -> None:
    run_runbook(page, world.runbook("Leave files", SCRIPT), world.development)
    task_state(page, "Success with warnings")
    expect(page.locator("#log")).to_contain_text("The artifact missing.txt could not be kept")

    page.get_by_role("link", name="Artifacts 2").click()
    rows = page.get_by_role("region", name="Artifacts").get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_contain_text("nasty name.bin")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download nasty name.bin").click()
    assert download.value.suggested_filename == "nasty name.bin"
    assert download.value.path().stat().st_size == 3_000_000

    page.get_by_role("link", name="report.html", exact=True).click()
    expect(page.locator(".artifact-text")).to_have_text("<b>all</b> good")
