import pytest
from django.urls import reverse

from accounts.models import Role, User
from accounts.services import users
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db
NEW = "another long password"


def new_user(**changes):
    return {
        "username": "grace",
        "display_name": "Grace",
        "email": "",
        "role": Role.EDITOR,
        "new_password": NEW,
        "repeated": NEW,
    } | changes


def edited(person, **changes):
    return {"display_name": "", "email": "", "role": person.role, "is_active": "on"} | changes


@pytest.mark.parametrize("role", ["viewer", "operator", "editor"])
def test_only_administrators_see_and_change_users(as_user, request, role, administrator):
    client = as_user(request.getfixturevalue(role))

    assert client.get(reverse("user_list")).status_code == 403
    assert client.post(reverse("user_create"), new_user()).status_code == 403
    assert client.post(reverse("user_edit", args=[administrator.pk]), {}).status_code == 403
    assert client.post(reverse("user_password", args=[administrator.pk]), {}).status_code == 403


def test_create_a_user_who_can_sign_in(as_user, administrator):
    response = as_user(administrator).post(reverse("user_create"), new_user())

    created = User.objects.get(username="grace")
    assert response.status_code == 302
    assert created.check_password(NEW)
    assert not created.is_staff


def test_administrators_reach_the_django_admin(administrator):
    assert users.create(username="root", password=NEW, role=Role.ADMINISTRATOR).is_staff


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"username": "ADA"}, "There is a user of this name"),
        ({"username": "with space"}, "Enter a valid username"),
        ({"role": "emperor"}, "Select a valid choice"),
        ({"new_password": "short", "repeated": "short"}, "too short"),
        ({"new_password": "grace-grace-grace", "repeated": "other"}, "not the same"),
        ({"email": "nonsense"}, "valid email"),
    ],
)
def test_bad_input_comes_back(as_user, administrator, changes, message):
    response = as_user(administrator).post(reverse("user_create"), new_user(**changes))

    assert response.status_code == 422
    assert message in response.text


def test_passwords_never_come_back_in_the_page(as_user, administrator):
    data = new_user(username="", new_password="secret words here", repeated="secret words here")

    assert "secret words here" not in as_user(administrator).post(reverse("user_create"), data).text


def test_edit_changes_role_and_state(as_user, administrator):
    person = UserFactory()
    url = reverse("user_edit", args=[person.pk])

    as_user(administrator).post(url, edited(person, role=Role.OPERATOR, is_active=""))

    person.refresh_from_db()
    assert (person.role, person.is_active) == (Role.OPERATOR, False)


@pytest.mark.parametrize("change", [{"role": Role.VIEWER}, {"is_active": ""}])
def test_the_last_administrator_stays(as_user, administrator, change):
    url = reverse("user_edit", args=[administrator.pk])

    response = as_user(administrator).post(url, edited(administrator, **change))

    assert response.status_code == 422
    assert "last active administrator" in response.text
    administrator.refresh_from_db()
    assert administrator.role == Role.ADMINISTRATOR


def test_an_administrator_may_go_when_another_stays(as_user, administrator):
    UserFactory(role=Role.ADMINISTRATOR)
    url = reverse("user_edit", args=[administrator.pk])

    assert as_user(administrator).post(url, edited(administrator, role=Role.VIEWER)).status_code == 302


def test_password_reset_ends_the_sessions_of_the_person(as_user, administrator, viewer):
    theirs = as_user(viewer)
    url = reverse("user_password", args=[viewer.pk])

    response = as_user(administrator).post(url, {"new_password": NEW, "repeated": NEW})

    assert response.status_code == 302
    assert theirs.get(reverse("account")).status_code == 302
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)


def test_list_costs_the_same_for_many_users(as_user, administrator, django_assert_max_num_queries):
    UserFactory.create_batch(40, password="x")
    client = as_user(administrator)

    with django_assert_max_num_queries(10):
        client.get(reverse("user_list"))


def test_own_account_name_theme_and_keys(as_user, viewer):
    client = as_user(viewer)

    response = client.post(reverse("account"), {"display_name": "Vera V", "theme": "dark"})

    viewer.refresh_from_db()
    assert response.status_code == 302
    assert (viewer.display_name, viewer.single_key_shortcuts) == ("Vera V", False)
    assert client.cookies["theme"].value == "dark"

    client.post(reverse("account"), {"theme": "system"})
    assert client.cookies["theme"].value == ""


def test_own_role_cannot_be_changed(as_user, viewer):
    as_user(viewer).post(reverse("account"), {"theme": "dark", "role": Role.ADMINISTRATOR})

    viewer.refresh_from_db()
    assert viewer.role == Role.VIEWER


def test_own_password_needs_the_current_one(as_user, viewer):
    client = as_user(viewer)
    data = {"change_password": "yes", "current": "wrong", "new_password": NEW, "repeated": NEW}

    assert client.post(reverse("account"), data).status_code == 422
    assert client.post(reverse("account"), data | {"current": PASSWORD}).status_code == 302
    assert client.get(reverse("account")).status_code == 200
    viewer.refresh_from_db()
    assert viewer.check_password(NEW)
