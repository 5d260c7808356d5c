"""What tenants are asked for, scopes of many values at once, and who changed what."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from projects.models import TenantLink
from tenants.services import tenants
from tests.browser.conftest import World
from tests.browser.pages import add_variable, save_variables
from tests.harness import scenarios
from tests.harness.browser import aside, picture
from variables.models import ScopeValue, TenantValue


def test_a_template_is_made_and_a_tenant_gives_its_value(page: Page, world: World) -> None:
    project = aside(scenarios.project, world.installation.space, "Asks tenants", routes=world.routes)
    tenant = aside(_connected, world, project)

    page.goto(f"/projects/{project.slug}/variables/")
    page.get_by_role("link", name="Tenant templates").click()
    page.get_by_role("link", name="Add template").click()
    page.get_by_label("Name", exact=True).fill("Database.Region")
    page.get_by_role("textbox", name="Label").fill("Region of the database")
    page.get_by_role("radio", name="Choice").check()
    page.get_by_role("textbox", name="Choices").fill("eu|Europe\nus|United States")
    page.get_by_role("button", name="Add template").click()
    expect(page.get_by_role("row", name="Database.Region")).to_contain_text("every tenant needs a value")
    picture(page, "tenant-templates")

    page.goto(f"/tenants/{tenant.slug}/")
    expect(page.get_by_role("main")).to_contain_text("1 missing")
    picture(page, "tenant")
    page.get_by_role("main").get_by_role("link", name="Open").click()
    picture(page, "tenant-variables")
    page.get_by_label("Region of the database in Production").select_option(label="Europe")
    page.get_by_role("button", name="Save variables").click()
    expect(page.get_by_label("Region of the database in Production")).to_have_value("eu")
    assert aside(TenantValue.objects.get, tenant=tenant).value == "eu"

    page.goto(f"/projects/{project.slug}/variables/")
    panel = page.get_by_role("complementary", name="Preview values")
    panel.get_by_label("Tenant").select_option(label=tenant.name)
    panel.get_by_label("Environment").select_option(label="Production")
    shown = page.locator("#preview").get_by_role("listitem").filter(has_text="Database.Region").first
    expect(shown).to_contain_text("Given for the tenant")


def _connected(world: World, project):  # type: ignore[no-untyped-def]  # called aside
    project.tenanted_mode = "TenantedOrUntenanted"
    project.save()
    tenant = tenants.create(space=world.installation.space, name="Harbour Foods")
    TenantLink.objects.create(project=project, tenant=tenant).environments.set([world.production])
    return tenant


def test_scopes_of_many_values_at_once_and_their_history(page: Page, world: World) -> None:
    project = aside(scenarios.project, world.installation.space, "Bulk scopes", routes={})
    page.goto(f"/projects/{project.slug}/variables/")
    for name in ("Alpha", "Beta", "Gamma"):
        add_variable(page, name, {"": name.lower()})
    save_variables(page)
    bar = page.get_by_role("group", name="Change the scope of the selected values")
    expect(bar).to_be_hidden()

    page.get_by_label("Select this value of Alpha").check()
    page.get_by_label("Select this value of Gamma").click(modifiers=["Shift"])
    expect(bar).to_contain_text("3 values selected")
    picture(page, "variables-bulk")
    page.get_by_label("Select this value of Beta").focus()
    page.keyboard.press("Space")
    expect(bar).to_contain_text("2 values selected")
    picker = bar.get_by_role("combobox", name="Scope for the selected values")
    picker.press_sequentially("Prod")
    page.keyboard.press("Enter")
    bar.get_by_role("button", name="Apply").click()
    expect(page.locator("#vars tr.chg")).to_have_count(2)
    expect(bar).to_contain_text("2 values selected")

    bar.get_by_label("Change", exact=True).select_option("undo")
    bar.get_by_role("button", name="Apply").click()
    expect(page.locator("#vars tr.chg")).to_have_count(0)

    bar.get_by_label("Change", exact=True).select_option("set")
    bar.get_by_role("combobox", name="Scope for the selected values").press_sequentially("Prod")
    page.keyboard.press("Enter")
    bar.get_by_role("button", name="Apply").click()
    expect(page.locator("#vars tr.chg")).to_have_count(2)
    save_variables(page)
    scoped = ScopeValue.objects.filter(variable__variable_set__owner_id=project.pk)
    assert aside(lambda: sorted(scoped.values_list("variable__name", flat=True))) == ["Alpha", "Gamma"]

    page.get_by_role("link", name="History").click()
    newest = page.get_by_role("listitem").filter(has_text="alpha (Production)").first
    expect(newest).to_contain_text("Gamma")
    expect(page.get_by_role("main")).to_contain_text("added")
    picture(page, "variables-history")
