import re

import pytest
from django.urls import reverse
from django.utils import timezone

from tasks.models import AttemptState
from tests.factories import (
    AttemptFactory,
    EnrolmentCodeFactory,
    MachineFactory,
    SpaceFactory,
    WorkerPoolFactory,
)
from tests.workers.test_enrolment import enrol
from workers.models import EnrolmentCode, Health, Machine
from workers.services import machines, server_key

pytestmark = pytest.mark.django_db


def names_in(response):
    return set(re.findall(r'class="t" href="/workers/[^"]*">([^<]*)<', response.text))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, {"alpha", "beta", "gamma"}),
        ({"q": "alp"}, {"alpha"}),
        ({"state": "healthy"}, {"alpha"}),
        ({"state": "attention"}, {"beta"}),
        ({"state": "draining"}, {"gamma"}),
        ({"pool": "sql"}, {"alpha"}),
        ({"os": "macos"}, {"beta"}),
        ({"pool": "unknown"}, set()),
        ({"state": "nonsense", "page": "77"}, {"alpha", "beta", "gamma"}),
    ],
)
def test_list_filters(as_user, viewer, query, shown):
    MachineFactory(name="alpha", pools=[WorkerPoolFactory(name="SQL")])
    MachineFactory(name="beta", health=Health.UNAVAILABLE, capabilities={"os": "macos"})
    MachineFactory(name="gamma", is_draining=True)
    MachineFactory(name="foreign", space=SpaceFactory())

    assert names_in(as_user(viewer).get(reverse("worker_list"), query)) == shown


def test_list_survives_odd_capabilities(as_user, viewer):
    for odd in ({}, {"os": 7}, {"os": None, "shells": "x"}, {"os": ["a"]}, {"os": {"a": 1}}):
        MachineFactory(capabilities=odd)

    assert as_user(viewer).get(reverse("worker_list")).status_code == 200


def test_viewers_get_no_buttons(as_user, viewer):
    machine = MachineFactory()

    text = as_user(viewer).get(reverse("worker_list")).text
    detail = as_user(viewer).get(reverse("worker_detail", args=[machine.slug])).text

    assert 'name="action"' not in text
    assert "Revoke key" not in detail


@pytest.mark.parametrize("role", ["viewer", "operator", "editor"])
def test_only_administrators_change_workers(as_user, request, role):
    machine = MachineFactory()
    code = EnrolmentCodeFactory()
    client = as_user(request.getfixturevalue(role))

    for url in (
        reverse("worker_add"),
        reverse("worker_bulk"),
        reverse("worker_edit", args=[machine.slug]),
        reverse("worker_delete", args=[machine.slug]),
        reverse("worker_action", args=[machine.slug]),
    ):
        assert client.post(url, {"action": "disable"}).status_code == 403
    assert client.get(reverse("worker_add")).status_code == 403
    assert client.get(reverse("worker_enrolment", args=[code.pk])).status_code == 403
    machine.refresh_from_db()
    assert not machine.is_disabled


def test_bulk_acts_on_ticked_workers_of_this_space(as_user, administrator):
    one, two, _ = MachineFactory.create_batch(3)
    foreign = MachineFactory(space=SpaceFactory())
    data = {"action": "drain", "machine": [one.pk, two.pk, foreign.pk, "abc", "²", "9" * 40]}

    assert as_user(administrator).post(reverse("worker_bulk"), data).status_code == 302

    assert set(Machine.objects.filter(is_draining=True)) == {one, two}


@pytest.mark.parametrize("action", ["", "revoke", "explode"])
def test_bulk_knows_its_actions(as_user, administrator, action):
    assert as_user(administrator).post(reverse("worker_bulk"), {"action": action}).status_code == 400


@pytest.mark.parametrize("action", ["enable", "disable", "drain", "resume", "revoke", "check"])
def test_each_action_answers_with_the_page(as_user, administrator, action, monkeypatch):
    monkeypatch.setattr("common.live.send", lambda channel, message: None)
    machine = MachineFactory()
    url = reverse("worker_action", args=[machine.slug])

    response = as_user(administrator).post(url, {"action": action}, follow=True)

    assert response.redirect_chain[-1][0] == reverse("worker_detail", args=[machine.slug])


def test_an_unknown_action_is_refused(as_user, administrator):
    url = reverse("worker_action", args=[MachineFactory().slug])

    assert as_user(administrator).post(url, {"action": "explode"}).status_code == 400
    assert as_user(administrator).get(url).status_code == 405


def test_checking_a_worker_that_is_away_says_so(as_user, administrator):
    url = reverse("worker_action", args=[MachineFactory(name="db-01", channel="").slug])

    response = as_user(administrator).post(url, {"action": "check"}, follow=True)

    assert "db-01 is not connected" in response.text


def test_detail_shows_what_it_is_and_runs(as_user, viewer):
    machine = MachineFactory(
        name="db-01",
        pools=[WorkerPoolFactory(name="SQL")],
        capabilities={"os_version": "Debian 12", "arch": "x86_64", "tools": {"psql": "16.2", "jq": True}},
        health_reason="3.0 GB free on its disk, less than 5 GB.",
        health=Health.HAS_WARNINGS,
    )
    AttemptFactory(machine=machine, execution__name="Back up")
    AttemptFactory(machine=machine, execution__name="Older", state=AttemptState.FINISHED)

    text = as_user(viewer).get(reverse("worker_detail", args=[machine.slug])).text

    for words in ("Debian 12, x86_64", "psql 16.2", "Back up", "Older", "3.0 GB free", machine.thumbprint):
        assert words in text


def test_capabilities_are_shown_as_text(as_user, viewer):
    machine = MachineFactory(capabilities={"tools": {"<script>alert(1)</script>": "<b>"}, "os": "<i>"})

    text = as_user(viewer).get(reverse("worker_detail", args=[machine.slug])).text

    assert "<script>alert" not in text
    assert "<i>" not in text


def test_edit_through_the_page(as_user, administrator):
    machine, pool = MachineFactory(name="db-01"), WorkerPoolFactory()
    url = reverse("worker_edit", args=[machine.slug])
    client = as_user(administrator)

    assert client.get(url).status_code == 200
    assert client.post(url, {"name": "db-02", "slots": 4, "pools": [pool.pk]}).status_code == 302
    machine.refresh_from_db()
    assert (machine.name, machine.slots, list(machine.pools.all())) == ("db-02", 4, [pool])


@pytest.mark.parametrize(
    "bad", [{"slots": 0}, {"slots": 1001}, {"slots": "x"}, {"name": ""}, {"name": "other"}, {"pools": [999]}]
)
def test_bad_edits_come_back(as_user, administrator, bad):
    machine = MachineFactory(name="db-01")
    MachineFactory(name="other")
    data = {"name": "db-01", "slots": 4} | bad

    assert as_user(administrator).post(reverse("worker_edit", args=[machine.slug]), data).status_code == 422


def test_pools_of_another_space_are_refused(as_user, administrator):
    foreign = WorkerPoolFactory(space=SpaceFactory())
    machine = MachineFactory()
    client = as_user(administrator)

    edited = client.post(
        reverse("worker_edit", args=[machine.slug]), {"name": "x", "slots": 1, "pools": [foreign.pk]}
    )
    added = client.post(reverse("worker_add"), {"slots": 1, "pools": [foreign.pk]})

    assert (edited.status_code, added.status_code) == (422, 422)
    assert not EnrolmentCode.objects.exists()


def test_workers_and_codes_of_another_space_are_not_there(as_user, administrator):
    machine = MachineFactory(space=SpaceFactory())
    code = EnrolmentCodeFactory(space=machine.space)
    client = as_user(administrator)

    for name in ("worker_detail", "worker_edit", "worker_delete"):
        assert client.get(reverse(name, args=[machine.slug])).status_code == 404
    assert client.get(reverse("worker_enrolment", args=[code.pk])).status_code == 404


def test_delete_asks_refuses_and_deletes(as_user, administrator):
    busy, free = MachineFactory(busy_slots=1), MachineFactory()
    client = as_user(administrator)

    refused = client.post(reverse("worker_delete", args=[busy.slug]))
    assert refused.status_code == 409
    assert "still holds a step" in refused.text
    assert client.get(reverse("worker_delete", args=[free.slug])).status_code == 200
    assert client.post(reverse("worker_delete", args=[free.slug])).status_code == 302
    assert list(Machine.objects.all()) == [busy]


def make_line(client, pool, **changes):
    return client.post(reverse("worker_add"), {"pools": [pool.pk], "slots": 2} | changes)


def test_the_line_holds_everything_and_the_code_as_an_assignment(as_user, administrator):
    pool = WorkerPoolFactory()

    response = make_line(as_user(administrator), pool)

    line = re.search(r"data-copy-text>(curl[^<]*)<", response.text)[1]
    plain = re.search(r"OCTOWORKERS_CODE=(\S+)", line)[1]
    assert response["Cache-Control"].find("no-store") >= 0
    assert "http://testserver/agent/octoworker.pyz" in line
    assert f"--thumbprint {server_key.thumbprint()}" in line
    assert line.count(plain) == 1
    assert enrol(plain).pools.get() == pool


def test_the_public_address_stands_in_the_line(as_user, administrator, settings):
    settings.PUBLIC_URL = "https://ops.example.org"

    text = make_line(as_user(administrator), WorkerPoolFactory()).text

    assert "https://ops.example.org/agent/octoworker.pyz" in text
    assert "http://testserver" not in text
    assert "plain HTTP" not in text


def test_the_line_is_shown_once(as_user, administrator):
    client = as_user(administrator)
    plain = re.search(r"OCTOWORKERS_CODE=(\S+)", make_line(client, WorkerPoolFactory()).text)[1]

    again = client.get(reverse("worker_enrolment", args=[EnrolmentCode.objects.get().pk]))

    assert plain not in again.text
    assert "shown once" in again.text


@pytest.mark.parametrize("bad", [{"pools": []}, {"slots": 0}, {"slots": ""}, {"pools": ["x"]}])
def test_a_line_needs_a_pool_and_slots(as_user, administrator, bad):
    assert make_line(as_user(administrator), WorkerPoolFactory(), **bad).status_code == 422


def arrival(client, code):
    url = reverse("worker_enrolment", args=[code.pk])
    return client.get(url, headers={"HX-Request": "true"}).text


def test_the_page_follows_the_arrival(as_user, administrator, space):
    client, code = as_user(administrator), EnrolmentCodeFactory(plain="plain", pools=[WorkerPoolFactory()])
    assert "Waiting for the worker" in arrival(client, code)

    machine = enrol("plain")
    assert "Waiting for db-01 to connect" in arrival(client, code)

    machines.connected(machine.pk, "ch", "1", "boot", {"os": "linux", "arch": "arm64"}, timezone.now())
    text = arrival(client, code)
    assert "db-01 is ready" in text
    assert "Linux, arm64" in text
    assert reverse("worker_detail", args=["db-01"]) in text


def test_an_expired_line_offers_a_new_one_for_the_same_pools(as_user, administrator):
    pool = WorkerPoolFactory()
    code = EnrolmentCodeFactory(pools=[pool], expires_at=timezone.now())

    text = arrival(as_user(administrator), code)

    assert "Make a new line" in text
    assert f'name="pools" value="{pool.pk}"' in text


def test_the_form_starts_with_the_pool_that_one_came_from(as_user, administrator, default_pool):
    pool = WorkerPoolFactory(name="SQL")
    client = as_user(administrator)

    from_pool = client.get(reverse("worker_add"), {"pool": "sql"}).context["form"]
    plain = client.get(reverse("worker_add")).context["form"]

    assert from_pool["pools"].value() == [pool.pk]
    assert plain["pools"].value() == [default_pool.pk]


def test_list_costs_the_same_for_many_workers(as_user, administrator, django_assert_max_num_queries):
    pools = WorkerPoolFactory.create_batch(3)
    for _ in range(30):
        MachineFactory(pools=pools)
    client = as_user(administrator)

    with django_assert_max_num_queries(14):
        client.get(reverse("worker_list"))
