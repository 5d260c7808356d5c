"""Step templates: imported and exported as people share them, used by steps, brought to another version."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from common.usage import InUse
from domain import step_templates
from domain.plans import RunPlan
from domain.step_templates import PARAMETERS, TEMPLATE_ID, TEMPLATE_VERSION, BadTemplate
from processes.models import ActionTemplate
from processes.services import templates
from projects.services import deployments, releases
from tasks.engine import jobs, script
from tasks.engine.held import those_of
from tasks.models import Attempt
from tests.projects import scenarios
from tests.projects.conftest import environments, pools, project
from tests.tasks.engine.test_attempts import accept, finish

__all__ = ["environments", "pools", "project"]
pytestmark = pytest.mark.django_db


def shared(**changes):
    """A template in the form in which people share them."""
    return {
        "Id": "2f1e4bb0-7a13-4a4c-9a9d-111111111111",
        "Name": "Greet",
        "Description": "Says **hello**.\nTwice.",
        "ActionType": "Octopus.Script",
        "Version": 7,
        "CommunityActionTemplateId": None,
        "Packages": [],
        "Properties": {
            "Octopus.Action.Script.Syntax": "Bash",
            "Octopus.Action.Script.ScriptSource": "Inline",
            "Octopus.Action.Script.ScriptBody": "echo #{Greeting} #{Who}\r\n",
        },
        "Parameters": [
            {
                "Id": "1",
                "Name": "Greeting",
                "Label": "What to say",
                "HelpText": "Anything `kind`.",
                "DefaultValue": "Hello",
                "DisplaySettings": {"Octopus.ControlType": "SingleLineText"},
            },
            {
                "Name": "Who",
                "DefaultValue": "world",
                "DisplaySettings": {
                    "Octopus.ControlType": "Select",
                    "Octopus.SelectOptions": "world|The world\nmoon|The moon",
                },
            },
        ],
        "StepPackageId": "Octopus.Script",
        "$Meta": {"ExportedAt": "2026-01-01T00:00:00Z", "OctopusVersion": "2025.1", "Type": "ActionTemplate"},
        "Category": "other",
        **changes,
    }


def imported(space, *rows, user=None) -> list[templates.Imported]:
    return templates.import_all(space=space, text=json.dumps(list(rows)), user=user)


@pytest.fixture
def template(space) -> ActionTemplate:
    [one] = imported(space, shared())
    assert one.template is not None
    return one.template


class TestImport:
    def test_all_of_it_is_kept_and_given_back(self, space, template):
        found = templates.content_of(template)

        assert (found.name, found.version, found.notes) == ("Greet", 1, ())
        assert [one.title for one in found.parameters] == ["What to say", "Who"]
        assert found.parameters[1].choices() == [("world", "The world"), ("moon", "The moon")]
        again = step_templates.read(found.to_json())
        assert again.parameters == found.parameters
        assert again.properties["Octopus.Action.Script.ScriptBody"] == "echo #{Greeting} #{Who}\n"
        assert found.to_json()["$Meta"] == {"Type": "ActionTemplate"}

    def test_the_same_again_changes_nothing_and_another_one_is_the_next_version(self, space, template):
        [same] = imported(space, shared(Version=9))
        [new] = imported(space, shared(Description="Other."))

        assert (same.is_unchanged, same.version) == (True, 1)
        assert (new.is_unchanged, new.version) == (False, 2)
        assert templates.content_of(template, 1).description.startswith("Says")

    def test_what_cannot_be_is_said_for_each(self, space):
        found = imported(
            space,
            shared(Name="Cloud", ActionType="Octopus.AzurePowerShell"),
            shared(Name="Sharp", Properties={"Octopus.Action.Script.Syntax": "CSharp"}),
            shared(Name="Good"),
            {"Name": "x"},
            7,
            {**shared(), "$Meta": {"Type": "Process"}},
        )

        assert [one.problem for one in found] == [
            "This server has no steps of the type Octopus.AzurePowerShell.",
            "This server cannot run scripts in CSharp.",
            "",
            "A template needs a Name and an ActionType.",
            "This is not a template: it is no JSON object.",
            "This is not a step template, but of the type Process.",
        ]
        assert ActionTemplate.objects.count() == 1

    def test_those_in_powershell_are_imported_too(self, space):
        body = "Write-Host $OctopusParameters['Greeting']"
        properties = {"Octopus.Action.Script.Syntax": "PowerShell", "Octopus.Action.Script.ScriptBody": body}

        [one] = imported(space, shared(Properties=properties))

        assert (one.problem, one.version) == ("", 1)

    def test_what_is_lost_is_said(self, space):
        rows = [
            {"Name": "Account", "DisplaySettings": {"Octopus.ControlType": "AzureAccount"}},
            {
                "Name": "Key",
                "DefaultValue": {"HasValue": True},
                "DisplaySettings": {"Octopus.ControlType": "Sensitive"},
            },
        ]
        [one] = imported(
            space,
            shared(
                Parameters=rows,
                Packages=[{"Name": "Tool"}],
                Properties={**shared()["Properties"], "Secret": {"HasValue": True}},
            ),
        )

        assert one.notes == (
            "The secret value of Secret is not in the file, and is left out.",
            "Account is entered as a text: there is no control AzureAccount here.",
            "The secret default value of Key is not in the file, and is left out.",
            "Its package references (1) are left out. Add them to the steps made from it.",
        )
        exported = templates.content_of(one.template).to_json()
        assert exported["Parameters"][0]["DisplaySettings"] == {"Octopus.ControlType": "AzureAccount"}

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"Properties": []}, "Properties is not an object."),
            ({"Parameters": {}}, None),
            ({"Parameters": "x"}, "not a list"),
            ({"Parameters": [{"Name": "a"}, {"Name": "A"}]}, "Two parameters are called A."),
            ({"Parameters": [{"Name": "Octopus.Machine.Name"}]}, "cannot be called"),
            ({"Parameters": [{"Name": ""}]}, "cannot be called"),
            ({"Parameters": [7]}, "no object"),
            ({"Name": 7}, "Name is not a text"),
        ],
    )
    def test_bad_fields(self, changes, words):
        if words is None:
            assert step_templates.read(shared(**changes)).parameters == ()
            return
        with pytest.raises(BadTemplate, match=words):
            step_templates.read(shared(**changes))

    @pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
    def test_what_is_no_json_at_all(self, text):
        with pytest.raises(BadTemplate, match="not JSON"):
            step_templates.read_all(text)


def add(client, project, template, **changes):
    url = f"{reverse('project_process', args=[project.slug])}new/template-{template.pk}/"
    data = {
        "version": scenarios.process_of(project).version,
        "action_type": f"template-{template.pk}",
        "name": "Greet us",
        "is_enabled": "on",
        "location": "worker",
        "pool_choice": "variable",
        "worker_pool_variable": scenarios.POOL_VARIABLE,
        "parameter_1": "Hi",
        "parameter_2": "moon",
        "retries": "2",
    }
    return client.post(url, {**data, **changes})


def action_of(project, name="Greet us"):
    return scenarios.process_of(project).steps.get(name=name).actions.get()


class TestUse:
    def test_the_step_keeps_all_that_it_needs(self, as_user, editor, project, template):
        client = as_user(editor)
        page = client.get(reverse("project_process", args=[project.slug])).content.decode()
        assert f"new/template-{template.pk}/" in page
        assert "Says **hello**." in page

        response = add(client, project, template)

        assert response.status_code == 302, response.content.decode()
        assert action_of(project).properties == {
            "Octopus.Action.Script.Syntax": "Bash",
            "Octopus.Action.Script.ScriptSource": "Inline",
            "Octopus.Action.Script.ScriptBody": "echo #{Greeting} #{Who}\n",
            "Octopus.Action.AutoRetry.MaximumCount": "2",
            TEMPLATE_ID: f"ActionTemplates-{template.pk}",
            TEMPLATE_VERSION: "1",
            PARAMETERS: '["Greeting", "Who"]',
            "Greeting": "Hi",
            "Who": "moon",
        }

    def test_its_form_is_that_of_its_version(self, as_user, editor, project, template):
        client = as_user(editor)
        url = add(client, project, template)["Location"]
        imported(template.space, shared(Parameters=[]))

        page = client.get(url).content.decode()

        assert 'value="Hi"' in page
        assert "version 1" in page
        assert "The moon" in page

    def test_a_blank_one_has_the_defaults(self, as_user, editor, project, template):
        url = f"{reverse('project_process', args=[project.slug])}new/template-{template.pk}/"

        page = as_user(editor).get(url).content.decode()

        assert 'value="Hello"' in page
        assert "<code>kind</code>" in page

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [("parameter_2", "sun", "is not one of the choices"), ("name", "", "This field is required")],
    )
    def test_bad_values(self, as_user, editor, project, template, field, value, words):
        response = add(as_user(editor), project, template, **{field: value})

        assert response.status_code == 422
        assert words in response.content.decode()

    def test_secrets_come_from_variables(self, as_user, editor, project, space):
        parameter = {"Name": "Key", "DisplaySettings": {"Octopus.ControlType": "Sensitive"}}
        [one] = imported(space, shared(Parameters=[parameter]))
        client = as_user(editor)

        assert add(client, project, one.template, parameter_1="s3cret").status_code == 422
        assert add(client, project, one.template, parameter_1="#{Api.Key}").status_code == 302

    def test_parameters_are_variables_of_the_step_alone(
        self, as_user, editor, operator, project, template, environments
    ):
        add(as_user(editor), project, template, parameter_1="Hi from #{Octopus.Environment.Name}")
        release = releases.create(project=project, version="1.0.0", user=editor)
        [task] = deployments.deploy(
            release=release, environments=environments[:1], user=operator, now=timezone.now()
        )
        plan = RunPlan.from_json(task.plan)
        assert [one.message for one in plan.problems] == []
        for _ in range(2):
            jobs.sweep(now=timezone.now())
        first = Attempt.objects.get()
        assert "Greeting" not in accept(first).variables
        finish(first)
        [held] = those_of(Attempt.objects.exclude(pk=first.pk))

        frame = script.start_frame(held)

        assert frame.script == "echo Hi from Development moon\n"
        assert frame.variables["Who"] == "moon"

    def test_who_may_not_edit_is_kept_out(self, as_user, viewer, project, template):
        client = as_user(viewer)

        assert add(client, project, template).status_code == 403
        assert (
            client.post(reverse("template_update", args=[template.pk]), {"action": "all"}).status_code == 403
        )
        assert client.get(reverse("template_import")).status_code == 403
        assert client.get(reverse("template_detail", args=[template.pk])).status_code == 200


class TestVersions:
    def test_steps_are_brought_to_the_newest_one_or_all_of_them(self, as_user, editor, project, template):
        client = as_user(editor)
        add(client, project, template)
        add(client, project, template, name="Greet them", parameter_1="Hey")
        parameters = [*shared()["Parameters"][:1], {"Name": "Mark", "DefaultValue": "!"}]
        body = {**shared()["Properties"], "Octopus.Action.Script.ScriptBody": "echo #{Greeting}#{Mark}"}
        imported(template.space, shared(Parameters=parameters, Properties=body))
        url = reverse("template_update", args=[template.pk])
        page = client.get(reverse("template_detail", args=[template.pk])).content.decode()
        assert page.count("Update to version 2") == 2

        client.post(url, {"action": str(action_of(project).pk)})

        properties = action_of(project).properties
        assert (properties["Greeting"], properties["Mark"], properties[TEMPLATE_VERSION]) == ("Hi", "!", "2")
        assert "Who" not in properties
        assert properties["Octopus.Action.AutoRetry.MaximumCount"] == "2"
        assert action_of(project, "Greet them").properties[TEMPLATE_VERSION] == "1"

        client.post(url, {"action": "all"})
        assert action_of(project, "Greet them").properties["Greeting"] == "Hey"
        assert action_of(project, "Greet them").properties[TEMPLATE_VERSION] == "2"

    def test_one_that_is_used_is_not_deleted(self, as_user, editor, project, template):
        add(as_user(editor), project, template)

        with pytest.raises(InUse):
            templates.delete(template, user=editor)


class TestPages:
    def test_files_are_imported_and_the_report_says_what_became_of_each(self, as_user, editor):
        good = SimpleUploadedFile("a.json", json.dumps(shared()).encode("utf-8-sig"))
        bad = SimpleUploadedFile("b.json", b"\xff\xfe")

        response = as_user(editor).post(reverse("template_import"), {"files": [good, bad], "text": ""})

        page = response.content.decode()
        assert "imported as version 1" in page
        assert "This is not JSON" in page
        assert ActionTemplate.objects.get().name == "Greet"

    def test_nothing_to_import_is_said(self, as_user, editor):
        response = as_user(editor).post(reverse("template_import"), {"text": ""})

        assert response.status_code == 422
        assert "Choose a file, or paste a template." in response.content.decode()

    def test_the_list_and_the_export(self, as_user, viewer, template):
        client = as_user(viewer)

        assert "Greet" in client.get(reverse("template_list")).content.decode()
        exported = client.get(reverse("template_export", args=[template.pk]))

        assert exported["Content-Disposition"] == 'attachment; filename="greet.json"'
        assert step_templates.read(exported.json()).name == "Greet"

    def test_the_list_costs_the_same_for_many(self, as_user, viewer, space, django_assert_max_num_queries):
        for number in range(20):
            imported(space, shared(Name=f"Greet {number}"))
        client = as_user(viewer)

        with django_assert_max_num_queries(15):
            client.get(reverse("template_list"))


class TestApi:
    def test_it_is_made_read_changed_and_deleted(self, as_user, editor, space):
        client = as_user(editor)
        base = f"/api/Spaces-{space.pk}/actiontemplates"
        body = {"Name": "Say", "ActionType": "Octopus.Script", "Properties": {"a": "b"}}

        made = client.post(base, json.dumps(body), content_type="application/json")
        assert made.status_code == 201, made.content
        row = made.json()
        assert (row["Id"], row["Version"], row["Properties"]) == (
            f"ActionTemplates-{row['Id'][16:]}",
            1,
            {"a": "b"},
        )
        changed = client.put(
            f"{base}/{row['Id']}",
            json.dumps({**row, "Parameters": [{"Name": "P", "DefaultValue": "x"}]}),
            content_type="application/json",
        )
        assert changed.status_code == 200, changed.content
        assert changed.json()["Version"] == 2
        assert changed.json()["Parameters"][0]["Name"] == "P"
        stale = client.put(f"{base}/{row['Id']}", json.dumps(row), content_type="application/json")
        assert stale.status_code == 409
        assert [one["Version"] for one in client.get(f"{base}/{row['Id']}/versions").json()] == [2, 1]
        assert client.get(f"{base}/{row['Id']}/usage").json() == []
        assert client.get(f"{base}/all").json()[0]["Name"] == "Say"
        assert client.delete(f"{base}/{row['Id']}").status_code == 200

    def test_bad_parameters_are_refused(self, as_user, editor, space):
        body = {"Name": "Say", "ActionType": "Octopus.Script", "Parameters": [{"Name": ""}]}

        answer = as_user(editor).post(
            f"/api/Spaces-{space.pk}/actiontemplates", json.dumps(body), content_type="application/json"
        )

        assert answer.status_code == 400
        assert "cannot be called" in str(answer.json()["Errors"])

    def test_usage_names_the_steps(self, as_user, editor, project, template):
        client = as_user(editor)
        add(client, project, template)

        [use] = client.get(
            f"/api/Spaces-{project.space_id}/actiontemplates/ActionTemplates-{template.pk}/usage"
        ).json()

        assert (use["ActionName"], use["Version"], use["ProcessType"]) == ("Greet us", "1", "Deployment")
