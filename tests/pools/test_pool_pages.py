import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tasks.models import StepState
from tasks.selectors import pools as selectors
from tests.factories import (
    ActionFactory,
    AttemptFactory,
    ExecutionFactory,
    MachineFactory,
    SpaceFactory,
    VariableFactory,
    WorkerPoolFactory,
)
from variables.models import Type
from workers.models import Health
from workers.selectors.capabilities import read

pytestmark = pytest.mark.django_db


def waiting(pool, **changes):
    given = {"state": StepState.WAITING, "pool_id": pool.pk, "waiting_since": timezone.now()}
    return ExecutionFactory(**(given | changes))


def card_of(pool):
    return selectors.cards_of([pool])[0]


def test_card_counts_queue_steps_and_variables(space, default_pool):
    pool = WorkerPoolFactory()
    MachineFactory(pools=[pool], slots=2, busy_slots=2)
    waiting(pool)
    ActionFactory(worker_pool=pool)
    ActionFactory(worker_pool=None)
    VariableFactory(type=Type.WORKER_POOL, value=str(pool.pk))

    card = card_of(pool)

    assert (card.load.busy, card.load.total, card.queue) == (2, 2, 1)
    assert card.used_by == "1 step, 1 variable"
    assert card_of(default_pool).used_by == "1 step"


@pytest.mark.parametrize(
    ("workers", "label"),
    [
        ([], "No workers"),
        ([{}], "Healthy"),
        ([{}, {"health": Health.UNAVAILABLE}], "1 offline"),
        ([{"health": Health.UNAVAILABLE}, {"is_disabled": True}], "1 disabled, 1 offline"),
        ([{"slots": 1, "busy_slots": 1}], "Full"),
        ([{"health": Health.HAS_WARNINGS}], "1 warning"),
        ([{}, {"is_draining": True}], "Healthy"),
        ([{}, {"channel": ""}], "1 reconnecting"),
        ([{"channel": ""}], "1 reconnecting"),
    ],
)
def test_health_says_what_matters_first(workers, label):
    pool = WorkerPoolFactory()
    for state in workers:
        MachineFactory(pools=[pool], **state)

    assert card_of(pool).health.label == label


def test_a_worker_that_was_cut_off_is_not_counted_as_online(as_user, viewer):
    pool = WorkerPoolFactory()
    MachineFactory(pools=[pool], channel="")

    page = as_user(viewer).get(reverse("pool_detail", args=[pool.slug])).content.decode()

    assert "No worker is connected right now:" in page
    assert '0 of 1 <span class="muted sm">1 reconnecting</span>' in page


def test_tags_are_what_all_workers_have():
    one = read({"os": "linux", "tools": {"psql": "16.2", "git": "2.4"}, "shells": {"bash": "5.2"}})
    two = read({"os": "linux", "tools": {"psql": "16.9", "jq": True}, "shells": {"bash": "5.1"}})

    assert selectors.common_tags([one, two]) == ("Linux", "psql 16", "bash 5")
    assert selectors.common_tags([read({})]) == ()


def test_list_shows_every_pool_of_the_space_alone(as_user, viewer):
    WorkerPoolFactory(name="SQL – Dev")
    WorkerPoolFactory(name="Elsewhere", space=SpaceFactory())

    text = as_user(viewer).get(reverse("pool_list")).text

    assert "SQL – Dev" in text
    assert "Elsewhere" not in text
    assert "New pool" not in text


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"q": "sql"}, {"SQL"}),
        ({"q": "box-7"}, {"Linux"}),
        ({"state": "healthy"}, {"Linux"}),
        ({"state": "attention"}, {"SQL"}),
        ({"state": "nonsense"}, {"SQL", "Linux"}),
        ({"q": "nothing like it"}, set()),
    ],
)
def test_filters(as_user, viewer, query, shown):
    WorkerPoolFactory(name="SQL")
    MachineFactory(name="box-7", pools=[WorkerPoolFactory(name="Linux")])

    text = as_user(viewer).get(reverse("pool_list"), query).text

    assert {name for name in ("SQL", "Linux") if f'aria-label="Open {name}"' in text} == shown


def test_live_refresh_gets_the_board_alone(as_user, viewer):
    WorkerPoolFactory()

    response = as_user(viewer).get(reverse("pool_list"), headers={"HX-Request": "true"})

    assert response.text.lstrip().startswith('<div id="board"')


def test_detail_shows_workers_running_and_queue_with_reason(as_user, viewer):
    pool = WorkerPoolFactory(name="SQL")
    machine = MachineFactory(name="box-7", pools=[pool])
    execution = ExecutionFactory(pool_id=pool.pk, name="Back up", state=StepState.RUNNING, machine=machine)
    AttemptFactory(execution=execution, machine=machine)
    waiting(pool, name="Migrate", waiting_for="SQL is full: 2 of 2 slots busy.")

    text = as_user(viewer).get(reverse("pool_detail", args=[pool.slug])).text

    for words in ("box-7", "Back up", "Migrate", "SQL is full: 2 of 2 slots busy."):
        assert words in text


def test_detail_of_the_empty_default_pool_tells_of_the_builtin_worker(as_user, viewer, default_pool):
    MachineFactory(is_builtin=True, name="Built-in worker")

    text = as_user(viewer).get(reverse("pool_detail", args=[default_pool.slug])).text

    assert "built-in worker runs its steps" in text


def shown_pools(client, **query) -> int:
    return client.get(reverse("pool_list"), query).text.count('class="card pool"')


def test_many_pools_come_in_pages_and_the_filter_stays(as_user, viewer):
    for pool in WorkerPoolFactory.create_batch(26):
        MachineFactory(pools=[pool])
    WorkerPoolFactory.create_batch(2)
    client = as_user(viewer)

    assert shown_pools(client) == 24
    assert shown_pools(client, page=2) == 4
    assert shown_pools(client, state="healthy", page=2) == 2
    assert shown_pools(client, state="attention") == 2
    second = client.get(reverse("pool_list"), {"state": "healthy", "page": "2"}).text
    assert 'href="?state=healthy&amp;page=1"' in second
    assert 'href="?state=attention"' in second
    assert "28 pools" in second


def test_what_waits_is_counted_from_the_index_of_what_waits():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads a table that is as small as here from end to end")
    with CaptureQueriesContext(connection) as captured:
        selectors.cards_of([WorkerPoolFactory()])
    [counting] = [query["sql"] for query in captured if '"state" = ' in query["sql"]]

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {counting}")
        assert "tasks_waiting" in str(cursor.fetchall())


def test_list_costs_the_same_for_many_pools(as_user, viewer, django_assert_max_num_queries):
    for pool in WorkerPoolFactory.create_batch(20):
        MachineFactory(pools=[pool])
        waiting(pool)
        ActionFactory(worker_pool=pool)
    client = as_user(viewer)

    with django_assert_max_num_queries(13):
        client.get(reverse("pool_list"))


def test_detail_costs_the_same_for_many_rows(as_user, viewer, django_assert_max_num_queries):
    pool = WorkerPoolFactory()
    for _ in range(10):
        machine = MachineFactory(pools=[pool])
        AttemptFactory(execution=ExecutionFactory(pool_id=pool.pk), machine=machine)
        waiting(pool)
    client = as_user(viewer)

    with django_assert_max_num_queries(24):
        client.get(reverse("pool_detail", args=[pool.slug]))
