from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from domain.schedules import Schedule, ScheduleKind
from projects.models import TenantedMode
from runbooks.models import ScheduledTrigger
from runbooks.services import firing, triggers
from runbooks.services.triggers import TriggerFields
from tests.factories import SpaceFactory, TenantFactory
from tests.projects import scenarios


def _url(name, runbook, *more):
    return reverse(name, args=[runbook.project.slug, runbook.slug, *more])


def _filled(environments, **values):
    return {
        "name": "Nightly",
        "kind": "Days",
        "days": ["1", "2", "3", "4", "5"],
        "at": "02:00",
        "minutes": "60",
        "month_days": "1",
        "month_at": "02:00",
        "cron": "",
        "timezone": "Europe/Berlin",
        "environments": [one.pk for one in environments],
        "is_enabled": "on",
        **values,
    }


@pytest.fixture
def trigger(published, environments, editor):
    fields = TriggerFields(
        "Nightly", Schedule(ScheduleKind.CRON, "UTC", cron="0 2 * * MON-FRI"), environments[:1]
    )
    return triggers.create(runbook=published, fields=fields, user=editor, now=timezone.now())


def test_an_editor_makes_a_trigger(published, environments, editor, as_user):
    client = as_user(editor)

    answer = client.post(_url("trigger_create", published), _filled(environments))

    assert answer.status_code == 302
    assert answer["Location"] == _url("runbook_triggers", published)
    made = ScheduledTrigger.objects.get()
    assert made.schedule.days == {1, 2, 3, 4, 5}
    assert made.run_as == editor
    listing = client.get(answer["Location"]).content.decode()
    assert "Every weekday at 02:00 Europe/Berlin" in listing
    assert "Saved trigger Nightly." in listing
    assert "not yet" in listing


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"environments": []}, "environments", "Choose at least one environment."),
        ({"days": []}, "days", "Choose at least one day."),
        ({"at": ""}, "at", "Choose a time."),
        ({"at": "26:00"}, "at", "valid time"),
        ({"timezone": "Berlin"}, "timezone", "There is no time zone"),
        ({"kind": "Cron", "cron": "61 * * * *"}, "cron", "Possible are 0 to 59."),
        ({"kind": "Cron", "cron": ""}, "cron", "Write an expression"),
        ({"kind": "MonthDays", "month_days": "1, 32"}, "month_days", "no day of a month"),
        ({"kind": "MonthDays", "month_days": ""}, "month_days", "Choose at least one day of the month."),
        ({"kind": "Every", "minutes": "7"}, "minutes", "valid choice"),
        ({"kind": "Never"}, "kind", "valid choice"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    published, environments, editor, as_user, values, field, words
):
    answer = as_user(editor).post(_url("trigger_create", published), _filled(environments) | values)

    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])
    assert not ScheduledTrigger.objects.exists()


def test_what_another_kind_would_need_is_not_asked(published, environments, editor, as_user):
    values = {"kind": "MonthDays", "month_days": "1, 15, last", "at": "nonsense", "cron": "x" * 300}

    as_user(editor).post(_url("trigger_create", published), _filled(environments, **values))

    assert ScheduledTrigger.objects.get().schedule.month_days == {1, 15, -1}


def test_a_name_is_taken_once(trigger, environments, editor, as_user):
    answer = as_user(editor).post(_url("trigger_create", trigger.runbook), _filled(environments))

    assert answer.status_code == 422
    assert "This name is taken" in answer.content.decode()


def test_the_form_holds_what_was_saved(trigger, environments, editor, as_user):
    page = as_user(editor).get(_url("trigger_edit", trigger.runbook, trigger.pk)).content.decode()

    assert 'value="0 2 * * MON-FRI"' in page
    assert "At 02:00 on Monday through Friday, UTC" in page
    assert f'name="environments" value="{environments[0].pk}" checked' in page
    assert f'name="environments" value="{environments[1].pk}" checked' not in page


def test_a_change_is_saved(trigger, environments, editor, as_user):
    values = _filled(environments, kind="Every", minutes="15", name="Often")

    as_user(editor).post(_url("trigger_edit", trigger.runbook, trigger.pk), values)

    changed = ScheduledTrigger.objects.get()
    assert (changed.name, changed.schedule.kind, changed.minutes) == ("Often", ScheduleKind.EVERY, 15)
    assert changed.environments.count() == 2


def test_the_next_times_of_what_is_being_typed(published, viewer, as_user):
    url = _url("trigger_preview", published)
    query = {"kind": "Cron", "cron": "0 2 * * *", "timezone": "Europe/Berlin"}

    found = as_user(viewer).get(url, query)
    wrong = as_user(viewer).get(url, query | {"cron": "0 25 * * *"}).content.decode()

    assert found.content.decode().count("<li>") == 5
    assert "At 02:00 every day, Europe/Berlin" in found.content.decode()
    assert "<html" not in found.content.decode()
    assert "The hour &#x27;25&#x27; is not valid. Possible are 0 to 23." in wrong


def test_a_browser_without_script_can_look_before_it_saves(published, environments, editor, as_user):
    values = _filled(environments, kind="Cron", cron="0 2 1 * *", name="", preview="1")

    answer = as_user(editor).post(_url("trigger_create", published), values)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "At 02:00 on the first day of every month" in page
    assert "aria-invalid" not in page
    assert not ScheduledTrigger.objects.exists()


def test_an_empty_page_offers_two_examples(published, editor, as_user):
    client = as_user(editor)

    page = client.get(_url("runbook_triggers", published)).content.decode()
    nightly = client.get(_url("trigger_create", published), {"example": "nightly"}).content.decode()
    hourly = client.get(_url("trigger_create", published), {"example": "hourly"}).content.decode()

    assert page.count("?example=") == 2
    assert "Every weekday at 02:00" in nightly
    assert "Every hour" in hourly


def test_the_list_shows_what_came_of_it(trigger, viewer, as_user):
    firing.fire_due(now=trigger.next_at)

    page = as_user(viewer).get(_url("runbook_triggers", trigger.runbook)).content.decode()

    trigger.refresh_from_db()
    assert reverse("task_detail", args=trigger.last_task_ids) in page
    assert "Disable" not in page
    task = as_user(viewer).get(reverse("task_detail", args=trigger.last_task_ids)).content.decode()
    assert "by schedule <b>Nightly</b>, as <b>edith</b>" in task
    tasks = as_user(viewer).get(reverse("task_list")).content.decode()
    assert "Schedule Nightly" in tasks


def test_the_list_shows_why_nothing_came_of_it(trigger, viewer, as_user):
    firing.fire_due(now=trigger.next_at + timedelta(hours=2))

    page = as_user(viewer).get(_url("runbook_triggers", trigger.runbook)).content.decode()

    assert "was left out: no server was there to make it" in page


def test_all_triggers_of_a_project(trigger, viewer, editor, as_user):
    other = scenarios.runbook(trigger.runbook.project, name="Prune")
    url = reverse("project_triggers", args=[trigger.runbook.project.slug])

    seen = as_user(viewer).get(url).content.decode()
    edited = as_user(editor).get(url).content.decode()

    assert "Nightly" in seen
    assert "Back up" in seen
    assert _url("trigger_create", other) not in seen
    assert _url("trigger_create", other) in edited
    assert '>Triggers<span class="n">1</span>' in seen


def test_the_switch(trigger, editor, as_user):
    client = as_user(editor)

    client.post(_url("trigger_disable", trigger.runbook, trigger.pk))
    trigger.refresh_from_db()
    assert (trigger.is_enabled, trigger.next_at) == (False, None)
    client.post(_url("trigger_enable", trigger.runbook, trigger.pk))

    trigger.refresh_from_db()
    assert trigger.is_enabled
    assert trigger.next_at > timezone.now()


def test_deleting_asks_first(trigger, editor, as_user):
    client, url = as_user(editor), _url("trigger_delete", trigger.runbook, trigger.pk)

    assert "does not start Back up any more" in client.get(url).content.decode()
    assert ScheduledTrigger.objects.exists()
    client.post(url)

    assert not ScheduledTrigger.objects.exists()


@pytest.mark.parametrize(
    "page", ["trigger_create", "trigger_edit", "trigger_enable", "trigger_disable", "trigger_delete"]
)
def test_operators_change_nothing(page, trigger, environments, operator, as_user):
    more = [] if page == "trigger_create" else [trigger.pk]

    answer = as_user(operator).post(_url(page, trigger.runbook, *more), _filled(environments, name="Mine"))

    assert answer.status_code == 403
    assert ScheduledTrigger.objects.get().is_enabled


@pytest.mark.parametrize("page", ["runbook_triggers", "trigger_create", "trigger_preview"])
def test_a_runbook_of_another_space_is_not_there(page, published, administrator, as_user):
    published.project.space = SpaceFactory()
    published.project.save()

    assert as_user(administrator).get(_url(page, published)).status_code == 404


def test_a_trigger_of_another_runbook_is_not_there(trigger, administrator, as_user):
    other = scenarios.runbook(trigger.runbook.project, name="Prune")

    assert as_user(administrator).get(_url("trigger_edit", other, trigger.pk)).status_code == 404


def test_tenants_are_offered_where_they_are_connected(published, environments, editor, as_user):
    project = published.project
    project.tenanted_mode = TenantedMode.BOTH
    project.save()
    acme, globex = TenantFactory(space=project.space, name="Acme"), TenantFactory(space=project.space)
    scenarios.connect(project, {acme: environments[:1], globex: environments[1:]})
    client = as_user(editor)

    assert "Acme" in client.get(_url("trigger_create", published)).content.decode()
    refused = client.post(
        _url("trigger_create", published), _filled(environments[1:], tenants=[acme.pk])
    ).content.decode()
    assert "Acme is not connected to any environment that is chosen here." in refused
    client.post(_url("trigger_create", published), _filled(environments[:1], tenants=[acme.pk]))

    assert list(ScheduledTrigger.objects.get().tenants.all()) == [acme]


def test_what_could_not_start_now_is_said_when_it_is_saved(runbook, environments, editor, as_user):
    answer = as_user(editor).post(_url("trigger_create", runbook), _filled(environments), follow=True)

    assert "would not start everything now" in answer.content.decode()
    assert ScheduledTrigger.objects.exists()
