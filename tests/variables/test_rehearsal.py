"""The masking rehearsal: what a log would hide in a text, and what not."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Event
from domain.scopes import Context, Kind, Scope
from domain.variables import Candidate, VariableType
from protocol.masking import MASK, mask
from tests.factories import SpaceFactory
from tests.projects import scenarios
from tests.variables.test_pages import HTMX
from variables.models import OwnerKind
from variables.rehearsal import rehearse
from variables.services import variable_sets
from variables.services.rows import Row
from variables.services.sealing import seal

SECRET, OTHER = "correct horse battery", "another horse"
URL = "/projects/orders/variables/masking/"


def secret(name, text, scope=None):
    return Candidate(name, name, VariableType.SENSITIVE, seal(text), Scope.of(scope or {}))


def plain(name, text):
    return Candidate(name, name, VariableType.STRING, text)


def rehearsed(text, *candidates, known=None):
    return rehearse(text, candidates, Context(environment="1"), known=known or {})


def reasons(found):
    return {one.name: one.reason for one in found.unmasked}


def test_a_secret_is_hidden_as_it_is_and_encoded_and_named():
    coded = base64.b64encode(SECRET.encode()).decode()
    found = rehearsed(f"a {SECRET} b {coded} c", secret("Password", SECRET))

    hidden = [(one.hidden_by, one.is_encoded) for one in found.pieces if one.hidden_by]
    assert hidden == [("Password", False), ("Password", True)]
    assert [one.text for one in found.pieces if not one.hidden_by] == ["a ", " b ", " c"]
    assert found.unmasked == ()


def test_a_secret_that_is_built_from_others_is_hidden_whole():
    values = [plain("Host", "db"), secret("Url", "sql://#{Host}:#{Octopus.Environment.Name}")]
    found = rehearsed("at sql://db:Dev", *values, known={"Octopus.Environment.Name": "Dev"})
    assert [one.hidden_by for one in found.pieces] == ["", "Url"]


def test_a_secret_of_another_place_is_named_and_not_compared():
    elsewhere = secret("Password", OTHER, {Kind.ENVIRONMENT: ["2"]})

    found, again = rehearsed(f"a {OTHER}", elsewhere), rehearsed("a guess", elsewhere)

    assert [one.text for one in found.pieces] == [f"a {OTHER}"]
    assert reasons(found) == {"Password": "No sensitive value of it is used here. Other environment."}
    assert reasons(again) == reasons(found)


def test_plain_values_in_the_text_are_told():
    found = rehearsed(
        "host db.internal", plain("Host", "db.internal"), plain("Port", "5432"), plain("A", "ho")
    )
    assert list(reasons(found)) == ["Host"]


def test_what_cannot_be_masked_is_told_with_the_reason():
    found = rehearsed("abc", secret("Short", "abc"), secret("Empty", ""))
    assert "fewer than 4 characters" in reasons(found)["Short"]
    assert "nothing to mask" in reasons(found)["Empty"]
    damaged = Candidate("1", "Lost", VariableType.SENSITIVE, "octo1:00000000::AAAA")
    assert "another master key" in reasons(rehearsed("abc", damaged))["Lost"]


@given(
    st.text(alphabet="abc=\n", max_size=40),
    st.lists(st.text(alphabet="abc", min_size=4, max_size=8), max_size=3),
)
def test_it_hides_what_the_masker_of_a_run_hides(text, secrets):
    found = rehearsed(text, *(secret(f"S{number}", one) for number, one in enumerate(secrets)))
    shown = "".join(MASK.decode() if one.hidden_by else one.text for one in found.pieces)
    assert shown.encode() == mask(text.encode(), secrets)


@pytest.fixture
def project(space, default_pool):
    project = scenarios.project(space, name="Orders")
    dev, live = scenarios.environments(space, "Development", "Production")
    variable_set = variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=space)
    rows = [
        Row(
            name="Password",
            type=VariableType.SENSITIVE,
            value=text,
            scope=Scope.of({Kind.ENVIRONMENT: [one.pk]}),
        )
        for one, text in ((dev, SECRET), (live, OTHER))
    ]
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows)
    return project


@pytest.mark.django_db
def test_the_page_shows_the_text_as_a_log_of_that_place_would(as_user, editor, project):
    client = as_user(editor)
    assert "Rehearse masking" in client.get("/projects/orders/variables/").text
    page = client.get(URL)
    chosen = page.context["form"].initial["environment"]

    shown = client.post(URL, {"text": f"<b> {SECRET} {OTHER}", "environment": chosen.pk}).text

    result = shown.split('id="masked"')[1]
    assert '&lt;b&gt; <mark title="Password">********</mark> another horse' in result
    assert SECRET not in result
    assert "1 place masked" in result
    event = Event.objects.latest("pk")
    assert "Rehearsed" in event.message
    assert SECRET not in f"{event.message} {event.details}"


@pytest.mark.django_db
def test_an_empty_text_is_asked_for(as_user, editor, project):
    answer = as_user(editor).post(URL, {"text": ""}, **HTMX)
    assert answer.status_code == 422
    assert "Paste a text." in answer.text


@pytest.mark.django_db
def test_those_who_could_not_print_a_secret_cannot_ask(as_user, operator, viewer, project):
    for user in (operator, viewer):
        assert as_user(user).get(URL).status_code == 403
        assert as_user(user).post(URL, {"text": SECRET}).status_code == 403


@pytest.mark.django_db
def test_another_space_has_no_such_page(as_user, editor, project):
    assert as_user(editor).get(f"/s/{SpaceFactory().slug}{URL}").status_code == 404
