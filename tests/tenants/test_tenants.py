import pytest
from django.urls import reverse

from tenants.models import Tenant
from tenants.services import tenants
from tests.factories import SpaceFactory, TagFactory, TagSetFactory, TenantFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def europe():
    return TagFactory(tag_set=TagSetFactory(name="Region"), name="EU")


def test_create_and_edit_through_services(space, europe):
    tenant = tenants.create(space=space, name="Acme", tags=[europe])
    assert list(tenant.tags.all()) == [europe]

    tenants.edit(tenant, name="Acme Ltd", description="", tags=[], is_disabled=True, user=None)

    tenant.refresh_from_db()
    assert (tenant.name, tenant.slug, tenant.is_disabled) == ("Acme Ltd", "acme", True)
    assert not tenant.tags.exists()


def test_list_filters_by_text_and_tag(as_user, viewer, europe):
    TenantFactory(name="Acme", tags=[europe])
    TenantFactory(name="Globex")
    client = as_user(viewer)

    assert "Globex" in client.get(reverse("tenant_list")).text
    by_tag = client.get(reverse("tenant_list"), {"tag": "Region/EU"}).text
    by_text = client.get(reverse("tenant_list"), {"q": "glob"}).text

    assert "Acme" in by_tag
    assert "Globex" not in by_tag
    assert "Globex" in by_text
    assert "Acme" not in by_text


@pytest.mark.parametrize("query", [{"tag": "nonsense"}, {"q": "nobody"}, {"page": "99"}, {"page": "x"}])
def test_list_takes_any_filter(as_user, viewer, query):
    TenantFactory(name="Acme")

    assert as_user(viewer).get(reverse("tenant_list"), query).status_code == 200


def test_fragment_is_the_rows_alone(as_user, viewer):
    response = as_user(viewer).get(reverse("tenant_list"), headers={"HX-Request": "true"})

    assert "<html" not in response.text
    assert "HX-Request" in response["Vary"]


def test_create_and_edit_through_the_pages(as_user, editor, europe):
    client = as_user(editor)

    response = client.post(reverse("tenant_create"), {"name": "Acme", "tags": [europe.pk]})
    tenant = Tenant.objects.get()
    assert response["Location"] == reverse("tenant_detail", args=[tenant.slug])
    assert "Region/EU" in client.get(response["Location"]).text

    url = reverse("tenant_edit", args=[tenant.slug])
    assert f'value="{europe.pk}" checked' in client.get(url).text
    assert client.post(url, {"name": "Acme", "is_disabled": "on"}).status_code == 302
    tenant.refresh_from_db()
    assert tenant.is_disabled
    assert not tenant.tags.exists()


def test_tags_of_another_space_are_refused(as_user, editor):
    foreign = TagFactory(tag_set=TagSetFactory(space=SpaceFactory()))

    response = as_user(editor).post(reverse("tenant_create"), {"name": "Acme", "tags": [foreign.pk]})

    assert response.status_code == 422
    assert not Tenant.objects.exists()


def test_a_taken_name_is_said_at_the_field(as_user, editor):
    TenantFactory(name="Acme")

    response = as_user(editor).post(reverse("tenant_create"), {"name": "ACME"})

    assert response.status_code == 422
    assert "This name is taken" in response.text


def test_the_same_name_in_another_space_is_free(as_user, editor):
    TenantFactory(name="Acme", space=SpaceFactory())

    assert as_user(editor).post(reverse("tenant_create"), {"name": "Acme"}).status_code == 302


def test_a_tenant_of_another_space_is_not_there(as_user, editor):
    foreign = TenantFactory(space=SpaceFactory())
    client = as_user(editor)

    for name in ("tenant_detail", "tenant_edit", "tenant_delete"):
        assert client.get(reverse(name, args=[foreign.slug])).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_editors_and_administrators_change_tenants(as_user, request, role):
    tenant = TenantFactory()
    client = as_user(request.getfixturevalue(role))

    assert client.get(reverse("tenant_detail", args=[tenant.slug])).status_code == 200
    for url in (
        reverse("tenant_create"),
        reverse("tenant_edit", args=[tenant.slug]),
        reverse("tenant_delete", args=[tenant.slug]),
    ):
        assert client.post(url, {"name": "X"}).status_code == 403


def test_delete_asks_and_deletes(as_user, editor):
    tenant = TenantFactory()
    url = reverse("tenant_delete", args=[tenant.slug])

    assert as_user(editor).get(url).status_code == 200
    assert as_user(editor).post(url).status_code == 302
    assert not Tenant.objects.exists()


def test_list_costs_the_same_for_many_rows(as_user, editor, europe, django_assert_max_num_queries):
    TenantFactory.create_batch(40, tags=[europe])
    client = as_user(editor)

    with django_assert_max_num_queries(12):
        client.get(reverse("tenant_list"))
