import pytest
from django.urls import reverse

from tests.factories import EventFactory, SpaceFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("operator", 403), ("editor", 200)])
def test_who_sees_the_audit(as_user, request, role, status):
    assert as_user(request.getfixturevalue(role)).get(reverse("audit")).status_code == status


@pytest.mark.parametrize(
    "query", [{"q": "pool"}, {"category": "Deleted"}, {"user": "ada"}, {"q": "deleted", "user": "ada"}]
)
def test_filters(as_user, editor, query):
    EventFactory(message="Deleted pool X.", category="Deleted", username="ada")
    EventFactory(message="Something else.", subject_kind="Tenant")

    text = as_user(editor).get(reverse("audit"), query).text

    assert "Deleted pool X." in text
    assert "Something else." not in text


def test_events_of_other_spaces_stay_there_and_those_of_the_server_are_seen(as_user, editor):
    EventFactory(message="Elsewhere.", space=SpaceFactory())
    EventFactory(message="On the server.", space=None)

    text = as_user(editor).get(reverse("audit")).text

    assert "Elsewhere." not in text
    assert "On the server." in text


def test_markup_in_a_message_is_shown_as_text(as_user, editor):
    EventFactory(message="Created <script>alert(1)</script>.")

    assert "<script>alert" not in as_user(editor).get(reverse("audit")).text


def test_pages_cost_the_same_for_many_events(as_user, editor, django_assert_max_num_queries):
    EventFactory.create_batch(120)
    client = as_user(editor)

    with django_assert_max_num_queries(12):
        assert "120" in client.get(reverse("audit"), {"page": 2}).text
