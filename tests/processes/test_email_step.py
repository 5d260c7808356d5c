"""Send an e-mail in the step editor, as text and by the API."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from domain.processes import EMAIL_ACTION
from domain.step_types import email as names
from tests.projects import scenarios
from tests.projects.conftest import environments, pools, project

__all__ = ["environments", "pools", "project"]
pytestmark = pytest.mark.django_db


class TestForm:
    def post(self, client, project, **data):
        url = reverse("project_process", args=[project.slug])
        version = scenarios.process_of(project).version
        known = {
            "version": version,
            "name": "Tell",
            "to": "ann@example.org",
            "subject": "Done",
            "is_enabled": "on",
        }
        return client.post(f"{url}new/send-an-email/", {**known, **data})

    def test_it_keeps_what_was_entered(self, as_user, editor, project):
        client = as_user(editor)

        response = self.post(client, project, body_format="html", body="a\r\nb", cc="#{Team}", priority="Low")

        assert response.status_code == 302
        action = scenarios.process_of(project).steps.get(name="Tell").actions.get()
        assert action.action_type == EMAIL_ACTION
        assert action.properties == {
            names.TO: "ann@example.org",
            names.CC: "#{Team}",
            names.SUBJECT: "Done",
            names.BODY: "a\nb",
            names.IS_HTML: "True",
            names.PRIORITY: "Low",
        }
        html = client.get(response["Location"]).content.decode()
        assert 'value="#{Team}"' in html
        assert 'id="poolbox"' not in html

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("to", "", "Enter at least one address"),
            ("to", "ann", "is not an e-mail address"),
            ("cc", "a@b, x y@z", "is not an e-mail address"),
            ("bcc", "<a@b>", "is not an e-mail address"),
            ("subject", "", "Enter a subject."),
            ("priority", "Urgent", "Select a valid choice"),
            ("retries", "11", "less than or equal to 10"),
        ],
    )
    def test_each_field_says_what_is_wrong(self, as_user, editor, project, field, value, words):
        response = self.post(as_user(editor), project, **{field: value})

        assert response.status_code == 422
        assert words in response.content.decode()

    def test_it_travels_as_text(self, as_user, editor, project):
        client = as_user(editor)
        self.post(client, project)
        url = reverse("project_process", args=[project.slug])

        for form in ("yaml", "ocl"):
            html = client.get(f"{url}text/?form={form}").content.decode()
            assert EMAIL_ACTION in html
            assert "ann@example.org" in html

    def test_and_by_the_api(self, as_user, editor, project):
        client = as_user(editor)
        self.post(client, project)
        url = f"/api/Spaces-{project.space_id}/projects/Projects-{project.pk}/deploymentprocesses"
        body = client.get(url).json()

        sent = client.put(url, json.dumps(body), content_type="application/json")

        assert sent.status_code == 200, sent.content
        assert sent.json()["Steps"][1]["Actions"][0]["Properties"][names.TO] == "ann@example.org"
