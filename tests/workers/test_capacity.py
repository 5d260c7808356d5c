import pytest

from tests.factories import DefaultPoolFactory, MachineFactory, SpaceFactory, WorkerPoolFactory
from workers.models import Health
from workers.selectors import capacity

pytestmark = pytest.mark.django_db


def test_one_query_counts_all_pools(django_assert_num_queries):
    sql, linux, empty = WorkerPoolFactory.create_batch(3)
    MachineFactory(pools=[sql, linux], slots=4, busy_slots=1)
    MachineFactory(pools=[sql], slots=2, busy_slots=2)
    MachineFactory(pools=[linux], health=Health.UNAVAILABLE)

    with django_assert_num_queries(1):
        found = capacity.pool_capacity([sql, linux, empty])

    assert (found[sql.pk].workers_total, found[sql.pk].slots_total, found[sql.pk].slots_free) == (2, 6, 3)
    assert (found[linux.pk].workers_total, found[linux.pk].workers_available) == (2, 1)
    assert found[linux.pk].reason == "1 offline"
    assert found[empty.pk].workers_total == 0


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"is_disabled": True}, "1 disabled"),
        ({"is_draining": True}, "1 draining"),
        ({"is_revoked": True}, "1 revoked"),
        ({"health": Health.UNAVAILABLE}, "1 offline"),
        ({"health": Health.UNKNOWN}, "1 offline"),
        ({"channel": ""}, "1 reconnecting"),
        ({"channel": "", "health": Health.UNAVAILABLE}, "1 offline"),
        ({"channel": "", "is_draining": True}, "1 reconnecting"),
    ],
)
def test_a_worker_that_takes_nothing_has_no_slots(state, reason):
    pool = WorkerPoolFactory()
    MachineFactory(pools=[pool], **state)

    found = capacity.pool_capacity([pool])[pool.pk]

    assert (found.workers_total, found.workers_available, found.slots_free) == (1, 0, 0)
    assert found.reason == reason
    assert capacity.candidates_for(pool) == []


def test_a_worker_that_reconnects_still_holds_what_it_runs():
    pool = WorkerPoolFactory()
    MachineFactory(pools=[pool], slots=3, busy_slots=1, channel="")
    MachineFactory(pools=[pool], slots=2)

    load = capacity.pool_loads([pool])[pool.pk]

    assert (load.online, load.workers, load.reconnecting) == (1, 2, 1)
    assert (load.busy, load.free, load.offline_slots) == (1, 2, 2)
    assert capacity.pool_capacity([pool])[pool.pk].workers_returning == 1


def test_fewer_slots_than_busy_ones_are_not_negative_room():
    pool = WorkerPoolFactory()
    MachineFactory(pools=[pool], slots=1, busy_slots=3)

    found = capacity.pool_capacity([pool])[pool.pk]

    assert found.slots_free == 0
    assert found.is_full


def test_builtin_serves_the_empty_default_pool_only():
    default, other = DefaultPoolFactory(), WorkerPoolFactory()
    builtin = MachineFactory(is_builtin=True, slots=3)

    found = capacity.pool_capacity([default, other])

    assert (found[default.pk].workers_total, found[default.pk].slots_free) == (1, 3)
    assert found[other.pk].workers_total == 0
    assert capacity.candidates_for(default) == [builtin]
    assert capacity.candidates_for(other) == []


def test_builtin_steps_back_for_any_worker_even_one_that_is_away():
    default = DefaultPoolFactory()
    MachineFactory(is_builtin=True)
    MachineFactory(pools=[default], is_disabled=True)

    assert capacity.pool_capacity([default])[default.pk].workers_total == 1
    assert capacity.pool_capacity([default])[default.pk].workers_available == 0
    assert capacity.candidates_for(default) == []


def test_builtin_can_be_turned_off(settings):
    settings.BUILTIN_WORKER = False
    default = DefaultPoolFactory()
    MachineFactory(is_builtin=True)

    assert capacity.pool_capacity([default])[default.pk].workers_total == 0
    assert capacity.candidates_for(default) == []


def test_builtin_of_another_space_does_not_help():
    default = DefaultPoolFactory()
    MachineFactory(is_builtin=True, space=SpaceFactory())

    assert capacity.pool_capacity([default])[default.pk].workers_total == 0
    assert capacity.candidates_for(default) == []


def test_facts_name_shells_and_tools_in_lower_case():
    machine = MachineFactory(capabilities={"shells": {"Bash": "5.2"}, "tools": {"psql": "16"}, "os": "Linux"})

    assert capacity.worker_facts(machine).tools == {"bash", "psql"}


@pytest.mark.parametrize("odd", [{}, {"shells": "bash"}, {"shells": None, "tools": 7}])
def test_facts_survive_odd_capabilities(odd):
    assert capacity.worker_facts(MachineFactory(capabilities=odd)).tools == frozenset()
