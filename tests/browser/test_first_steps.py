"""From nothing to a runbook that runs on the pool that its variable picks, through the pages alone."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from domain.variables import VariableType
from tests.browser.conftest import World
from tests.browser.pages import (
    add_script_step,
    add_variable,
    create_environment,
    create_pool,
    create_project,
    create_runbook,
    save_variables,
    task_state,
)

VARIABLE = "Invoices.WorkerPool"
#: Environment: pool, worker.
ROUTES = {"Staging": ("SQL - Dev", "sql-dev-01"), "Live": ("SQL - Production", "sql-prod-01")}


def test_a_runbook_runs_on_the_pool_that_the_variable_picks(page: Page, world: World, tmp_path: Path) -> None:
    for place in ROUTES:
        create_environment(page, place)
    create_pool(page, "Spare hands")
    create_project(page, "Invoices")
    page.get_by_role("navigation", name="Project").get_by_role("link", name="Variables").click()
    pools = {place: pool for place, (pool, _) in ROUTES.items()}
    add_variable(page, VARIABLE, pools, type=VariableType.WORKER_POOL)
    save_variables(page)
    create_runbook(page, "Rebuild the index")
    page.get_by_role("navigation", name="Runbook").get_by_role("link", name="Process").click()
    proof = f'echo "#{{Octopus.Machine.Name}}" > "{tmp_path}/#{{Octopus.Environment.Name}}"\necho built\n'
    add_script_step(page, "Rebuild", proof, pool_variable=VARIABLE)
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("main")).to_contain_text("Snapshot 1")

    page.get_by_role("link", name="Run", exact=False).and_(page.locator(".btn.primary")).click()
    for place, (pool, worker) in ROUTES.items():
        check_plan(page, place, pool, worker)
    page.get_by_role("button", name="Run in 2 environments").click()

    expect(page).to_have_url(re.compile("/tasks/"))
    for place, (_, worker) in ROUTES.items():
        check_run(page, place, worker)
        assert (tmp_path / place).read_text() == f"{worker}\n"


def check_plan(page: Page, place: str, pool: str, worker: str) -> None:
    dialog = page.get_by_role("dialog", name="Run Rebuild the index")
    dialog.get_by_label(place).check()
    plan = dialog.get_by_role("article").filter(has=page.locator("header", has_text=place))
    expect(plan.locator(".pchip")).to_have_text(pool)
    why = plan.locator("details", has_text=f"Why {pool}?")
    if why.get_attribute("open") is None:
        why.locator("summary").click()
    expect(why).to_contain_text(VARIABLE)
    expect(why.locator("tr.win")).to_contain_text(pool)
    expect(why.locator(".wk")).to_contain_text(worker)


def check_run(page: Page, place: str, worker: str) -> None:
    page.goto("/tasks/")
    row = page.get_by_role("row").filter(has_text="Rebuild the index").filter(has_text=place)
    row.get_by_role("link").click()
    task_state(page, "Success")
    expect(page.locator("#task-tree")).to_contain_text(worker)
    expect(page.locator("#log")).to_contain_text("built")
