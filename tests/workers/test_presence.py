from datetime import timedelta

import pytest
from django.utils import timezone

from tests.factories import MachineFactory, WorkerPoolFactory
from workers.models import Health, Machine
from workers.services import machines

pytestmark = pytest.mark.django_db
GB = 10**9


def connect(machine, **changes):
    given = {
        "channel": "specific.a!1",
        "version": "1.2.3",
        "boot_id": "boot",
        "capabilities": {"os": "Linux", "disk_free": 50 * GB},
        "now": timezone.now(),
    }
    return machines.connected(machine.pk, **(given | changes))


def test_connecting_makes_a_worker_healthy_and_keeps_what_it_says():
    machine = MachineFactory(health=Health.UNKNOWN, channel="", capabilities={})

    found = connect(machine)

    assert found.health == Health.HEALTHY
    assert (found.channel, found.agent_version, found.disk_free) == ("specific.a!1", "1.2.3", 50 * GB)


def test_a_full_disk_is_a_warning_with_its_reason():
    found = connect(MachineFactory(), capabilities={"disk_free": 3 * GB})

    assert found.health == Health.HAS_WARNINGS
    assert found.health_reason == "3.0 GB free on its disk, less than 5 GB."


def test_a_revoked_or_deleted_worker_cannot_connect():
    revoked, gone = MachineFactory(is_revoked=True, channel=""), MachineFactory()
    Machine.objects.filter(pk=gone.pk).delete()

    for machine in (revoked, gone):
        with pytest.raises(machines.MachineRevoked):
            connect(machine)


@pytest.mark.parametrize("bad", ["text", ["list"], {"x": "y" * 40_000}])
def test_senseless_capabilities_are_refused(bad):
    with pytest.raises(machines.BadCapabilities):
        connect(MachineFactory(), capabilities=bad)


def test_connecting_does_not_undo_what_a_person_decided():
    machine = MachineFactory(is_disabled=True, is_draining=True)

    found = connect(machine)

    assert found.is_disabled
    assert found.is_draining


def test_an_old_socket_that_closes_late_does_not_disconnect_the_new_one():
    machine = MachineFactory(channel="old")
    connect(machine, channel="new")

    machines.disconnected(machine.pk, "old", timezone.now())
    assert Machine.objects.get(pk=machine.pk).channel == "new"

    machines.disconnected(machine.pk, "new", timezone.now())
    found = Machine.objects.get(pk=machine.pk)
    assert found.channel == ""
    assert found.health == Health.HEALTHY


def test_heartbeat_renews_the_lease_and_brings_a_lost_worker_back():
    now = timezone.now()
    machine = MachineFactory(health=Health.UNAVAILABLE, last_seen_at=now - timedelta(hours=1))

    assert machines.heartbeat(machine.pk, now, 80 * GB)

    found = Machine.objects.get(pk=machine.pk)
    assert (found.health, found.last_seen_at, found.disk_free) == (Health.HEALTHY, now, 80 * GB)


def test_heartbeat_without_change_of_health_costs_one_statement(django_assert_num_queries):
    machine = MachineFactory()

    with django_assert_num_queries(1):
        machines.heartbeat(machine.pk, timezone.now(), 80 * GB)


def test_heartbeat_of_a_revoked_worker_is_not_taken():
    machine = MachineFactory(is_revoked=True, health=Health.UNAVAILABLE)

    assert not machines.heartbeat(machine.pk, timezone.now(), 80 * GB)
    assert Machine.objects.get(pk=machine.pk).health == Health.UNAVAILABLE


def test_lease_ends_after_a_minute_of_silence_and_once():
    now = timezone.now()
    silent = MachineFactory(last_seen_at=now - timedelta(seconds=61))
    MachineFactory(last_seen_at=now - timedelta(seconds=59))
    MachineFactory(last_seen_at=None, health=Health.UNKNOWN)

    assert machines.expire_leases(now) == [silent]
    assert machines.expire_leases(now) == []

    found = Machine.objects.get(pk=silent.pk)
    assert found.health == Health.UNAVAILABLE
    assert found.health_reason.startswith("No heartbeat since ")


def test_answer_to_a_health_check_replaces_the_capabilities():
    machine = MachineFactory(capabilities={"os": "Linux"})

    machines.reported(machine.pk, {"os": "Linux", "tools": {"psql": "16"}, "disk_free": GB}, timezone.now())

    found = Machine.objects.get(pk=machine.pk)
    assert found.capabilities["tools"] == {"psql": "16"}
    assert found.health == Health.HAS_WARNINGS


def test_slots_are_taken_once_and_given_back():
    machine = MachineFactory(pools=[WorkerPoolFactory()], slots=2)

    assert [machines.reserve_slot(machine.pk, space_id=machine.space_id) for _ in range(3)] == [
        True,
        True,
        False,
    ]
    machines.release_slot(machine.pk, space_id=machine.space_id)
    assert machines.reserve_slot(machine.pk, space_id=machine.space_id)
    assert Machine.objects.get(pk=machine.pk).last_used_at is not None


@pytest.mark.parametrize(
    "state",
    [{"is_disabled": True}, {"is_draining": True}, {"is_revoked": True}, {"health": Health.UNAVAILABLE}],
)
def test_a_worker_that_takes_nothing_gives_no_slot(state):
    machine = MachineFactory(**state)

    assert not machines.reserve_slot(machine.pk, space_id=machine.space_id)


def test_releasing_below_zero_changes_nothing():
    machine = MachineFactory()

    machines.release_slot(machine.pk, space_id=machine.space_id)

    assert Machine.objects.get(pk=machine.pk).busy_slots == 0


@pytest.mark.parametrize(
    ("skew", "said"),
    [
        (3 * 3600 + 120, "Its clock is 3 h 02 m ahead of the server's."),
        (-48, "Its clock is 48 s behind the server's."),
        (-1e300, "Its clock is 36500 d 0 h behind the server's."),
    ],
)
def test_a_clock_that_is_wrong_is_a_warning_and_passes(skew, said):
    now = timezone.now()
    machine = connect(
        MachineFactory(channel="", health=Health.UNKNOWN), now=now, clock=now.timestamp() + skew
    )
    assert machine.health == Health.HAS_WARNINGS
    assert machine.health_reason.endswith(said)

    machines.heartbeat(machine.pk, now, 80 * GB, clock=now.timestamp() + skew)
    machine.refresh_from_db()
    assert (machine.health, machine.last_seen_at) == (Health.HAS_WARNINGS, now)
    assert machine.health_reason.endswith(said)

    machines.heartbeat(machine.pk, now, 80 * GB, clock=now.timestamp() + 4)
    machine.refresh_from_db()
    assert (machine.health, machine.health_reason) == (Health.HEALTHY, "")


def test_two_warnings_are_both_said_and_a_health_check_keeps_them():
    now = timezone.now()
    machine = MachineFactory()

    machines.reported(machine.pk, {"disk_free": 3 * GB}, now, clock=now.timestamp() - 60)

    found = Machine.objects.get(pk=machine.pk)
    assert found.health_reason == (
        "3.0 GB free on its disk, less than 5 GB. Its clock is 1 m 00 s behind the server's."
    )
