from __future__ import annotations

import re

import pytest
from django.urls import reverse

from tests.factories import (
    EnvironmentFactory,
    MachineFactory,
    SpaceFactory,
    TargetFactory,
    TenantFactory,
    WorkerPoolFactory,
)
from workers.models import EnrolmentCode, Health, Machine

pytestmark = pytest.mark.django_db


def names_in(response):
    return set(re.findall(r'class="t" href="/targets/[^"]*">([^<]*)<', response.text))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, {"alpha", "beta"}),
        ({"q": "alp"}, {"alpha"}),
        ({"state": "attention"}, {"beta"}),
        ({"environment": "live"}, {"alpha"}),
        ({"tag": "DB"}, {"beta"}),
        ({"tag": "nothing"}, set()),
        ({"state": "nonsense", "page": "77"}, {"alpha", "beta"}),
    ],
)
def test_list_filters(as_user, viewer, query, shown):
    TargetFactory(name="alpha", environments=[EnvironmentFactory(name="Live")])
    TargetFactory(name="beta", tags=["db"], health=Health.UNAVAILABLE)
    TargetFactory(name="foreign", space=SpaceFactory())
    MachineFactory(name="worker", pools=[WorkerPoolFactory()])

    assert names_in(as_user(viewer).get(reverse("target_list"), query)) == shown


def test_workers_are_listed_without_what_is_only_a_target(as_user, viewer):
    TargetFactory(name="pure")
    TargetFactory(name="both", pools=[WorkerPoolFactory()])

    text = as_user(viewer).get(reverse("worker_list")).text

    assert ">both<" in text
    assert ">pure<" not in text


def test_a_list_of_many_costs_no_more_queries(as_user, viewer, django_assert_max_num_queries):
    for _ in range(3):
        TargetFactory(tenants=[TenantFactory()])
    client = as_user(viewer)
    client.get(reverse("target_list"))

    with django_assert_max_num_queries(16):
        client.get(reverse("target_list"))


def test_adding_one(as_user, administrator):
    place = EnvironmentFactory()
    client = as_user(administrator)

    answer = client.post(
        reverse("target_add"),
        {"environments": place.pk, "new_tags": "web, db", "participation": "Untenanted", "slots": 1},
    )

    assert answer.status_code == 200
    assert "octoworker.pyz" in answer.text
    code = EnrolmentCode.objects.get()
    assert (code.target_tags, list(code.environments.all()), code.slots) == (["web", "db"], [place], 1)
    waiting = client.get(reverse("worker_enrolment", args=[code.pk])).text
    assert "Add target" in waiting


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"new_tags": ""}, "Give it at least one target tag"),
        ({"new_tags": "x" * 200}, "at most 100 characters"),
        ({"environments": []}, "Choose at least one environment."),
        ({"participation": "Tenanted"}, "Choose the tenants whose runs it takes part in."),
        ({"slots": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_is_refused_is_said_at_its_field(as_user, administrator, change, message):
    place = EnvironmentFactory()
    TenantFactory()
    data = {"environments": place.pk, "new_tags": "web", "participation": "Untenanted", "slots": 1}

    answer = as_user(administrator).post(reverse("target_add"), data | change)

    assert answer.status_code == 422
    assert message in answer.text
    assert not EnrolmentCode.objects.exists()


def test_a_worker_is_made_a_target_as_well(as_user, administrator):
    pool, place = WorkerPoolFactory(), EnvironmentFactory()
    machine = MachineFactory(name="one", pools=[pool])
    client = as_user(administrator)
    assert reverse("target_edit", args=["one"]) in client.get(reverse("worker_detail", args=["one"])).text

    answer = client.post(
        reverse("target_edit", args=["one"]),
        {
            "name": "one",
            "environments": place.pk,
            "new_tags": "web",
            "participation": "Untenanted",
            "slots": 2,
        },
    )

    assert answer.url == reverse("target_detail", args=["one"])
    assert (list(machine.environments.all()), list(machine.pools.all())) == ([place], [pool])
    page = client.get(answer.url).text
    assert "No longer a target" in page
    client.post(reverse("target_action", args=["one"]), {"action": "unregister"})
    assert not machine.environments.exists()


def test_a_target_is_made_a_worker_as_well(as_user, administrator):
    pool, machine = WorkerPoolFactory(), TargetFactory(name="one")
    client = as_user(administrator)

    answer = client.post(reverse("worker_edit", args=["one"]), {"name": "one", "pools": pool.pk, "slots": 2})

    assert answer.url == reverse("worker_detail", args=["one"])
    assert machine.pools.get() == pool
    assert machine.environments.exists()


def test_acting_on_and_deleting_one(as_user, administrator):
    TargetFactory(name="one")
    client = as_user(administrator)

    client.post(reverse("target_action", args=["one"]), {"action": "disable"})
    assert Machine.objects.get().is_disabled
    assert client.post(reverse("target_action", args=["one"]), {"action": "unregister"}).status_code == 400
    client.post(reverse("target_delete", args=["one"]))
    assert not Machine.objects.exists()


@pytest.mark.parametrize("page", ["target_edit", "target_delete"])
def test_only_administrators_change_targets(as_user, editor, page):
    TargetFactory(name="one")

    assert as_user(editor).get(reverse(page, args=["one"])).status_code == 403
