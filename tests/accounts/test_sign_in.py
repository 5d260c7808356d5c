import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Event
from accounts.services import sign_in
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def attempt(username, password, **extra):
    data = {"username": username, "password": password, "next": reverse("account")}
    return Client().post(reverse("login"), data, **extra)


def test_signing_in_leads_where_one_wanted_to_be(space, viewer):
    response = attempt(viewer.username, PASSWORD)

    assert response.status_code == 302
    assert response["Location"] == reverse("account")
    assert Event.objects.get(category="SignedIn").username == viewer.username


def test_a_wrong_password_is_said_without_telling_which_part(space, viewer):
    wrong = attempt(viewer.username, "wrong")
    unknown = attempt("nobody", "wrong")

    assert wrong.status_code == unknown.status_code == 422
    assert "correct user" in wrong.text.lower()


def test_an_inactive_user_stays_out(space, viewer):
    viewer.is_active = False
    viewer.save()

    assert attempt(viewer.username, PASSWORD).status_code == 422


def test_guessing_closes_the_door_for_that_user_and_address(space, viewer, operator):
    for _ in range(sign_in.MAX_PER_USER):
        attempt(viewer.username, "wrong")

    locked = attempt(viewer.username, PASSWORD)

    assert locked.status_code == 429
    assert "Too many attempts" in locked.text
    assert attempt(operator.username, PASSWORD).status_code == 302
    assert attempt(viewer.username, PASSWORD, REMOTE_ADDR="10.0.0.9").status_code == 302


def test_behind_the_proxy_the_last_forwarded_address_counts(space, viewer, settings):
    settings.USE_X_FORWARDED_HOST = True
    forged = {"headers": {"X-Forwarded-For": "1.2.3.4, 10.0.0.7"}}
    for _ in range(sign_in.MAX_PER_USER):
        attempt(viewer.username, "wrong", **forged)

    other_forgery = attempt(viewer.username, PASSWORD, headers={"X-Forwarded-For": "9.9.9.9, 10.0.0.7"})
    elsewhere = attempt(viewer.username, PASSWORD, headers={"X-Forwarded-For": "10.0.0.8"})

    assert (other_forgery.status_code, elsewhere.status_code) == (429, 302)


def test_guessing_many_names_closes_the_door_for_the_address(space, viewer):
    for number in range(sign_in.MAX_PER_ADDRESS):
        sign_in.failed(f"user{number}", "127.0.0.1")

    assert attempt(viewer.username, PASSWORD).status_code == 429


def test_success_forgets_earlier_failures(space, viewer):
    for _ in range(sign_in.MAX_PER_USER - 1):
        attempt(viewer.username, "wrong")
    attempt(viewer.username, PASSWORD)

    assert attempt(viewer.username, "wrong").status_code == 422


def test_a_foreign_next_address_is_not_followed(space, viewer):
    data = {"username": viewer.username, "password": PASSWORD, "next": "https://evil.example/"}

    assert Client().post(reverse("login"), data)["Location"] == "/"


def test_signing_out_needs_a_post(as_user, viewer):
    client = as_user(viewer)

    assert client.get(reverse("logout")).status_code == 405
    assert client.post(reverse("logout")).status_code == 302
    assert client.get(reverse("account")).status_code == 302


@pytest.mark.parametrize("name", ["account", "user_list", "audit", "environment_list", "tenant_list"])
def test_pages_send_strangers_to_the_sign_in(space, name):
    response = Client().get(reverse(name))

    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))
