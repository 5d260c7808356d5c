"""How runs behave: the form of a runbook and of a project, and what becomes of it at the next start."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event
from tasks.models import GuidedFailure, LockMode, Overlap, RunSettings
from tasks.run_settings import RunSettingsForm
from tasks.services.options import LockRequest, Wishes, options_for
from tests.factories import EnvironmentFactory, ProjectFactory, RunbookFactory
from tests.tasks.builders import page

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture(params=["project", "runbook"])
def subject(request, space) -> RunSettings:
    return ProjectFactory() if request.param == "project" else RunbookFactory()


@pytest.fixture
def client(as_user, editor):
    return as_user(editor)


def addresses(subject) -> tuple[str, str]:
    """Where the form is shown, and where it is sent."""
    is_runbook = hasattr(subject, "project")
    given = [subject.project.slug, subject.slug] if is_runbook else [subject.slug]
    kind = "runbook" if is_runbook else "project"
    return reverse(f"{kind}_settings", args=given), reverse(f"{kind}_run_settings", args=given)


def posted(*locks: tuple[str, str], **values) -> dict[str, object]:
    data: dict[str, object] = {
        "overlap": "Queue",
        "max_concurrent": "1",
        "guided_failure": "EnvironmentDefault",
        "locks-TOTAL_FORMS": str(len(locks)),
        "locks-INITIAL_FORMS": "0",
        **values,
    }
    for number, (name, mode) in enumerate(locks):
        data |= {f"locks-{number}-name": name, f"locks-{number}-mode": mode}
    return data


def test_settings_are_saved_and_written_down(client, subject):
    shown, sent = addresses(subject)
    data = posted(
        ("  DB  one ", "Exclusive"),
        ("", "Shared"),
        ("Disk #{Host}", "Shared"),
        overlap="Replace",
        max_concurrent="3",
        queue_timeout_minutes="30",
        time_limit_minutes="90",
        guided_failure="On",
    )

    answer = client.post(sent, data)

    assert (answer.status_code, answer.url) == (302, shown)
    subject.refresh_from_db()
    assert (subject.overlap, subject.max_concurrent) == (Overlap.REPLACE, 3)
    assert (subject.queue_timeout_minutes, subject.time_limit_minutes) == (30, 90)
    assert subject.guided_failure == GuidedFailure.ON
    assert subject.locks == [
        {"name": "DB one", "mode": "Exclusive"},
        {"name": "Disk #{Host}", "mode": "Shared"},
    ]
    event = Event.objects.latest("id")
    assert event.details["max_concurrent"] == [1, 3]
    assert "run" in event.message


def test_the_form_shows_what_is_set_with_room_for_more_locks(client, subject):
    subject.locks, subject.max_concurrent = [{"name": "db", "mode": "Shared"}], 7
    subject.save()
    html = client.get(addresses(subject)[0]).content.decode()
    assert 'name="locks-0-name" value="db"' in html
    assert 'name="locks-2-name" value=""' in html
    assert 'value="7"' in html


def test_saving_the_same_again_writes_nothing_down(client, subject):
    client.post(addresses(subject)[1], posted())
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (posted(max_concurrent="-1"), "greater than or equal to 0"),
        (posted(max_concurrent="1001"), "less than or equal to 1000"),
        (posted(time_limit_minutes="0"), "greater than or equal to 1"),
        (posted(queue_timeout_minutes="soon"), "Enter a whole number."),
        (posted(overlap="Explode"), "Select a valid choice."),
        (posted(("db", "Exclusive"), ("DB", "Shared")), "This lock is in the list already."),
        (posted(("x" * 121, "Exclusive")), "at most 120 characters"),
        (posted(*((f"lock {n}", "Shared") for n in range(21))), "At most 20 locks."),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(client, subject, data, problem):
    answer = client.post(addresses(subject)[1], data)
    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert not Event.objects.exists()


def test_only_those_who_may_edit(as_user, operator, subject):
    client = as_user(operator)
    shown, sent = addresses(subject)
    assert client.post(sent, posted(max_concurrent="3")).status_code == 403
    html = client.get(shown).content.decode()
    assert "How many at once" in html
    assert sent not in html


def test_the_form_says_the_same_as_the_settings(subject):
    subject.locks = [{"name": "db", "mode": "Shared"}]
    form = RunSettingsForm(None, settings=subject)
    assert form.initial["max_concurrent"] == 1
    assert form.rows.initial == subject.locks


@pytest.mark.parametrize(
    ("of_process", "of_environment", "wished", "guided"),
    [
        (GuidedFailure.ENVIRONMENT, True, None, True),
        (GuidedFailure.ENVIRONMENT, False, None, False),
        (GuidedFailure.OFF, True, None, False),
        (GuidedFailure.ON, False, None, True),
        (GuidedFailure.ON, False, False, False),
    ],
)
def test_the_wish_goes_before_the_process_goes_before_the_environment(
    space, of_process, of_environment, wished, guided
):
    settings = RunbookFactory(guided_failure=of_process, locks=[{"name": "db", "mode": "Shared"}])
    environment = EnvironmentFactory(guided_failure=of_environment)
    options = options_for(settings, environment=environment, wishes=Wishes(guided_failure=wished))
    assert options.guided_failure is guided
    assert options.locks == (LockRequest("db", LockMode.SHARED),)


def test_an_environment_asks_a_person_where_it_is_ticked(client, space):
    environment = EnvironmentFactory(name="Test")
    url = reverse("environment_edit", args=[environment.slug])
    client.post(url, {"name": "Test", "hue": "1", "guided_failure": "on"})
    environment.refresh_from_db()
    assert environment.guided_failure
    assert "checked" in re_field(page(client, "environment_edit", environment.slug))
    client.post(url, {"name": "Test", "hue": "1"})
    environment.refresh_from_db()
    assert not environment.guided_failure


def re_field(html: str) -> str:
    start = html.index('name="guided_failure"')
    return html[start : html.index(">", start)]
