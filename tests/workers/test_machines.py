import pytest

from accounts.models import Event
from tests.factories import MachineFactory, SpaceFactory, WorkerPoolFactory
from workers.models import Machine
from workers.services import machines

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch, django_capture_on_commit_callbacks):
    """What goes to agents' sockets."""
    found = []
    monkeypatch.setattr("common.live.send", lambda channel, message: found.append((channel, message)))
    return found


def test_edit_changes_pools_and_slots(editor):
    machine, pool = MachineFactory(), WorkerPoolFactory()

    machines.edit(machine, name="db-02", description="x", pools=[pool], slots=5, user=editor)

    machine.refresh_from_db()
    assert (machine.name, machine.slots, list(machine.pools.all())) == ("db-02", 5, [pool])


def test_the_builtin_worker_never_joins_a_pool(editor):
    machine = MachineFactory(is_builtin=True)

    machines.edit(machine, name="B", description="", pools=[WorkerPoolFactory()], slots=5, user=editor)

    assert not machine.pools.exists()


@pytest.mark.parametrize(
    ("act", "field", "value"),
    [
        (machines.disable, "is_disabled", True),
        (machines.enable, "is_disabled", False),
        (machines.drain, "is_draining", True),
        (machines.resume, "is_draining", False),
    ],
)
def test_decisions_are_kept_and_audited(act, field, value, administrator):
    machine = MachineFactory(is_disabled=not value, is_draining=not value)

    act(machine, user=administrator)

    machine.refresh_from_db()
    assert getattr(machine, field) is value
    assert Event.objects.get().username == "ada"


@pytest.mark.parametrize("act", [machines.enable, machines.resume])
def test_more_room_is_announced(act, monkeypatch, django_capture_on_commit_callbacks):
    heard = []
    monkeypatch.setattr("workers.services.room._listeners", [lambda: heard.append("room")])

    with django_capture_on_commit_callbacks(execute=True):
        act(MachineFactory(), user=None)

    assert heard == ["room"]


def test_revoking_ends_the_connection(sent, django_capture_on_commit_callbacks):
    machine = MachineFactory(channel="specific.a")

    with django_capture_on_commit_callbacks(execute=True):
        machines.revoke(machine, user=None)

    machine.refresh_from_db()
    assert (machine.is_revoked, machine.status) == (True, "Revoked")
    assert [(channel, message["type"], message["code"]) for channel, message in sent] == [
        ("specific.a", "agent.close", "revoked")
    ]


def test_delete_refuses_while_steps_hold_it():
    machine = MachineFactory(busy_slots=2)

    with pytest.raises(machines.Busy, match="2 steps"):
        machines.delete(machine, user=None)


def test_delete_looks_at_the_row_and_not_at_what_was_loaded():
    machine = MachineFactory()
    Machine.objects.filter(pk=machine.pk).update(busy_slots=1)

    with pytest.raises(machines.Busy):
        machines.delete(machine, user=None)


def test_delete_ends_the_connection(sent, django_capture_on_commit_callbacks):
    machine = MachineFactory(channel="specific.a")

    with django_capture_on_commit_callbacks(execute=True):
        machines.delete(machine, user=None)

    assert not Machine.objects.exists()
    assert sent[0][1]["code"] == "deleted"


def test_check_asks_the_agent(sent):
    machines.request_check(MachineFactory(channel="specific.a"))

    assert sent == [("specific.a", {"type": "agent.check"})]


@pytest.mark.parametrize("state", [{"channel": ""}, {"health": "Unavailable"}, {"is_revoked": True}])
def test_check_of_a_worker_that_is_away_is_refused(sent, state):
    with pytest.raises(machines.NotConnected):
        machines.request_check(MachineFactory(**state))
    assert sent == []


def test_builtin_is_made_once_per_space_and_follows_its_key(space):
    first = machines.ensure_builtin(space, "ab" * 32)
    again = machines.ensure_builtin(space, "cd" * 32)
    elsewhere = machines.ensure_builtin(SpaceFactory(), "cd" * 32)

    assert again.pk == first.pk != elsewhere.pk
    assert again.public_key == "cd" * 32
    assert again.thumbprint != first.thumbprint


def test_builtin_finds_a_free_name(space):
    MachineFactory(name="built-in worker", slug="built-in-worker")

    assert machines.ensure_builtin(space, "ab" * 32).name == "Built-in worker-2"
