"""Values: which one wins and why, and those that nobody sees again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from domain.variables import VariableType
from tests.browser.conftest import World
from tests.browser.pages import add_variable, run_runbook, save_variables, task_state, whole_log
from tests.harness import scenarios
from tests.harness.browser import aside
from variables.models import Variable
from variables.services import sealing

SECRET = "swordfish-4711"


def test_a_secret_is_never_shown_again_and_masked_in_the_log(page: Page, world: World) -> None:
    project = aside(scenarios.project, world.installation.space, "Secrets", routes=world.routes)
    page.goto(f"/projects/{project.slug}/variables/")
    add_variable(page, "Api.Token", {"": SECRET}, type=VariableType.SENSITIVE)
    save_variables(page)
    page.reload()
    assert SECRET not in page.content()
    page.get_by_role("button", name="Actions for a value of Api.Token").click()
    page.get_by_role("link", name="Edit value").and_(page.locator(":visible")).click()
    expect(page.get_by_label("Sensitive value")).to_have_value("")

    book = aside(scenarios.runbook, project, "Leak it", ['echo "token #{Api.Token} ends"'])
    book.project = project
    task_id = run_runbook(page, book, world.development)
    task_state(page, "Success")
    assert whole_log(page) == ["token ******** ends"]
    for tab in ("raw/", "plan/", "variables/", "events/"):
        assert SECRET not in page.request.get(f"/tasks/{task_id}/{tab}").text()


def test_the_preview_says_which_value_wins_and_why(page: Page, world: World) -> None:
    project = aside(scenarios.project, world.installation.space, "Values", routes={})
    page.goto(f"/projects/{project.slug}/variables/")
    add_variable(page, "Greeting", {"": "hello", "Production": "good evening"})
    save_variables(page)
    shown = page.locator("#preview").get_by_role("listitem").filter(has_text="Greeting").first
    panel = page.get_by_role("complementary", name="Preview values")
    panel.get_by_label("Environment").select_option(label="Production")
    expect(shown.locator("b").first).to_have_text("good evening")
    expect(shown).to_contain_text("Beats hello")
    panel.get_by_label("Environment").select_option(label="Development")
    expect(shown.locator("b").first).to_have_text("hello")


@contextmanager
def thinking(page: Page) -> Iterator[None]:
    """What the table asks of the server gets its answer at the end of the block, and not before."""
    held: list[Route] = []
    is_over = False

    def hold(route: Route) -> None:
        if is_over:
            route.continue_()
        else:
            held.append(route)

    page.route("**/variables/group/", hold)
    yield
    is_over = True
    for route in held:
        route.continue_()


def new_variable(page: Page, world: World, project: str) -> Locator:
    made = aside(scenarios.project, world.installation.space, project, routes={})
    page.goto(f"/projects/{made.slug}/variables/")
    page.get_by_role("link", name="Add variable").click()
    group = page.locator("#vars tbody").last
    expect(group.get_by_label("Name", exact=True)).to_be_visible()
    return group


def change_type(page: Page, group: Locator, type: VariableType) -> None:
    with page.expect_request("**/variables/group/"):
        group.get_by_label("Type").select_option(type.value)


def stored(name: str) -> Variable:
    return aside(Variable.objects.get, name=name)


def test_what_is_typed_before_an_answer_outlives_it(page: Page, world: World) -> None:
    group = new_variable(page, world, "Fast typist")
    change_type(page, group, VariableType.WORKER_POOL)
    pool = group.get_by_label("Worker pool", exact=True)
    expect(pool).to_be_visible()
    with thinking(page):
        change_type(page, group, VariableType.SENSITIVE)
        group.get_by_label("Type").select_option(VariableType.WORKER_POOL.value)
        group.get_by_label("Name", exact=True).fill("Fast.Pool")
        group.get_by_label("Description").fill("Typed early")
        pool.select_option(label="SQL - Dev")
    expect(group.get_by_label("Name", exact=True)).to_have_value("Fast.Pool")
    group.get_by_role("button", name="Done with this value").click()
    expect(group.locator("tr[data-open-row]")).to_have_count(0)
    save_variables(page)

    found = stored("Fast.Pool")
    assert (found.value, found.description) == (str(world.dev_pool.pk), "Typed early")


@pytest.mark.parametrize("is_done", [False, True])
def test_a_secret_that_is_typed_before_an_answer_becomes_one(
    page: Page, world: World, *, is_done: bool
) -> None:
    name = f"Fast.Secret{is_done:d}"
    group = new_variable(page, world, f"Fast secrets {is_done:d}")
    done = group.get_by_role("button", name="Done with this value")
    with thinking(page):
        change_type(page, group, VariableType.SENSITIVE)
        group.get_by_label("Name", exact=True).fill(name)
        group.get_by_label("Value", exact=True).fill(SECRET)
        if is_done:
            done.click()
    if not is_done:
        expect(group.get_by_label("Sensitive value")).to_have_value(SECRET)
        done.click()
    expect(group.locator("tr[data-open-row]")).to_have_count(0)
    expect(group).to_contain_text(name)
    save_variables(page)

    found = stored(name)
    assert found.type == VariableType.SENSITIVE
    assert sealing.unseal(found.value) == SECRET


def test_an_answer_that_comes_after_saving_changes_nothing(page: Page, world: World) -> None:
    group = new_variable(page, world, "Saved early")
    with thinking(page):
        group.get_by_label("Name", exact=True).fill("Early")
        group.get_by_label("Value", exact=True).fill("bird")
        with page.expect_request("**/variables/group/"):
            group.get_by_role("button", name="Done with this value").click()
        save_variables(page)
    expect(page.locator("#vars tbody")).to_have_count(1)
    expect(page.locator("#vars tbody")).to_contain_text("bird")
    assert stored("Early").value == "bird"
