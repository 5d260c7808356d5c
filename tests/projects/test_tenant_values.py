"""Templates, the values that tenants give, the runs that find them, and the pages for both."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event
from accounts.permissions import NotAllowed
from domain.plans import ProblemCode
from domain.prompts import Control, Prompt
from domain.scopes import Context, Kind, Scope
from domain.tenant_values import Template
from domain.variables import Origin, VariableType, resolve
from projects.places import Place
from projects.services import deployments, project_variables, releases, runs
from projects.services.runs import RunRefused
from projects.tenant_variables import sheet
from tests.factories import TenantFactory, TenantLinkFactory, UserFactory
from tests.projects import scenarios
from tests.variables.test_pages import save as save_rows
from variables.models import TenantValue, VariableTemplate
from variables.services import library, templates, tenant_values
from variables.services.sealing import is_sealed, unseal
from variables.services.templates import TemplateRefused, Wanted
from variables.services.tenant_values import Given, ValuesRefused

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenant(project, environments):
    project.tenanted_mode = "Tenanted"
    project.save()
    made = TenantFactory(space=project.space, name="Acme")
    TenantLinkFactory(project=project, tenant=made, environments=environments)
    return made


@pytest.fixture
def shared(project):
    made = library.create(space=project.space, name="Shared")
    project_variables.include(project, [made], user=None)
    return made


def ask(
    project, name="Host", control=Control.SINGLE_LINE, default="", options="", **more
) -> VariableTemplate:
    prompt = Prompt(control=control, options=options)
    owner = project_variables.variable_set_of(project)
    return templates.save(owner, name=name, ask=prompt, default=default, **more)


def ask_all(library_set, name="Alias", **more) -> VariableTemplate:
    return templates.save(library.variable_set_of(library_set), name=name, ask=Prompt(), **more)


def give(tenant, template, value, environment=None, user=None) -> None:
    tenant_values.give(tenant, [Given(template, environment, value)], user=user)


def planned(project, environment, tenant):
    release = releases.create(project=project, version=f"1.0.{project.releases.count()}", user=None)
    [one] = runs.plan(deployments.runnable(release), [Place(environment, tenant)])
    return one.plan


def value_in(plan, name):
    return resolve(name, plan.candidates, plan.context).winner


class TestRuns:
    def test_values_of_the_tenant_in_the_environment_reach_the_plan(
        self, project, tenant, environments, shared
    ):
        host, alias = ask(project), ask_all(shared)
        dev, prod = environments
        give(tenant, host, "acme.dev", dev)
        give(tenant, host, "acme.prod", prod)
        give(tenant, alias, "acme")

        plan = planned(project, prod, tenant)

        assert value_in(plan, "Host").value == "acme.prod"
        assert value_in(plan, "Alias").value == "acme"
        assert value_in(plan, "Alias").origin is Origin.TENANT

    def test_a_release_made_before_finds_values_given_after(self, project, tenant, environments):
        release = releases.create(project=project, version="1.0.0", user=None)
        give(tenant, ask(project), "acme.dev", environments[0])

        [one] = runs.plan(deployments.runnable(release), [Place(environments[0], tenant)])

        assert value_in(one.plan, "Host").value == "acme.dev"

    def test_what_is_missing_refuses_the_run_by_name(self, project, tenant, environments, editor):
        ask(project), ask(project, "Port"), ask(project, "Region", default="EU")
        release = releases.create(project=project, version="1.0.0", user=None)

        with pytest.raises(RunRefused) as refused:
            deployments.deploy(
                release=release,
                environments=environments[:1],
                tenants=[tenant],
                user=editor,
                now=timezone.now(),
            )

        [problem] = [
            one
            for one in refused.value.plans[0].plan.problems
            if one.code is ProblemCode.MISSING_TENANT_VALUE
        ]
        assert problem.message.startswith("Host and Port have no value for Acme.")

    def test_runs_without_a_tenant_ask_for_nothing(self, project, environments):
        ask(project)
        plan = planned(project, environments[0], None)
        assert (plan.can_start, value_in(plan, "Host")) == (True, None)

    def test_a_pool_for_each_tenant(self, project, tenant, environments, pools):
        name = scenarios.POOL_VARIABLE
        save_rows(project_variables.variable_set_of(project))
        template = ask(project, name, Control.WORKER_POOL)
        give(tenant, template, str(pools[1].pk), environments[0])

        plan = planned(project, environments[0], tenant)

        assert plan.steps[0].pool_name == "SQL - Production"
        assert plan.can_start

    def test_a_secret_is_sealed_and_never_among_what_is_shown(self, project, tenant, environments):
        template = ask(project, "Password", Control.SENSITIVE, default="from the template")
        give(tenant, template, "correct horse", environments[0])

        stored = TenantValue.objects.get().value
        plan = planned(project, environments[0], tenant)

        assert is_sealed(stored)
        assert unseal(stored) == "correct horse"
        assert value_in(plan, "Password").type is VariableType.SENSITIVE
        assert "correct horse" not in str(plan.to_json())
        assert unseal(VariableTemplate.objects.get().default) == "from the template"

    def test_many_tenants_cost_no_more_than_two(self, project, environments):
        template = ask(project)
        tenants = [TenantFactory(space=project.space) for _ in range(6)]
        for one in tenants:
            give(one, template, "x", environments[0])

        def cost(some):
            with CaptureQueriesContext(connection) as queries:
                project_variables.of_tenants(project, some)
            return len(queries)

        assert cost(tenants) == cost(tenants[:2])


class TestTemplates:
    def test_names_are_taken_once(self, project):
        ask(project)
        with pytest.raises(TemplateRefused, match="template of this name"):
            ask(project, "host")

    def test_a_default_must_fit(self, project):
        with pytest.raises(TemplateRefused) as refused:
            ask(project, control=Control.SELECT, options="a\nb", default="c")
        assert refused.value.field == "default"

    def test_a_control_that_would_not_fit_the_values_is_refused(self, project, tenant, environments):
        template = ask(project)
        give(tenant, template, "x", environments[0])
        owner = project_variables.variable_set_of(project)
        with pytest.raises(TemplateRefused, match="Tenants have values"):
            templates.save(owner, template=template, name="Host", ask=Prompt(control=Control.SENSITIVE))

    def test_a_secret_default_is_kept_where_nothing_is_said(self, project):
        template = ask(project, "Password", Control.SENSITIVE, default="correct horse")
        owner, prompt = template.variable_set, Prompt(label="Pass", control=Control.SENSITIVE)

        templates.save(owner, template=template, name="Password", ask=prompt, default=None)

        template.refresh_from_db()
        assert (template.label, unseal(template.default)) == ("Pass", "correct horse")

    def test_replacing_keeps_those_of_the_same_name_with_their_values(self, project, tenant, environments):
        template = ask(project)
        ask(project, "Old")
        give(tenant, template, "x", environments[0])

        templates.replace_all(
            template.variable_set, [Wanted("host", Prompt()), Wanted("New", Prompt())], user=None
        )

        assert sorted(VariableTemplate.objects.values_list("name", flat=True)) == ["New", "host"]
        assert TenantValue.objects.get().template_id == template.pk

    def test_they_are_noted_in_the_audit(self, project, editor):
        ask(project, user=editor)
        assert Event.objects.filter(
            message="Added the template Host for tenants of Orders database."
        ).exists()


class TestValues:
    def test_where_a_value_belongs(self, project, tenant, environments, shared):
        host, alias = ask(project), ask_all(shared)
        with pytest.raises(ValuesRefused, match="a value for each environment"):
            give(tenant, host, "x")
        with pytest.raises(ValuesRefused, match="one value for each tenant"):
            give(tenant, alias, "x", environments[0])

    def test_a_pool_needs_the_right_to_use_it(self, project, tenant, environments, pools):
        template = ask(project, "Pool", Control.WORKER_POOL)
        viewer = UserFactory(role="viewer")
        with pytest.raises(NotAllowed):
            give(tenant, template, str(pools[0].pk), environments[0], user=viewer)

    def test_nothing_takes_the_value_away(self, project, tenant, environments):
        template = ask(project)
        give(tenant, template, "x", environments[0])
        give(tenant, template, "", environments[0])
        assert not TenantValue.objects.exists()

    def test_the_audit_names_what_changed_and_no_value(self, project, tenant, environments, editor):
        give(tenant, ask(project), "the value", environments[0], user=editor)
        event = Event.objects.latest("pk")
        assert event.message == "Changed the variables of tenant Acme: Host."
        assert "the value" not in str(event.details)

    def test_what_is_the_same_is_no_change(self, project, tenant, environments):
        template = ask(project)
        give(tenant, template, "x", environments[0])
        before = Event.objects.count()
        give(tenant, template, "x", environments[0])
        assert Event.objects.count() == before


class TestPages:
    def test_the_page_of_a_tenant_names_what_is_missing(self, project, tenant, environments, as_user, viewer):
        ask(project)
        page = as_user(viewer).get(reverse("tenant_detail", args=[tenant.slug])).text
        assert "2 missing" in page
        assert "in Production" in page

    def test_values_are_entered_and_what_others_changed_stays(
        self, project, tenant, environments, as_user, editor
    ):
        template = ask(project)
        dev, prod = environments
        give(tenant, template, "mine", prod)
        url = reverse("tenant_variables", args=[tenant.slug])
        client = as_user(editor)
        assert 'value="mine"' in client.get(url).text
        give(tenant, template, "theirs", prod)

        response = client.post(
            url,
            {
                f"v-{template.pk}-{dev.pk}": "new",
                f"was-{template.pk}-{dev.pk}": "",
                f"v-{template.pk}-{prod.pk}": "mine",
                f"was-{template.pk}-{prod.pk}": "mine",
            },
        )

        assert response.status_code == 302
        found = dict(TenantValue.objects.values_list("environment__name", "value"))
        assert found == {"Development": "new", "Production": "theirs"}

    def test_what_cannot_be_is_said_beside_the_field(self, project, tenant, environments, as_user, editor):
        template = ask(project, "Password", Control.SENSITIVE)
        key = f"{template.pk}-{environments[0].pk}"
        response = as_user(editor).post(reverse("tenant_variables", args=[tenant.slug]), {f"v-{key}": "abc"})
        assert response.status_code == 422
        assert "at least 4 characters" in response.text
        assert 'value="abc"' not in response.text

    def test_a_viewer_sees_and_cannot_enter(self, project, tenant, environments, as_user, viewer):
        give(tenant, ask(project), "acme.dev", environments[0])
        url = reverse("tenant_variables", args=[tenant.slug])
        client = as_user(viewer)
        assert "acme.dev" in client.get(url).text
        assert client.post(url, {}).status_code == 403

    def test_templates_are_made_changed_and_deleted(self, project, as_user, editor):
        client = as_user(editor)
        listing = reverse("project_templates", args=[project.slug])
        assert "Tenants are asked for nothing" in client.get(listing).text
        new = reverse("project_template_create", args=[project.slug])
        assert client.post(new, {"name": "Host", "control": "SingleLineText", "text": "x"}).status_code == 302
        template = VariableTemplate.objects.get()
        assert "Host" in client.get(listing).text

        edit = reverse("project_template_edit", args=[project.slug, template.pk])
        assert 'value="Host"' in client.get(edit).text
        wrong = client.post(edit, {"name": "Host", "control": "Select", "options": ""})
        assert (wrong.status_code, "Enter the choices" in wrong.text) == (422, True)

        client.post(reverse("project_template_delete", args=[project.slug, template.pk]))
        assert not VariableTemplate.objects.exists()

    def test_a_library_set_has_templates_too(self, shared, as_user, editor):
        client = as_user(editor)
        new = reverse("library_template_create", args=[shared.slug])
        client.post(new, {"name": "Alias", "control": "Checkbox", "box": "on"})
        assert VariableTemplate.objects.get().default == "True"
        assert "Alias" in client.get(reverse("library_templates", args=[shared.slug])).text

    def test_the_preview_says_whose_value_it_is(self, project, tenant, environments, as_user, viewer):
        give(tenant, ask(project), "acme.dev", environments[0])
        url = reverse("variable_preview", args=[project.slug])
        query = {"environment": environments[0].pk, "tenant": tenant.pk}
        page = as_user(viewer).get(url, query).text
        assert "acme.dev" in page
        assert "Given for the tenant" in page

    def test_the_page_costs_the_same_with_many_templates(self, project, tenant, environments, shared, viewer):
        def cost():
            with CaptureQueriesContext(connection) as queries:
                list(sheet(tenant, viewer=viewer).cells())
            return len(queries)

        ask(project, "A"), ask_all(shared, "B")
        few = cost()
        for number in range(5):
            ask(project, f"A{number}"), ask_all(shared, f"B{number}")
        assert cost() == few


def test_context_of_another_tenant_finds_nothing(project, tenant, environments):
    give(tenant, ask(project), "acme.dev", environments[0])
    reader = project_variables.of_tenants(project, [tenant])
    other = Context(environment=str(environments[0].pk), tenant="0")
    found = reader(environments[0], tenant).candidates
    assert resolve("Host", found, other).winner is None
    assert found[0].scope == Scope.of({Kind.TENANT: [tenant.pk], Kind.ENVIRONMENT: [environments[0].pk]})
    assert isinstance(reader.templates[0], Template)
