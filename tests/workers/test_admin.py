import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event, Role
from environments.models import Environment
from pools.models import WorkerPool
from tests.factories import (
    EnrolmentCodeFactory,
    EnvironmentFactory,
    EventFactory,
    MachineFactory,
    ServerTaskFactory,
    SpaceFactory,
    TagSetFactory,
    TenantFactory,
    UserFactory,
    WorkerPoolFactory,
)
from workers.models import Machine

pytestmark = pytest.mark.django_db

LISTS = [
    "workers_machine",
    "pools_workerpool",
    "workers_enrolmentcode",
    "environments_environment",
    "tenants_tenant",
    "tenants_tagset",
    "accounts_user",
    "accounts_event",
]


def act(client, model, action, *rows):
    data = {"action": action, ACTION_CHECKBOX_NAME: [row.pk for row in rows]}
    return client.post(reverse(f"admin:{model}_changelist"), data, follow=True)


@pytest.fixture
def admin_client(as_user, administrator):
    return as_user(administrator)


@pytest.mark.parametrize("model", LISTS)
def test_lists_and_searches_open(admin_client, model, default_pool):
    MachineFactory(pools=[default_pool])
    EnrolmentCodeFactory()
    EnvironmentFactory()
    TenantFactory()
    TagSetFactory()
    EventFactory()

    url = reverse(f"admin:{model}_changelist")

    assert admin_client.get(url).status_code == 200
    if model != "workers_enrolmentcode":
        assert admin_client.get(url, {"q": "x"}).status_code == 200


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.EDITOR])
def test_others_stay_out(as_user, role):
    response = as_user(UserFactory(role=role)).get(reverse("admin:workers_machine_changelist"))

    assert response.status_code == 302
    assert "login" in response["Location"]


def test_staff_without_the_right_may_look_only(as_user):
    client = as_user(UserFactory(role=Role.VIEWER, is_staff=True))
    machine = MachineFactory()

    assert client.get(reverse("admin:workers_machine_changelist")).status_code == 200
    assert client.get(reverse("admin:accounts_event_changelist")).status_code == 403
    act(client, "workers_machine", "disable", machine)
    assert client.get(reverse("admin:workers_machine_delete", args=[machine.pk])).status_code == 403
    machine.refresh_from_db()
    assert not machine.is_disabled


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [
        ("enable", "is_disabled", False),
        ("disable", "is_disabled", True),
        ("drain", "is_draining", True),
        ("resume", "is_draining", False),
    ],
)
def test_actions_on_workers_go_through_the_service(admin_client, action, field, value):
    rows = MachineFactory.create_batch(2, is_disabled=not value, is_draining=not value)

    act(admin_client, "workers_machine", action, *rows)

    assert Machine.objects.filter(**{field: value}).count() == 2
    assert Event.objects.filter(username="ada").count() == 2


def test_check_health_asks_those_that_are_connected(admin_client, monkeypatch):
    sent = []
    monkeypatch.setattr("common.live.send", lambda channel, message: sent.append(message))

    response = act(
        admin_client, "workers_machine", "check_health", MachineFactory(), MachineFactory(channel="")
    )

    assert sent == [{"type": "agent.check"}]
    assert "is not connected" in response.text


def test_make_default_swaps(admin_client, default_pool):
    pool = WorkerPoolFactory()

    act(admin_client, "pools_workerpool", "make_default", pool)

    assert WorkerPool.objects.get(is_default=True) == pool


def test_two_default_pools_of_one_space_are_refused(admin_client, default_pool):
    response = act(admin_client, "pools_workerpool", "make_default", *WorkerPoolFactory.create_batch(2))

    assert "Choose one pool per space" in response.text
    assert WorkerPool.objects.get(is_default=True) == default_pool


def test_deleting_what_is_in_use_is_refused_with_the_reasons(admin_client, default_pool):
    pool = WorkerPoolFactory()
    MachineFactory(name="lonely", pools=[pool])
    busy = MachineFactory(busy_slots=1)

    for model, row, words in (
        ("pools_workerpool", pool, "lonely"),
        ("pools_workerpool", default_pool, "it is the default pool"),
        ("workers_machine", busy, "still holds a step"),
        ("environments_environment", ServerTaskFactory().environment, "would require deleting"),
    ):
        url = reverse(f"admin:{model}_delete", args=[row.pk])
        assert words in admin_client.get(url).text
        admin_client.post(url, {"post": "yes"})
        assert type(row).objects.filter(pk=row.pk).exists()


def test_deleting_several_spares_those_that_are_refused(admin_client):
    busy, free = MachineFactory(busy_slots=1), MachineFactory()
    data = {
        "action": "delete_selected",
        ACTION_CHECKBOX_NAME: [busy.pk, free.pk],
        "post": "yes",
    }

    admin_client.post(reverse("admin:workers_machine_changelist"), data)
    assert Machine.objects.count() == 2

    admin_client.post(reverse("admin:workers_machine_changelist"), data | {ACTION_CHECKBOX_NAME: [free.pk]})
    assert list(Machine.objects.all()) == [busy]


def test_adding_and_changing_go_through_the_services(admin_client, space):
    add = reverse("admin:environments_environment_add")
    admin_client.post(add, {"space": space.pk, "name": "Test", "description": "", "hue": 2})
    environment = Environment.objects.get()
    assert environment.slug == "test"

    change = reverse("admin:environments_environment_change", args=[environment.pk])
    admin_client.post(change, {"name": "Staging", "description": "", "hue": 3})
    environment.refresh_from_db()
    assert (environment.name, environment.slug, environment.hue) == ("Staging", "test", 3)


def test_a_taken_name_is_an_error_and_not_a_crash(admin_client):
    EnvironmentFactory(name="Test")
    other = EnvironmentFactory(name="Staging")

    response = admin_client.post(
        reverse("admin:environments_environment_change", args=[other.pk]),
        {"name": "test", "description": "", "hue": 3},
    )

    assert response.status_code == 200
    assert "This name is taken" in response.text


def test_changing_a_worker_sets_its_pools(admin_client):
    machine, pool = MachineFactory(), WorkerPoolFactory()
    url = reverse("admin:workers_machine_change", args=[machine.pk])

    assert admin_client.get(url).status_code == 200
    response = admin_client.post(url, {"name": "n", "description": "", "pools": [pool.pk], "slots": 3})

    assert response.status_code == 302
    machine.refresh_from_db()
    assert (machine.name, machine.slots, list(machine.pools.all())) == ("n", 3, [pool])


def test_pools_can_be_added_and_changed(admin_client, space):
    admin_client.post(
        reverse("admin:pools_workerpool_add"), {"space": space.pk, "name": "SQL", "description": ""}
    )
    pool = WorkerPool.objects.get()
    admin_client.post(
        reverse("admin:pools_workerpool_change", args=[pool.pk]), {"name": "SQL 2", "description": ""}
    )

    pool.refresh_from_db()
    assert (pool.name, pool.slug) == ("SQL 2", "sql")


def test_the_audit_cannot_be_changed(admin_client, administrator):
    event = EventFactory()

    assert admin_client.get(reverse("admin:accounts_event_delete", args=[event.pk])).status_code == 403
    change = admin_client.post(reverse("admin:accounts_event_change", args=[event.pk]), {"message": "x"})
    assert change.status_code == 403


def test_the_last_administrator_stays_here_too(admin_client, administrator):
    url = reverse("admin:accounts_user_change", args=[administrator.pk])

    response = admin_client.post(url, {"role": Role.VIEWER, "is_active": "on"}, follow=True)

    assert "last active administrator" in response.text
    administrator.refresh_from_db()
    assert administrator.role == Role.ADMINISTRATOR


def test_the_admins_own_sign_in_counts_attempts(space, administrator, client):
    for _ in range(9):
        response = client.post(reverse("admin:login"), {"username": "ada", "password": "wrong"})

    assert "Too many attempts" in response.text


@pytest.mark.parametrize("model", ["workers_machine", "pools_workerpool", "tenants_tenant"])
def test_lists_cost_the_same_for_many_rows(admin_client, model, django_assert_max_num_queries):
    pools = WorkerPoolFactory.create_batch(10)
    for _ in range(20):
        MachineFactory(pools=pools[:3], space=pools[0].space)
    TenantFactory.create_batch(20)
    SpaceFactory()

    with django_assert_max_num_queries(16):
        admin_client.get(reverse(f"admin:{model}_changelist"))


def test_the_list_of_workers_says_what_runs_where_and_since_when(admin_client):
    MachineFactory(agent_version="0.1.0", capabilities={"os": "linux"}, last_seen_at=timezone.now())
    MachineFactory(last_seen_at=None)

    text = admin_client.get(reverse("admin:workers_machine_changelist")).text

    assert "0.1.0, Linux" in text
    assert '<td class="field-seen">now</td>' in text
    assert '<td class="field-seen">never</td>' in text


def test_an_action_says_what_it_did(admin_client):
    text = act(admin_client, "workers_machine", "drain", MachineFactory(), MachineFactory()).text

    assert "Done for 2 workers." in text


def test_groups_are_not_offered_as_they_would_do_nothing(admin_client):
    assert "Groups" not in admin_client.get(reverse("admin:index")).text
