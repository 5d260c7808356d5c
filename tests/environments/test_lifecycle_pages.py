from __future__ import annotations

import pytest
from django.urls import reverse

from environments.models import Lifecycle
from environments.services import lifecycles
from environments.services.lifecycles import PhaseFields
from tests.factories import EnvironmentFactory, ProjectFactory


@pytest.fixture
def stages(space):
    return [EnvironmentFactory(space=space, name=name) for name in ("Development", "Production")]


@pytest.fixture
def careful(space, stages):
    phases = [PhaseFields("First", [stages[0]], is_optional=True), PhaseFields("Last", [stages[1]])]
    return lifecycles.create(space=space, name="Careful", phases=phases)


def _data(*phases, name="Careful"):
    data = {"name": name, "phases": str(len(phases))}
    for number, phase in enumerate(phases):
        data |= {f"phase-{number}-{field}": value for field, value in phase.items()}
    return data


def test_a_lifecycle_is_made_with_its_phases(space, stages, editor, as_user):
    first, second = stages
    client = as_user(editor)
    rows = [
        {"place": 2, "name": "Live", "environments": second.pk, "minimum": 1},
        {"place": 1, "name": "Try", "environments": first.pk, "is_optional": "on"},
        {"place": 3},
    ]

    answer = client.post(reverse("lifecycle_create"), _data(*rows))

    assert answer.status_code == 302
    made = Lifecycle.objects.get(name="Careful")
    found = [(one.name, one.minimum, one.is_optional) for one in made.phases.all()]
    assert found == [("Try", 0, True), ("Live", 1, False)]
    page = client.get(reverse("lifecycle_list")).content.decode()
    assert "1. Try" in page
    assert "at least 1" in page


def test_phases_swap_their_places_and_keep_their_ids(careful, stages, editor, as_user):
    first, last = careful.phases.all()
    rows = [
        {"id": first.pk, "place": 2, "name": "First", "environments": stages[0].pk},
        {"id": last.pk, "place": 1, "name": "Last", "environments": stages[1].pk},
    ]
    url = reverse("lifecycle_edit", args=["careful"])

    assert "First" in as_user(editor).get(url).content.decode()
    as_user(editor).post(url, _data(*rows))

    assert [one.pk for one in careful.phases.all()] == [last.pk, first.pk]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"name": "Empty"}, "Choose at least one environment"),
        ({"environments": "first"}, "Enter a name for this phase"),
        ({"name": "Many", "environments": "first", "minimum": 2}, "fewer environments"),
        ({"name": "Odd", "environments": 99999}, "not one of the available choices"),
    ],
)
def test_a_phase_that_makes_no_sense_comes_back(row, words, stages, editor, as_user):
    row = {name: stages[0].pk if value == "first" else value for name, value in row.items()}

    answer = as_user(editor).post(reverse("lifecycle_create"), _data(row))

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Lifecycle.objects.filter(name="Careful").exists()


def test_one_that_projects_follow_is_not_deleted_and_they_are_named(space, careful, editor, as_user):
    project = ProjectFactory(space=space, name="Orders", lifecycle=careful)
    client, url = as_user(editor), reverse("lifecycle_delete", args=["careful"])

    assert "Orders" in client.get(url).content.decode()
    assert client.post(url).status_code == 409
    project.lifecycle = None
    project.save()
    assert client.post(url).status_code == 302
    assert not Lifecycle.objects.filter(name="Careful").exists()


def test_the_default_one_is_not_deleted(space, editor, as_user):
    default = lifecycles.ensure_default(space)

    answer = as_user(editor).post(reverse("lifecycle_delete", args=[default.slug]))

    assert answer.status_code == 409
    assert "default lifecycle" in answer.content.decode()


def test_operators_look_only(careful, operator, as_user):
    client = as_user(operator)

    assert client.get(reverse("lifecycle_list")).status_code == 200
    for url in (
        reverse("lifecycle_create"),
        reverse("lifecycle_edit", args=["careful"]),
        reverse("lifecycle_delete", args=["careful"]),
    ):
        assert client.post(url).status_code == 403


def test_the_list_asks_as_often_for_many(space, stages, editor, as_user, django_assert_max_num_queries):
    for number in range(10):
        lifecycles.create(space=space, name=f"Way {number}", phases=[PhaseFields("One", stages)])

    with django_assert_max_num_queries(25):
        as_user(editor).get(reverse("lifecycle_list"))
