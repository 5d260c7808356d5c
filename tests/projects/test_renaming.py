"""Uses of a variable, and the variable under another name."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from domain.processes import SCRIPT_BODY
from domain.prompts import Control, Prompt
from domain.script_sources import GIT_ACCOUNT
from domain.variables import VariableType
from processes import mentions
from processes.models import Action, Process
from processes.services.processes import StaleProcess
from processes.services.steps import StepFields
from projects.services import project_variables, renaming
from projects.services.renaming import CannotRename
from tests.projects import scenarios
from tests.variables.test_pages import save as save_rows
from variables import merging
from variables.models import Variable
from variables.services import library, variable_sets
from variables.services.rows import Row
from variables.services.sealing import unseal
from variables.services.variable_sets import StaleVariables

pytestmark = pytest.mark.django_db
SCRIPT = 'echo "#{Host | ToUpper}"\necho "##{Host} $(get_octopusvariable Host)"\necho "#{Hosts}"'


@pytest.fixture
def used(project):
    """Host, used by a script, a runbook's script, another value, a secret and the choices of a prompt."""
    scenarios.add_step(project, "Use it", script=SCRIPT)
    runbook = scenarios.runbook(project)
    scenarios.add_step(runbook, "Also", script="#{if Host}x#{/if}")
    asked = Prompt(control=Control.SELECT, options="#{Host}\nother")
    own = project_variables.variable_set_of(project)
    kept = [merging.row_of(one) for one in variable_sets.freeze(own)["variables"]]
    save_rows(
        own,
        *kept,
        Row(name="Host", value="a"),
        Row(name="Url", value="https://#{Host}:1/##{Host}"),
        Row(name="Login", type=VariableType.SENSITIVE, value="pass-#{Host}-word"),
        Row(name="Which", prompt=asked),
        Row(name="Hosts", value="Host"),
    )
    return project


def scripts() -> list[str]:
    return [one.properties.get(SCRIPT_BODY, "") for one in Action.objects.order_by("pk")]


def test_everything_that_refers_to_it(used):
    found = renaming.find(used, "host")
    assert [(one.kind, one.label, one.noun) for one in found.uses] == [
        ("Variable", "Url", "Value"),
        ("Variable", "Login", "Value"),
        ("Variable", "Which", "Choices"),
        ("Step", "Use it of Orders database, deployment process", "Script"),
        ("Step", "Also of Orders database, runbook Back up", "Script"),
    ]
    assert (found.steps, found.values) == (2, 1)


def test_a_pool_variable_is_used_by_the_steps_that_it_sends(project):
    found = renaming.find(project, scenarios.POOL_VARIABLE)
    assert [one.noun for one in found.uses] == ["Worker pool variable"]


def test_renamed_everywhere_at_once(used, editor):
    found = renaming.find(used, "Host", "Db.Server")

    renaming.rename(used, "Host", "Db.Server", versions=found.versions, user=editor)

    assert scripts()[1] == (
        'echo "#{Db.Server | ToUpper}"\necho "##{Host} $(get_octopusvariable Db.Server)"\necho "#{Hosts}"'
    )
    assert scripts()[2] == "#{if Db.Server}x#{/if}"
    values = {one.name: one for one in Variable.objects.all()}
    assert values["Db.Server"].value == "a"
    assert values["Url"].value == "https://#{Db.Server}:1/##{Host}"
    assert unseal(values["Login"].value) == "pass-#{Db.Server}-word"
    assert values["Which"].prompt["options"] == "#{Db.Server}\nother"
    assert values["Hosts"].value == "Host"
    assert renaming.find(used, "Host").uses == []


def test_a_pool_variable_is_renamed_with_its_steps(project, editor):
    found = renaming.find(project, scenarios.POOL_VARIABLE, "Pool")
    renaming.rename(project, scenarios.POOL_VARIABLE, "Pool", versions=found.versions, user=editor)
    assert Action.objects.get().worker_pool_variable == "Pool"


def test_a_git_account_is_named_by_its_variable(project):
    fields = StepFields("Fetch", properties={GIT_ACCOUNT: "git.login", "Other": "#{Git.Login.Password}"})
    found = mentions.renamed(fields, "Git.Login", "Repository", known=["Git.Login"])
    assert found.properties == {GIT_ACCOUNT: "Repository", "Other": "#{Repository.Password}"}


def test_another_spelling_is_a_new_name_too(used, editor):
    found = renaming.find(used, "Host", "HOST")
    renaming.rename(used, "Host", "HOST", versions=found.versions, user=editor)
    assert "#{HOST | ToUpper}" in scripts()[1]


@pytest.mark.parametrize(
    ("new", "part"), [("Url", "already"), ("a}b", "cannot hold"), ("a[b", "could not refer")]
)
def test_names_that_cannot_be(used, new, part):
    with pytest.raises(CannotRename, match=part):
        renaming.find(used, "Host", new)


def test_what_others_saved_meanwhile_keeps_everything_as_it_is(used, editor):
    found = renaming.find(used, "Host", "Server")
    scenarios.add_step(used, "Later", script="#{Host}")
    with pytest.raises(StaleProcess):
        renaming.rename(used, "Host", "Server", versions=found.versions, user=editor)
    assert Variable.objects.filter(name="Host").exists()

    found = renaming.find(used, "Host", "Server")
    one = project_variables.variable_set_of(used)
    one.version += 1
    one.save()
    with pytest.raises(StaleVariables):
        renaming.rename(used, "Host", "Server", versions=found.versions, user=editor)


def test_a_value_of_the_library_alone_is_not_renamed_here(project, editor):
    shared = library.create(space=project.space, name="Shared")
    save_rows(library.variable_set_of(shared), Row(name="Proxy", value="x"))
    project_variables.include(project, [shared], user=None)
    found = renaming.find(project, "Proxy")
    assert (found.values, found.libraries) == (0, ("Shared",))
    with pytest.raises(CannotRename, match="of its own"):
        renaming.rename(project, "Proxy", "Other", versions=found.versions, user=editor)


class TestPage:
    def url(self, project):
        return reverse("variable_uses", args=[project.slug])

    def test_lists_shows_and_renames(self, used, as_user, editor):
        client = as_user(editor)
        page = client.get(self.url(used), {"name": "Host"}).text
        assert "Use it of Orders database" in page
        assert "pass-" not in page

        page = client.get(self.url(used), {"name": "Host", "new": "Server"}).text
        assert "Rename in 5 places" in page
        assert "pass-" not in page
        versions = renaming.find(used, "Host").versions
        data = {
            "name": "Host",
            "new": "Server",
            "version": versions.variables,
            "process": [f"{pk}:{version}" for pk, version in versions.processes.items()],
        }
        stale = client.post(self.url(used), {**data, "version": 1})
        assert (stale.status_code, "Somebody saved" in stale.text) == (409, True)
        assert client.post(self.url(used), data).status_code == 302
        assert Variable.objects.filter(name="Server").exists()

    def test_a_wrong_name_is_said(self, used, as_user, editor):
        answer = as_user(editor).get(self.url(used), {"name": "Host", "new": "Url"})
        assert (answer.status_code, "already" in answer.text) == (422, True)

    def test_a_viewer_looks_and_does_not_rename(self, used, as_user, viewer):
        client = as_user(viewer)
        page = client.get(self.url(used), {"name": "Host"})
        assert "Show what changes" not in page.text
        assert client.post(self.url(used), {"name": "Host", "new": "Server"}).status_code == 403

    def test_the_page_costs_the_same_for_many_steps(self, used, as_user, viewer):
        client = as_user(viewer)

        def cost() -> int:
            with CaptureQueriesContext(connection) as queries:
                client.get(self.url(used), {"name": "Host"})
            return len(queries)

        cost()
        few = cost()
        for number in range(4):
            scenarios.add_step(used, f"More {number}", script="#{Host}")
        assert cost() == few
        assert Process.objects.count() == 2
