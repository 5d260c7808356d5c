import pytest
from django.urls import reverse

from accounts.models import Event
from common.ordering import StaleOrder
from common.usage import InUse
from environments.models import Environment
from environments.services import environments
from tests.factories import EnvironmentFactory, ServerTaskFactory, SpaceFactory

pytestmark = pytest.mark.django_db


def names(space):
    return [environment.name for environment in Environment.objects.in_space(space)]


def test_create_adds_at_the_end_with_a_free_slug_and_an_audit_line(space, editor):
    environments.create(space=space, name="Development", user=editor)
    created = environments.create(space=space, name="Test", hue=3, user=editor)

    assert names(space) == ["Development", "Test"]
    assert (created.slug, created.hue) == ("test", 3)
    event = Event.objects.first()
    assert (event.username, event.message) == ("edith", "Created environment Test.")


def test_a_name_that_is_part_of_an_address_gets_another_slug(space):
    assert environments.create(space=space, name="New").slug == "new-2"


def test_reorder_puts_unnamed_ones_last(space):
    one, two, three = EnvironmentFactory.create_batch(3)

    environments.reorder(space=space, ids=[three.pk, one.pk], user=None)

    assert names(space) == [three.name, one.name, two.name]


def test_reorder_refuses_ids_of_another_space(space):
    foreign = EnvironmentFactory(space=SpaceFactory())

    with pytest.raises(StaleOrder):
        environments.reorder(space=space, ids=[foreign.pk], user=None)


def test_delete_names_what_uses_it(space):
    task = ServerTaskFactory()

    with pytest.raises(InUse) as refusal:
        environments.delete(task.environment, user=None)

    assert refusal.value.uses
    assert Environment.objects.filter(pk=task.environment_id).exists()


def test_list_shows_the_order_and_no_buttons_to_a_viewer(as_user, viewer):
    EnvironmentFactory(name="Production")

    page = as_user(viewer).get(reverse("environment_list"))

    assert page.status_code == 200
    assert "Production" in page.text
    assert "New environment" not in page.text
    assert 'name="up"' not in page.text


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_editors_and_administrators_change_environments(as_user, request, role):
    client = as_user(request.getfixturevalue(role))
    environment = EnvironmentFactory()

    for url in (
        reverse("environment_create"),
        reverse("environment_edit", args=[environment.slug]),
        reverse("environment_delete", args=[environment.slug]),
    ):
        assert client.get(url).status_code == 403
        assert client.post(url, {"name": "X", "hue": 1}).status_code == 403
    assert client.post(reverse("environment_reorder")).status_code == 403


def test_create_through_the_page(as_user, editor, space):
    response = as_user(editor).post(reverse("environment_create"), {"name": "Staging", "hue": "2"})

    assert response.status_code == 302
    assert names(space) == ["Staging"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "", "hue": 1}, "required"),
        ({"name": "PRODUCTION", "hue": 1}, "This name is taken"),
        ({"name": "X", "hue": 9}, "Select a valid choice"),
        ({"name": "x" * 121, "hue": 1}, "at most 120"),
    ],
)
def test_bad_input_comes_back_with_the_form(as_user, editor, data, message):
    EnvironmentFactory(name="Production")

    response = as_user(editor).post(reverse("environment_create"), data)

    assert response.status_code == 422
    assert message in response.text


def test_edit_keeps_the_address_and_may_keep_the_name(as_user, editor):
    environment = EnvironmentFactory(name="Production", slug="production")
    url = reverse("environment_edit", args=["production"])

    assert as_user(editor).post(url, {"name": "PRODUCTION", "hue": 4}).status_code == 302

    environment.refresh_from_db()
    assert (environment.name, environment.slug, environment.hue) == ("PRODUCTION", "production", 4)


def test_an_environment_of_another_space_is_not_there(as_user, editor):
    foreign = EnvironmentFactory(space=SpaceFactory())

    assert as_user(editor).get(reverse("environment_edit", args=[foreign.slug])).status_code == 404


def test_buttons_move_rows_without_script(as_user, editor, space):
    one, two = EnvironmentFactory.create_batch(2)
    data = {"id": [one.pk, two.pk], "down": one.pk}

    assert as_user(editor).post(reverse("environment_reorder"), data).status_code == 302
    assert names(space) == [two.name, one.name]


def test_dragging_gets_the_list_back(as_user, editor, space):
    one, two = EnvironmentFactory.create_batch(2)

    response = as_user(editor).post(
        reverse("environment_reorder"), {"id": [two.pk, one.pk]}, headers={"HX-Request": "true"}
    )

    assert response.status_code == 200
    assert "<html" not in response.text
    assert names(space) == [two.name, one.name]


@pytest.mark.parametrize("ids", [["abc"], ["999999"]])
def test_an_order_that_makes_no_sense_is_refused_with_the_list(as_user, editor, ids):
    EnvironmentFactory(name="Production")

    response = as_user(editor).post(reverse("environment_reorder"), {"id": ids})

    assert response.status_code == 409
    assert "Here is the list" in response.text


def test_delete_page_wants_the_name(as_user, editor):
    environment = EnvironmentFactory(name="Production")
    client, url = as_user(editor), reverse("environment_delete", args=[environment.slug])

    assert client.get(url).status_code == 200
    assert client.post(url, {"typed_name": "Prod"}).status_code == 422
    assert client.post(url, {"typed_name": "Production"}).status_code == 302
    assert not Environment.objects.exists()


def test_delete_page_lists_uses(as_user, editor):
    task = ServerTaskFactory()
    url = reverse("environment_delete", args=[task.environment.slug])

    response = as_user(editor).post(url, {"typed_name": task.environment.name})

    assert response.status_code == 409
    assert "is in use" in response.text


def test_list_costs_the_same_for_many_rows(as_user, editor, django_assert_max_num_queries):
    client = as_user(editor)
    EnvironmentFactory.create_batch(30)

    with django_assert_max_num_queries(10):
        client.get(reverse("environment_list"))
