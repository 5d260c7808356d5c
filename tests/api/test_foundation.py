"""What holds for every address of the API: prefixes, spelling, who asks, errors, pages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, Event
from accounts.services import api_keys
from tests.api.client import Api, api_of
from tests.factories import EnvironmentFactory, SpaceFactory, UserFactory

PREFIXES = ["/api/Spaces-1", "/api/spaces-1", "/api/spaces/Spaces-1", "/api/spaces/default", "/api", "/API"]


@pytest.fixture
def environment(space):
    return EnvironmentFactory(space=space, name="Production")


def number(space) -> str:
    return f"Spaces-{space.pk}"


class TestAddresses:
    @pytest.mark.parametrize("prefix", PREFIXES)
    @pytest.mark.parametrize("word", ["environments", "Environments", "environments/"])
    def test_prefixes_case_and_slash(self, api, space, environment, prefix, word):
        prefix = prefix.replace("paces-1", f"paces-{space.pk}")

        found = api.get(f"{prefix}/{word}")

        assert [one["Name"] for one in found["Items"]] == ["Production"]

    @pytest.mark.parametrize("path", ["/api", "/api/"])
    def test_the_root_answers_anybody(self, stranger, path):
        root = stranger.get(path)

        assert root["ApiVersion"] == "3.0.0"
        assert root["Links"]["SpaceHome"] == "/api/{spaceId}"

    def test_a_bad_key_shows_at_the_next_call(self, space):
        api = Api("API-NOTAKEYATALL12345")

        api.get("/api")

        assert api.refused("GET", "/api/users/me")[0] == 401

    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
    @pytest.mark.parametrize(
        "path", ["/api/nowhere", "/api/Spaces-1/nowhere/x/", "/api/spaces/default/nowhere"]
    )
    def test_unknown_addresses_are_json_and_never_redirected(self, api, method, path):
        status, text = api.refused(method, path)

        assert status == 404
        assert "not found" in text

    def test_unknown_method(self, api):
        assert api.refused("POST", "/api/users/me")[0] == 405
        assert api.refused("PATCH", "/api/environments")[0] == 405

    def test_method_override(self, api, environment):
        path = f"/api/environments/Environments-{environment.pk}"

        status, body = api.send("POST", path, {"Name": "Live"}, X_HTTP_Method_Override="PUT")
        assert (status, body["Name"]) == (200, "Live")
        status, body = api.send("POST", path, None, X_HTTP_Method_Override="DELETE")
        assert (status, body) == (200, "")

        assert api.refused("GET", path)[0] == 404

    def test_ids_are_found_in_any_space_and_slugs_in_their_own(self, api, space):
        other = SpaceFactory(name="Other")
        there = EnvironmentFactory(space=other, name="Staging")

        found = api.get(f"/api/environments/Environments-{there.pk}")

        assert found["SpaceId"] == number(other)
        assert found["Links"]["Self"].startswith(f"/api/{number(other)}/environments/")
        assert api.refused("GET", "/api/environments/staging")[0] == 404
        assert api.get("/api/spaces/other/environments/STAGING")["Name"] == "Staging"
        assert api.refused("GET", f"/api/{number(space)}/environments/Environments-{there.pk}")[0] == 404

    def test_unknown_space(self, api):
        assert api.refused("GET", "/api/Spaces-99/environments")[0] == 404
        assert api.refused("GET", "/api/spaces/nowhere/environments")[0] == 404

    def test_space_home_is_expanded(self, api, space):
        home = api.get(f"/api/{number(space)}")

        assert home["Id"] == number(space)
        assert home["Links"]["Environments"].startswith(f"/api/{number(space)}/environments{{/id}}")

    def test_certificate(self, api):
        found = api.get("/api/configuration/certificates/certificate-global")

        assert len(found["Thumbprint"]) == 40
        assert int(found["Thumbprint"], 16)


class TestWhoAsks:
    def test_key_and_bearer(self, space, editor):
        _, text = api_keys.create(owner=editor, purpose="x", now=timezone.now(), user=editor)

        assert Api(text).get("/api/users/me")["Username"] == "edith"
        assert Api(f"Bearer {text}", header="Authorization").get("/api/users/me")["Username"] == "edith"

    def test_nobody(self, stranger):
        status, text = stranger.refused("GET", "/api/users/me")

        assert status == 401
        assert "You must be logged in to request this resource" in text

    def test_an_empty_key_is_no_key(self, stranger):
        stranger.headers = {"X-Octopus-ApiKey": ""}

        assert stranger.refused("GET", "/api/spaces")[0] == 401

    def test_revoked_expired_and_inactive(self, space, editor):
        now = timezone.now()
        key, text = api_keys.create(owner=editor, purpose="x", now=now, user=editor)
        api = Api(text)
        api.get("/api/users/me")
        api_keys.revoke(key, now=now, user=editor)
        assert api.refused("GET", "/api/users/me")[0] == 401

        _, old = api_keys.create(owner=editor, purpose="x", now=now - timedelta(days=181), user=editor)
        assert Api(old).refused("GET", "/api/users/me")[0] == 401

        gone = api_of(UserFactory(username="gone"))
        gone.get("/api/users/me")
        UserFactory._meta.model.objects.filter(username="gone").update(is_active=False)
        assert gone.refused("GET", "/api/users/me")[0] == 401

    def test_the_session_of_the_pages_with_its_token(self, space, administrator):
        client = Client(enforce_csrf_checks=True)
        client.force_login(administrator)
        client.get("/account/")
        token = client.cookies["csrftoken"].value

        assert client.get("/api/users/me").json()["Username"] == "ada"
        send = {"data": {"Name": "X"}, "content_type": "application/json"}
        assert client.post("/api/environments", **send).status_code == 403
        assert client.post("/api/environments", **send, headers={"X-CSRFToken": token}).status_code == 201

    def test_no_right(self, api_viewer):
        status, text = api_viewer.refused("POST", "/api/environments", {"Name": "X"})

        assert status == 403
        assert "edit environments" in text

    def test_rates(self, api, settings):
        settings.API_RATE = 3

        answers = [api.response("GET", "/api/users/me") for _ in range(4)]

        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert [one["RateLimit-Remaining"] for one in answers] == ["2", "1", "0", "0"]
        assert 0 < int(answers[3]["Retry-After"]) <= 60


class TestKeys:
    def test_form_and_hash(self, editor):
        key, text = api_keys.create(owner=editor, purpose="Pipeline", now=timezone.now(), user=editor)

        assert text.startswith("API-")
        assert text[4:].isalnum()
        assert text.upper() == text
        assert len(text) == 36
        assert text not in str(ApiKey.objects.values().get())
        assert all(text not in event.message for event in Event.objects.all())
        assert key.expires_at - timezone.now() > timedelta(days=179)

    def test_its_use_is_noted_once_a_minute(self, api, django_assert_num_queries):
        api.get("/api/users/me")
        first = ApiKey.objects.get().last_used_at
        assert first is not None

        api.get("/api/users/me")

        assert ApiKey.objects.get().last_used_at == first

    def test_page_shows_it_once(self, as_user, editor):
        client = as_user(editor)

        made = client.post("/account/api-keys/", {"purpose": "Pipeline", "days": "30"})
        text = made.context["text"]
        again = client.get("/account/api-keys/")

        assert text in made.content.decode()
        assert text not in again.content.decode()
        assert "Pipeline" in again.content.decode()
        client.post(f"/account/api-keys/{ApiKey.objects.get().pk}/revoke/")
        assert Api(text).refused("GET", "/api/users/me")[0] == 401

    def test_page_wants_a_purpose(self, as_user, editor):
        assert as_user(editor).post("/account/api-keys/", {"days": "30"}).status_code == 422

    def test_nobody_revokes_the_key_of_another(self, as_user, editor, operator):
        key, _ = api_keys.create(owner=editor, purpose="x", now=timezone.now(), user=editor)

        assert as_user(operator).post(f"/account/api-keys/{key.pk}/revoke/").status_code == 404


class TestRequests:
    @pytest.mark.parametrize(
        "body",
        [
            "{",
            "[",
            '{"Name": NaN}',
            '{"Name": "a\\u0000b"}',
            '{"Name": "\\ud800"}',
            "[" * 100_000,
            b"\xff\xfe\xfa",
            "null",
            "[]",
            '"text"',
            "12",
            '{"Name": {"a": 1}}',
            '{"Name": []}',
            '{"Name": ""}',
            '{"Name": "' + "x" * 121 + '"}',
            "{}",
        ],
    )
    def test_bad_bodies_are_refused_and_change_nothing(self, api, body):
        status, _ = api.refused("POST", "/api/environments", body)

        assert status == 400
        assert api.get("/api/environments/all") == []

    def test_members_in_any_case_unknown_ones_ignored_null_as_not_given(self, api):
        made = api.post(
            "/api/environments",
            {
                "name": "Test",
                "USEGUIDEDFAILURE": True,
                "description": None,
                "Links": {},
                "Id": "Environments-9",
            },
        )

        assert made["Name"] == "Test"
        assert made["UseGuidedFailure"] is True
        assert made["Description"] == ""
        assert made["Id"] != "Environments-9"

    def test_a_taken_name(self, api, environment):
        status, text = api.refused("POST", "/api/environments", {"Name": "PRODUCTION"})

        assert status == 400
        assert "This name is taken" in text

    def test_a_put_changes_what_it_names(self, api):
        made = api.post("/api/environments", {"Name": "Test", "Description": "For tests"})

        changed = api.put(made["Links"]["Self"], {"UseGuidedFailure": True})

        assert changed["Description"] == "For tests"
        assert changed["UseGuidedFailure"] is True
        assert changed["Slug"] == "test"

    @pytest.mark.parametrize("query", ["skip=x", "take=-1", "skip=%00", "partialName=%ED%A0%80%00"])
    def test_bad_parameters(self, api, query):
        assert api.refused("GET", f"/api/environments?{query}")[0] == 400


class TestCollections:
    @pytest.fixture(autouse=True)
    def _environments(self, space):
        self.ids = [
            f"Environments-{EnvironmentFactory(space=space, name=f'E{place}', sort_order=place).pk}"
            for place in range(5)
        ]

    def test_pages(self, api):
        path, names = "/api/environments?take=2", []
        while path:
            page = api.get(path)
            names += [one["Name"] for one in page["Items"]]
            path = page["Links"].get("Page.Next")

        assert names == ["E0", "E1", "E2", "E3", "E4"]
        assert (page["TotalResults"], page["NumberOfPages"], page["LastPageNumber"]) == (5, 3, 2)
        assert page["ItemType"] == "Environment"

    @pytest.mark.parametrize("take", [2147483647, 99999999999999999999])
    def test_everything(self, api, take):
        page = api.get(f"/api/environments?skip=0&take={take}")

        assert len(page["Items"]) == 5
        assert "Page.Next" not in page["Links"]

    def test_beyond_the_end(self, api):
        assert api.get("/api/environments?skip=2147483647&take=10")["Items"] == []

    def test_ids(self, api):
        first = self.ids[0]

        found = api.get(f"/api/environments?ids={first},{first},Environments-999,junk&take=4")

        assert [one["Id"] for one in found["Items"]] == [first]
        assert api.get(f"/api/environments?ids={first}%2C{self.ids[1]}")["TotalResults"] == 2
        assert api.get("/api/environments?ids=Environments-999")["Items"] == []
        assert api.get("/api/environments?ids=")["TotalResults"] == 5

    def test_names(self, api):
        assert api.get("/api/environments?partialName=e")["TotalResults"] == 5
        assert [one["Name"] for one in api.get("/api/environments?name=e3")["Items"]] == ["E3"]

    def test_all_is_a_bare_array(self, api):
        assert [one["Id"] for one in api.get("/api/environments/all")] == self.ids
        assert [one["Id"] for one in api.get(f"/api/environments/all?ids={self.ids[2]}")] == [self.ids[2]]

    def test_order(self, api):
        new = [*reversed(self.ids)]

        assert api.put("/api/environments/sortorder", new) == new
        assert [one["Id"] for one in api.get("/api/environments")["Items"]] == new
        assert api.refused("PUT", "/api/environments/sortorder", ["Environments-99"])[0] == 409
        assert api.refused("PUT", "/api/environments/sortorder", {"a": 1})[0] == 400
