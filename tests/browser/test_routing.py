"""The routing matrix follows what is edited, before anything is saved."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from domain.variables import VariableType
from tests.browser.conftest import World
from tests.browser.pages import add_variable, pick_scope
from tests.browser.test_shell import RULES
from tests.harness import scenarios
from tests.harness.browser import aside


def test_the_matrix_follows_the_table(page: Page, world: World) -> None:
    project = aside(scenarios.project, world.installation.space, "Routed", routes={})
    page.goto(f"/projects/{project.slug}/variables/")
    expect(page.locator("#routing")).to_be_hidden()

    add_variable(page, "Routed.Pool", {"Development": "SQL - Dev"}, type=VariableType.WORKER_POOL)

    def cell(environment: str) -> Locator:
        header = page.get_by_role("rowheader", name=environment, exact=True)
        return page.locator("table.routes tbody tr").filter(has=header).get_by_role("cell")

    expect(cell("Development").locator("summary")).to_contain_text("SQL - Dev")
    expect(cell("Production").locator("summary")).to_contain_text("No value")

    page.get_by_role("button", name="Actions for a value of Routed.Pool").click()
    page.get_by_role("link", name="Edit value").and_(page.locator(":visible")).click()
    pick_scope(page, page.locator("#vars tr[data-open-row]"), "Production")
    expect(cell("Production").locator("summary")).to_contain_text("SQL - Dev")
    cell("Production").locator("summary").press("Enter")
    expect(cell("Production")).to_contain_text("Used. Exact environment")
    assert (
        Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response["violations"]
        == []
    )
