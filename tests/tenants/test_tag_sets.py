import pytest
from django.urls import reverse

from common.usage import InUse
from tenants.models import Tag, TagSet
from tenants.services import tag_sets
from tenants.services.tag_sets import TagRow
from tests.factories import SpaceFactory, TagFactory, TagSetFactory, TenantFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def renames(monkeypatch):
    """What listeners are told."""
    told = []
    monkeypatch.setattr(tag_sets, "_listeners", [lambda space, names: told.append((space, dict(names)))])
    return told


@pytest.fixture
def region(space):
    return tag_sets.create(space=space, name="Region", tags=[TagRow(name="EU"), TagRow(name="US")])


def tags(tag_set):
    return [tag.name for tag in tag_set.tags.all()]


def row(tag, **changes):
    return TagRow(**({"id": tag.pk, "name": tag.name, "color": tag.color} | changes))


def edit(tag_set, rows, name=None):
    return tag_sets.edit(tag_set, name=name or tag_set.name, description="", tags=rows, user=None)


def formset(*rows, initial=0, **values):
    data = {"tags-TOTAL_FORMS": len(rows), "tags-INITIAL_FORMS": initial, "name": "Region", **values}
    for number, one in enumerate(rows):
        data |= {f"tags-{number}-{key}": value for key, value in ({"color": "#0b6e85"} | one).items()}
    return data


def test_edit_keeps_the_order_of_the_rows(region, renames):
    eu, us = region.tags.all()

    edit(region, [row(us), TagRow(name="Asia"), row(eu)])

    assert tags(region) == ["US", "Asia", "EU"]
    assert renames == []


def test_renaming_a_tag_tells_who_keeps_its_name(region, renames, space):
    eu, us = region.tags.all()

    edit(region, [row(eu, name="Europe"), row(us)])

    assert renames == [(space, {"Region/EU": "Region/Europe"})]


def test_renaming_the_set_renames_all_its_tags(region, renames, space):
    edit(region, [row(tag) for tag in region.tags.all()], name="Area")

    assert renames == [(space, {"Region/EU": "Area/EU", "Region/US": "Area/US"})]


def test_two_tags_may_swap_their_names(region, renames):
    eu, us = region.tags.all()

    edit(region, [row(eu, name="US"), row(us, name="EU")])

    eu.refresh_from_db()
    assert eu.name == "US"
    assert renames[0][1] == {"Region/EU": "Region/US", "Region/US": "Region/EU"}


def test_a_tag_that_a_tenant_has_cannot_be_removed(region):
    eu, us = region.tags.all()
    TenantFactory(name="Acme", tags=[eu])

    with pytest.raises(InUse) as refusal:
        edit(region, [row(us)])

    assert [use.label for use in refusal.value.uses] == ["Acme"]
    assert tags(region) == ["EU", "US"]


def test_a_set_goes_with_its_tags_unless_one_is_used(region):
    TenantFactory(tags=[region.tags.first()])
    with pytest.raises(InUse):
        tag_sets.delete(region, user=None)

    TenantFactory._meta.model.objects.all().delete()
    tag_sets.delete(region, user=None)

    assert not TagSet.objects.exists()
    assert not Tag.objects.exists()


def test_create_through_the_page_leaves_blank_rows_out(as_user, editor):
    data = formset({"name": "EU"}, {"name": ""}, {"name": "US", "color": "#FF0000"})

    response = as_user(editor).post(reverse("tag_set_create"), data)

    assert response.status_code == 302
    assert tags(TagSet.objects.get()) == ["EU", "US"]
    assert Tag.objects.get(name="US").color == "#ff0000"


def test_edit_through_the_page_orders_renames_and_removes(as_user, editor, region):
    eu, us = region.tags.all()
    data = formset(
        {"id": eu.pk, "name": "Europe", "ORDER": 2},
        {"id": us.pk, "name": "US", "DELETE": "on", "ORDER": ""},
        {"name": "Asia", "ORDER": 1},
        initial=2,
    )

    response = as_user(editor).post(reverse("tag_set_edit", args=[region.slug]), data)

    assert response.status_code == 302
    assert tags(region) == ["Asia", "Europe"]
    assert Tag.objects.get(name="Europe").pk == eu.pk


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"name": "EU"}, {"name": "eu"}], "has a tag of this name"),
        ([{"name": "a/b"}], "cannot hold a slash"),
        ([{"name": "EU", "color": "red"}], "Enter a colour"),
        ([{"id": 999, "name": "EU"}], "deleted meanwhile"),
        ([{"name": "x" * 121}], None),
    ],
)
def test_bad_rows_come_back(as_user, editor, rows, message):
    response = as_user(editor).post(reverse("tag_set_create"), formset(*rows))

    assert response.status_code == 422
    assert message is None or message in response.text
    assert not TagSet.objects.exists()


def test_a_tag_of_another_set_cannot_be_taken_over(as_user, editor, region):
    foreign = TagFactory(name="Gold")
    data = formset({"id": foreign.pk, "name": "Mine"}, name="Region")

    response = as_user(editor).post(reverse("tag_set_edit", args=[region.slug]), data)

    assert response.status_code == 422
    assert Tag.objects.get(pk=foreign.pk).name == "Gold"


def test_removing_a_used_tag_is_refused_with_the_list(as_user, editor, region):
    eu, us = region.tags.all()
    TenantFactory(name="Acme", tags=[eu])
    data = formset({"id": eu.pk, "name": "EU", "DELETE": "on"}, {"id": us.pk, "name": "US"}, initial=2)

    response = as_user(editor).post(reverse("tag_set_edit", args=[region.slug]), data)

    assert response.status_code == 409
    assert "Acme" in response.text


def test_a_set_of_another_space_is_not_there(as_user, editor):
    foreign = TagSetFactory(space=SpaceFactory())

    assert as_user(editor).get(reverse("tag_set_edit", args=[foreign.slug])).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_editors_and_administrators_change_tag_sets(as_user, request, role, region):
    client = as_user(request.getfixturevalue(role))

    assert client.get(reverse("tag_set_list")).status_code == 200
    for url in (
        reverse("tag_set_create"),
        reverse("tag_set_edit", args=[region.slug]),
        reverse("tag_set_delete", args=[region.slug]),
        reverse("tag_set_reorder"),
    ):
        assert client.post(url, formset()).status_code == 403


def test_order_and_delete_through_the_pages(as_user, editor, space):
    one, two = TagSetFactory.create_batch(2)
    client = as_user(editor)

    client.post(reverse("tag_set_reorder"), {"id": [one.pk, two.pk], "up": two.pk})
    assert list(TagSet.objects.in_space(space)) == [two, one]

    assert client.get(reverse("tag_set_delete", args=[one.slug])).status_code == 200
    assert client.post(reverse("tag_set_delete", args=[one.slug])).status_code == 302
    assert list(TagSet.objects.in_space(space)) == [two]


def test_list_costs_the_same_for_many_sets(as_user, editor, django_assert_max_num_queries):
    for tag_set in TagSetFactory.create_batch(10):
        TagFactory.create_batch(3, tag_set=tag_set)
    client = as_user(editor)

    with django_assert_max_num_queries(10):
        assert client.get(reverse("tag_set_list")).status_code == 200
