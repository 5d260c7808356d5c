import pytest
from django.urls import reverse

from common.usage import InUse
from octoworkers.services import spaces
from pools.models import WorkerPool
from spaces.models import Space
from tests.factories import EnvironmentFactory, EventFactory, MachineFactory, SpaceFactory, WorkerPoolFactory

pytestmark = pytest.mark.django_db


def test_install_makes_the_default_space_once():
    space = spaces.install()

    assert spaces.install() == space
    assert (space.name, space.is_default) == ("Default", True)
    assert [pool.name for pool in WorkerPool.objects.filter(is_default=True)] == ["Default Worker Pool"]


def test_install_keeps_what_people_renamed():
    space = spaces.install()
    spaces.edit(space, name="Operations", description="", user=None)
    WorkerPool.objects.update(name="Linux")

    spaces.install()

    assert Space.objects.get().name == "Operations"
    assert WorkerPool.objects.get().name == "Linux"


def test_a_new_space_has_a_default_pool(administrator):
    space = spaces.create(name="Data", user=administrator)

    assert WorkerPool.objects.in_space(space).get().is_default
    assert space.slug == "data"


def test_an_empty_space_goes_with_what_it_was_born_with(administrator):
    space = spaces.create(name="Data", user=administrator)
    MachineFactory(space=space, is_builtin=True)
    EventFactory(space=space)

    spaces.delete(space, user=administrator)

    assert not Space.objects.filter(pk=space.pk).exists()
    assert not WorkerPool.objects.exists()


@pytest.mark.parametrize("factory", [EnvironmentFactory, WorkerPoolFactory, MachineFactory])
def test_a_space_with_something_in_it_stays(factory):
    space = spaces.create(name="Data")
    factory(space=space)

    with pytest.raises(InUse) as refusal:
        spaces.delete(space, user=None)

    assert refusal.value.uses[0].label.startswith("1 ")


def test_the_default_space_stays(space):
    with pytest.raises(spaces.CannotDeleteDefault):
        spaces.delete(space, user=None)


@pytest.mark.parametrize("role", ["viewer", "operator", "editor"])
def test_only_administrators_change_spaces(as_user, request, role):
    other = SpaceFactory()
    client = as_user(request.getfixturevalue(role))

    assert client.get(reverse("space_list")).status_code == 200
    for url in (
        reverse("space_create"),
        reverse("space_edit", args=[other.slug]),
        reverse("space_delete", args=[other.slug]),
    ):
        assert client.post(url, {"name": "X"}).status_code == 403


def test_create_edit_and_delete_through_the_pages(as_user, administrator):
    client = as_user(administrator)

    assert client.post(reverse("space_create"), {"name": "Data"}).status_code == 302
    assert client.post(reverse("space_edit", args=["data"]), {"name": "Data team"}).status_code == 302
    delete = reverse("space_delete", args=["data"])
    assert client.get(delete).status_code == 200
    assert client.post(delete, {"typed_name": "Data"}).status_code == 422
    assert client.post(delete, {"typed_name": "Data team"}).status_code == 302
    assert not Space.objects.filter(slug="data").exists()


@pytest.mark.parametrize("name", ["", "x" * 51, "default"])
def test_bad_names_come_back(as_user, administrator, name):
    assert as_user(administrator).post(reverse("space_create"), {"name": name}).status_code == 422


def test_refusals_are_shown_on_the_page(as_user, administrator, space):
    other = spaces.create(name="Data")
    EnvironmentFactory.create_batch(2, space=other)
    client = as_user(administrator)

    full = client.get(reverse("space_delete", args=["data"])).text
    default = client.post(reverse("space_delete", args=[space.slug]), {"typed_name": space.name})

    assert "2 environments" in full
    assert default.status_code == 409


def test_pages_of_another_space_live_under_its_prefix(as_user, viewer):
    other = spaces.create(name="Data")
    EnvironmentFactory(name="Theirs", space=other)
    client = as_user(viewer)

    response = client.get("/s/data/environments/")

    assert "Theirs" in response.text
    assert 'href="/s/data/' in response.text
    assert "Theirs" not in client.get("/environments/").text
    assert client.get("/s/nowhere/environments/").status_code == 404
    assert reverse("environment_list") == "/environments/"
