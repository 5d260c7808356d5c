"""Scheduled triggers: what is due starts once, in whose name, and what becomes of a time that is missed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection

from accounts.models import Event, Role
from accounts.permissions import NotAllowed
from accounts.services import users
from common.usage import InUse
from domain.schedules import BadSchedule, Schedule, ScheduleKind
from environments.services import environments as environment_service
from projects.models import TenantedMode
from projects.places import NoPlace
from projects.services.projects import NameTaken
from runbooks.models import RunbookRun, ScheduledTrigger
from runbooks.services import firing, runbooks, snapshots, triggers
from runbooks.services.triggers import TriggerFields
from tasks.engine import jobs, script, timers
from tasks.models import Overlap, ServerTask, TaskState
from tenants.services import tenants as tenant_service
from tests.factories import TenantFactory, UserFactory
from tests.projects import scenarios

NOON = datetime(2026, 5, 28, 12, tzinfo=UTC)
TWO = datetime(2026, 5, 29, 2, tzinfo=UTC)
DAILY = Schedule(ScheduleKind.DAYS, "UTC", at=time(2, 0))


def make(runbook, environments, user, *, name="Nightly", schedule=DAILY, tenants=(), now=NOON, enabled=True):
    fields = TriggerFields(
        name=name, schedule=schedule, environments=environments, tenants=tenants, is_enabled=enabled
    )
    return triggers.create(runbook=runbook, fields=fields, user=user, now=now)


def fire(now):
    firing.fire_due(now=now)


def started() -> list[ServerTask]:
    return list(ServerTask.objects.order_by("pk"))


def test_what_is_due_starts_the_published_snapshot(published, environments, editor):
    snapshot = published.published
    trigger = make(published, environments, editor)
    scenarios.add_step(published, "Not published yet")

    fire(TWO - timedelta(seconds=1))
    assert started() == []
    fire(TWO)

    assert [task.environment for task in started()] == environments
    assert {task.trigger_name for task in started()} == {"Nightly"}
    assert {task.created_by for task in started()} == {editor}
    assert {run.snapshot for run in RunbookRun.objects.all()} == {snapshot}
    trigger.refresh_from_db()
    assert trigger.next_at == TWO + timedelta(days=1)
    assert trigger.last_fired_at == TWO
    assert trigger.last_task_ids == [task.pk for task in started()]
    assert trigger.problem == ""


def test_its_scripts_know_its_name(published, environments, editor):
    make(published, environments[:1], editor)
    fire(TWO)
    [task] = started()

    assert script._frozen(task.pk, task.queued_at).facts.trigger == "Nightly"


def test_each_time_starts_once(published, environments, editor):
    make(published, environments[:1], editor)

    for seconds in range(3):
        fire(TWO + timedelta(seconds=seconds))

    assert len(started()) == 1


def test_who_saw_an_old_time_starts_nothing(published, environments, editor):
    trigger = make(published, environments[:1], editor)
    fire(TWO)

    assert not firing.fire(trigger.pk, published.project_id, TWO, now=TWO)
    assert len(started()) == 1


@pytest.mark.django_db(transaction=True)
def test_two_nodes_that_look_at_once_start_it_once(published, environments, editor):
    trigger = make(published, environments[:1], editor)
    together = threading.Barrier(2)

    def node() -> bool:
        try:
            together.wait(timeout=30)
            return firing.fire(trigger.pk, published.project_id, TWO, now=TWO)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as nodes:
        won = [one.result(timeout=60) for one in [nodes.submit(node), nodes.submit(node)]]

    assert sorted(won) == [False, True]
    assert len(started()) == 1


def test_after_a_pause_one_start_stands_for_all(published, environments, editor):
    every_minute = Schedule(ScheduleKind.EVERY, "UTC", minutes=1)
    trigger = make(published, environments[:1], editor, schedule=every_minute)

    fire(NOON + timedelta(minutes=30))

    trigger.refresh_from_db()
    assert len(started()) == 1
    assert trigger.next_at == NOON + timedelta(minutes=31)
    assert trigger.problem == ""


def test_a_start_that_is_missed_by_too_much_is_left_out(published, environments, editor):
    trigger = make(published, environments[:1], editor)

    fire(TWO + firing.GRACE + timedelta(seconds=1))

    trigger.refresh_from_db()
    assert started() == []
    assert "The start of 2026-05-29 02:00 was left out" in trigger.problem
    assert trigger.next_at == TWO + timedelta(days=1)
    assert Event.objects.filter(category="Failed", subject_kind="ScheduledTrigger").count() == 1


def test_a_start_within_the_grace_is_made_good(published, environments, editor):
    make(published, environments[:1], editor)

    fire(TWO + firing.GRACE)

    assert len(started()) == 1


def test_the_sweep_of_the_engine_fires(published, environments, editor):
    make(published, environments[:1], editor)

    jobs.sweep(now=TWO)

    assert len(started()) == 1


def test_a_timer_that_fails_leaves_the_others_alone(monkeypatch, caplog):
    ran = []

    def broken(*, now: datetime) -> None:
        raise RuntimeError("no")

    def working(*, now: datetime) -> None:
        ran.append(now)

    monkeypatch.setattr(timers, "_timers", [broken, working])
    timers.run_due(now=NOON)

    assert ran == [NOON]
    assert "is tried again" in caplog.text


# In whose name.


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"role": Role.VIEWER}, "lost the right to run"),
        ({"is_active": False}, "is not active any more"),
    ],
)
def test_it_is_disabled_when_its_owner_may_not_run_any_more(published, environments, change, words):
    owner = UserFactory(username="olga", role=Role.EDITOR)
    trigger = make(published, environments, owner)
    for name, value in change.items():
        setattr(owner, name, value)
    owner.save()

    fire(TWO)

    trigger.refresh_from_db()
    assert started() == []
    assert not trigger.is_enabled
    assert trigger.next_at is None
    assert words in trigger.disabled_reason
    event = Event.objects.get(category="Disabled")
    assert event.username == "system"
    assert words in event.message


def test_it_is_disabled_when_its_owner_is_deleted(published, environments):
    owner = UserFactory(role=Role.EDITOR)
    trigger = make(published, environments, owner)
    owner.delete()

    fire(TWO)

    trigger.refresh_from_db()
    assert started() == []
    assert "has been deleted" in trigger.disabled_reason


def test_who_enables_it_again_answers_for_it(published, environments, editor):
    owner = UserFactory(role=Role.EDITOR)
    trigger = make(published, environments[:1], owner)
    users.edit(owner, role=Role.VIEWER, display_name="", email="", is_active=True, user=None)
    fire(TWO)
    trigger.refresh_from_db()

    triggers.enable(trigger, user=editor, now=TWO)

    trigger.refresh_from_db()
    assert (trigger.run_as, trigger.disabled_reason) == (editor, "")
    fire(TWO + timedelta(days=1))
    assert [task.created_by for task in started()] == [editor]


def test_who_may_not_run_makes_no_trigger(published, environments, viewer):
    with pytest.raises(NotAllowed):
        make(published, environments, viewer)
    assert not ScheduledTrigger.objects.exists()


# What stands in the way is said, and tried again.


def test_without_a_published_snapshot_it_says_so(runbook, environments, editor):
    trigger = make(runbook, environments[:1], editor)

    fire(TWO)
    trigger.refresh_from_db()
    assert trigger.problem == firing.NOTHING_PUBLISHED
    assert list(firing.objections(trigger)) == [firing.NOTHING_PUBLISHED]

    snapshots.publish(runbook=runbook, user=editor)
    fire(TWO + timedelta(days=1))
    trigger.refresh_from_db()
    assert len(started()) == 1
    assert trigger.problem == ""


def test_what_one_environment_lacks_does_not_keep_the_others_back(published, environments, pools, editor):
    scenarios.route(published.project, {environments[1]: pools[1]})
    snapshots.publish(runbook=published, user=editor)
    trigger = make(published, environments, editor)

    assert [text.partition(":")[0] for text in firing.objections(trigger)] == ["Development"]
    fire(TWO)

    trigger.refresh_from_db()
    assert [task.environment.name for task in started()] == ["Production"]
    assert trigger.problem.startswith("Development: ")
    assert "no value of it applies" in trigger.problem


def test_a_problem_that_lasts_is_audited_once(runbook, environments, editor):
    make(runbook, environments, editor)

    for day in range(3):
        fire(TWO + timedelta(days=day))

    assert Event.objects.filter(category="Failed").count() == 1


def test_a_disabled_tenant_is_left_out(published, environments, editor):
    project = published.project
    project.tenanted_mode = TenantedMode.BOTH
    project.save()
    acme, globex = TenantFactory(space=project.space), TenantFactory(space=project.space, name="Globex")
    scenarios.connect(project, {acme: environments, globex: environments})
    trigger = make(published, environments[:1], editor, tenants=[acme, globex])
    globex.is_disabled = True
    globex.save()

    fire(TWO)

    trigger.refresh_from_db()
    assert [task.tenant for task in started()] == [acme]
    assert trigger.problem == "Not for Globex: the tenant is disabled."


def test_a_project_that_has_become_tenanted_says_so(published, environments, editor):
    trigger = make(published, environments, editor)
    published.project.tenanted_mode = TenantedMode.TENANTED
    published.project.save()

    fire(TWO)

    trigger.refresh_from_db()
    assert "runs for tenants only" in trigger.problem


def test_an_error_of_ours_is_not_repeated_every_second(published, environments, editor, monkeypatch, caplog):
    broken, other = make(published, environments, editor), make(published, environments, editor, name="Other")
    run = firing.runs.run

    def failing(**asked):
        if asked["wishes"].trigger_name == broken.name:
            raise RuntimeError("unexpected")
        return run(**asked)

    monkeypatch.setattr(firing.runs, "run", failing)
    fire(TWO)

    broken.refresh_from_db()
    other.refresh_from_db()
    assert broken.problem == firing.SERVER_ERROR
    assert broken.next_at == other.next_at == TWO + timedelta(days=1)
    assert {task.trigger_name for task in started()} == {"Other"}


def test_the_runbook_says_what_becomes_of_runs_that_overlap(published, environments, editor):
    published.overlap = Overlap.SKIP
    published.save()
    make(published, environments[:1], editor)

    fire(TWO)
    fire(TWO + timedelta(days=1))

    assert [task.state for task in started()] == [TaskState.QUEUED, TaskState.CANCELED]


def test_the_environment_says_whether_people_are_asked(published, environments, editor):
    environments[1].guided_failure = True
    environments[1].save()
    make(published, environments, editor)

    fire(TWO)

    assert [task.guided_failure for task in started()] == [False, True]


# What people decide.


def test_names_are_unique_in_their_runbook(published, environments, editor):
    make(published, environments, editor)

    with pytest.raises(NameTaken):
        make(published, environments, editor, name="NIGHTLY")


def test_a_schedule_or_a_place_that_cannot_be_is_refused(published, environments, editor):
    with pytest.raises(BadSchedule):
        make(published, environments, editor, schedule=Schedule(ScheduleKind.CRON, "UTC", cron="nonsense"))
    with pytest.raises(NoPlace):
        make(published, [], editor)
    assert not ScheduledTrigger.objects.exists()


def test_a_change_counts_from_now_and_passes_to_who_made_it(published, environments, editor, administrator):
    trigger = make(published, environments, editor)
    fields = TriggerFields("Hourly", Schedule(ScheduleKind.EVERY, "UTC", minutes=60), environments[:1])

    triggers.edit(trigger, fields=fields, user=administrator, now=NOON + timedelta(minutes=10))

    trigger = ScheduledTrigger.objects.get()
    assert trigger.next_at == NOON + timedelta(hours=1)
    assert trigger.schedule.minutes == 60
    assert trigger.run_as == administrator
    assert list(trigger.environments.all()) == environments[:1]


def test_a_change_does_not_forget_what_it_started_meanwhile(published, environments, editor):
    stale = make(published, environments[:1], editor)
    fire(TWO)
    fields = TriggerFields("Renamed", DAILY, environments[:1])

    triggers.edit(stale, fields=fields, user=editor, now=TWO)

    assert ScheduledTrigger.objects.get().last_task_ids == [task.pk for task in started()]


def test_a_disabled_trigger_does_not_fire(published, environments, editor):
    trigger = make(published, environments, editor)
    triggers.disable(trigger, user=editor)
    quiet = make(published, environments, editor, name="Quiet", enabled=False)

    fire(TWO)

    assert started() == []
    assert quiet.next_at is None


def test_what_a_trigger_needs_is_not_deleted(published, environments, editor, space):
    project = published.project
    project.tenanted_mode = TenantedMode.BOTH
    project.save()
    tenant = TenantFactory(space=space)
    scenarios.connect(project, {tenant: environments})
    trigger = make(published, environments, editor, tenants=[tenant])
    scenarios.connect(project, {})

    for act in (
        lambda: runbooks.delete(published, user=editor),
        lambda: environment_service.delete(environments[0], user=editor),
        lambda: tenant_service.delete(tenant, user=editor),
    ):
        with pytest.raises(InUse) as refusal:
            act()
        assert [use.label for use in refusal.value.uses if use.kind == "Trigger"] == ["Nightly of Back up"]

    triggers.delete(trigger, user=editor)
    runbooks.delete(published, user=editor)
