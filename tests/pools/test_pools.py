import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from common.usage import InUse
from pools.models import WorkerPool
from pools.services import pools
from tests.factories import ActionFactory, MachineFactory, SpaceFactory, WorkerPoolFactory

pytestmark = pytest.mark.django_db


def test_names_are_unique_in_a_space_whatever_their_case(space):
    pools.create(space=space, name="SQL")

    with pytest.raises(IntegrityError), transaction.atomic():
        pools.create(space=space, name="sql")
    assert pools.create(space=SpaceFactory(), name="SQL").slug == "sql"


def test_exactly_one_default_is_swapped_and_never_deleted(space, default_pool, editor):
    other = pools.create(space=space, name="Linux")

    pools.make_default(other, user=editor)

    assert list(WorkerPool.objects.filter(is_default=True)) == [other]
    pools.delete(default_pool, user=editor)
    with pytest.raises(pools.CannotDeleteDefault):
        pools.delete(other, user=editor)


def test_make_default_leaves_other_spaces_alone(space, default_pool):
    foreign = WorkerPoolFactory(space=SpaceFactory(), is_default=True)

    pools.make_default(pools.create(space=space, name="Linux"), user=None)

    foreign.refresh_from_db()
    assert foreign.is_default


def test_delete_refuses_while_a_worker_has_no_other_pool(space):
    only, other = WorkerPoolFactory(), WorkerPoolFactory()
    MachineFactory(name="lonely", pools=[only])
    MachineFactory(name="social", pools=[only, other])

    with pytest.raises(InUse) as refusal:
        pools.delete(only, user=None)

    assert [use.label for use in refusal.value.uses] == ["lonely"]


def test_delete_refuses_while_a_step_names_it(space):
    pool = WorkerPoolFactory()
    ActionFactory(worker_pool=pool)

    with pytest.raises(InUse):
        pools.delete(pool, user=None)
    assert WorkerPool.objects.filter(pk=pool.pk).exists()


@pytest.mark.parametrize("role", ["viewer", "operator", "editor"])
def test_only_administrators_change_pools(as_user, request, role):
    pool = WorkerPoolFactory()
    client = as_user(request.getfixturevalue(role))

    for url in (
        reverse("pool_create"),
        reverse("pool_edit", args=[pool.slug]),
        reverse("pool_delete", args=[pool.slug]),
        reverse("pool_make_default", args=[pool.slug]),
    ):
        assert client.post(url, {"name": "X"}).status_code == 403
    pool.refresh_from_db()
    assert not pool.is_default


def test_create_edit_and_delete_through_the_pages(as_user, administrator, space):
    client = as_user(administrator)

    response = client.post(reverse("pool_create"), {"name": "SQL – Dev", "description": "psql"})
    pool = WorkerPool.objects.get()
    assert response["Location"] == reverse("pool_detail", args=[pool.slug])

    client.post(reverse("pool_edit", args=[pool.slug]), {"name": "SQL – Test"})
    pool.refresh_from_db()
    assert (pool.name, pool.slug) == ("SQL – Test", "sql-dev")

    url = reverse("pool_delete", args=[pool.slug])
    assert client.post(url, {"typed_name": "SQL"}).status_code == 422
    assert client.post(url, {"typed_name": "SQL – Test"}).status_code == 302
    assert not WorkerPool.objects.exists()


@pytest.mark.parametrize("name", ["", "x" * 121, "taken"])
def test_bad_names_come_back(as_user, administrator, name):
    WorkerPoolFactory(name="Taken")

    assert as_user(administrator).post(reverse("pool_create"), {"name": name}).status_code == 422


def test_the_default_pool_cannot_be_deleted_through_the_page(as_user, administrator, default_pool):
    url = reverse("pool_delete", args=[default_pool.slug])

    response = as_user(administrator).post(url, {"typed_name": default_pool.name})

    assert response.status_code == 409
    assert "Make another pool the default first" in response.text


def test_make_default_through_the_page_needs_a_post(as_user, administrator, default_pool):
    pool = WorkerPoolFactory()
    url = reverse("pool_make_default", args=[pool.slug])
    client = as_user(administrator)

    assert client.get(url).status_code == 405
    assert client.post(url).status_code == 302
    assert WorkerPool.objects.get(is_default=True) == pool


def test_a_pool_of_another_space_is_not_there(as_user, administrator):
    foreign = WorkerPoolFactory(space=SpaceFactory())
    client = as_user(administrator)

    for name in ("pool_detail", "pool_edit", "pool_delete"):
        assert client.get(reverse(name, args=[foreign.slug])).status_code == 404
