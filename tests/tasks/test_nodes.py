"""Nodes: what processes say of themselves, and what people decide about them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event
from tasks.engine.node import CurrentNode
from tasks.models import Node
from tasks.selectors import nodes as selectors
from tasks.selectors.nodes import LEASE, NodeState
from tasks.services import nodes
from tests.factories import MachineFactory
from workers.models import Machine
from workers.services import machines

NOW = timezone.now()
KEYS = "a" * 64


def start(name: str = "blue", *, now=NOW, keys: str = KEYS, **roles: bool):
    given = {"runs_engine": True, "serves_web": True} | roles
    return nodes.start(CurrentNode(name, **given), version="1.2", keys_thumbprint=keys, task_cap=7, now=now)


def node(name: str = "blue") -> Node:
    return Node.objects.get(name=name)


@pytest.fixture(autouse=True)
def _database(db):
    return


def test_a_restart_keeps_what_people_decided():
    start()
    nodes.edit(node(), task_cap=3, user=None)
    nodes.drain(node(), reason="Upgrade", user=None)
    nodes.stopped("blue", started_at=node().started_at, now=NOW)

    start(now=NOW + LEASE)

    again = node()
    assert (again.task_cap, again.is_draining, again.drain_reason) == (3, True, "Upgrade")
    assert again.stopped_at is None
    assert again.started_at == NOW + LEASE


def test_a_process_that_was_replaced_learns_it():
    first = start()
    second = start(now=NOW + LEASE)

    assert not nodes.heartbeat("blue", started_at=first, now=NOW + LEASE)
    assert nodes.heartbeat("blue", started_at=second, now=NOW + 2 * LEASE)
    nodes.stopped("blue", started_at=first, now=NOW)
    assert node().stopped_at is None
    assert node().last_seen_at == NOW + 2 * LEASE


def test_a_node_with_other_keys_may_not_join():
    start()

    with pytest.raises(nodes.CannotJoin, match=r"other keys than node blue.*keys\.json"):
        start("green", keys="b" * 64, now=NOW)
    start("green", keys="b" * 64, now=NOW + 2 * LEASE)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, NodeState.RUNNING),
        ({"is_draining": True}, NodeState.DRAINING),
        ({"stopped_at": NOW}, NodeState.STOPPED),
        ({"last_seen_at": NOW - LEASE - timedelta(seconds=1)}, NodeState.AWAY),
    ],
)
def test_states(changes, state):
    start()
    Node.objects.update(**changes)

    assert selectors.row(node(), NOW).state is state


def test_agents_of_a_node_that_is_away_are_not_connected(space):
    start()
    start("green", now=NOW + LEASE)
    lost = MachineFactory(space=space, channel="one", node_name="blue")
    held = MachineFactory(space=space, channel="two", node_name="green")

    nodes.forget_away(now=NOW + LEASE)
    assert Machine.objects.get(pk=lost.pk).is_connected

    nodes.forget_away(now=NOW + LEASE + timedelta(seconds=1))
    assert not Machine.objects.get(pk=lost.pk).is_connected
    assert Machine.objects.get(pk=held.pk).is_connected


def test_a_node_that_was_taken_for_dead_holds_its_agents_again(space):
    machine = MachineFactory(space=space, channel="one", node_name="blue")
    machines.forget_connections("blue", now=NOW)

    machines.heartbeat(machine.pk, NOW, channel="one", node_name="blue")

    machine.refresh_from_db()
    assert (machine.channel, machine.node_name) == ("one", "blue")


def test_a_heartbeat_through_an_old_socket_takes_nothing_from_the_new_one(space):
    machine = MachineFactory(space=space, channel="new", node_name="green")

    assert machines.heartbeat(machine.pk, NOW, channel="old", node_name="blue")

    machine.refresh_from_db()
    assert (machine.channel, machine.node_name) == ("new", "green")
    assert machine.last_seen_at == NOW


def test_only_a_node_that_is_gone_can_be_removed():
    start()

    with pytest.raises(nodes.StillThere, match="blue is running"):
        nodes.delete(node(), user=None, now=NOW)
    nodes.delete(node(), user=None, now=NOW + 2 * LEASE)

    assert not Node.objects.exists()


# The pages.


@pytest.fixture
def client(as_user, administrator):
    return as_user(administrator)


def test_the_list_says_what_each_node_is_and_does(client, space):
    start(now=timezone.now())
    start("green", now=timezone.now() - 2 * LEASE, serves_web=False)
    MachineFactory(space=space, channel="one", node_name="blue")

    page = client.get(reverse("node_list")).content.decode()

    assert "web and engine" in page
    assert "0 of 7" in page
    assert "Running" in page
    assert "Away" in page


def test_the_cap_is_saved_and_noted(client, administrator):
    start()

    answer = client.post(reverse("node_detail", args=[node().pk]), {"task_cap": "12"})

    assert answer.status_code == 302
    assert node().task_cap == 12
    assert Event.objects.get(subject_kind="Node").message == "Set the task cap of node blue to 12."


def test_a_cap_that_is_none_is_refused(client):
    start()

    answer = client.post(reverse("node_detail", args=[node().pk]), {"task_cap": "-1"})

    assert answer.status_code == 422
    assert node().task_cap == 7


def test_draining_needs_a_reason(client):
    start()
    address = reverse("node_action", args=[node().pk])

    assert client.post(address, {"action": "drain", "reason": ""}).status_code == 422
    assert not node().is_draining
    client.post(address, {"action": "drain", "reason": "New disk"})
    assert (node().is_draining, node().drain_reason) == (True, "New disk")
    client.post(address, {"action": "undrain"})
    assert (node().is_draining, node().drain_reason) == (False, "")


def test_a_running_node_is_not_removed(client):
    start(now=timezone.now())

    answer = client.post(reverse("node_delete", args=[node().pk]))

    assert answer.status_code == 409
    assert "is running" in answer.content.decode()


def test_editors_may_not_see_nodes(as_user, editor):
    start()

    assert as_user(editor).get(reverse("node_list")).status_code == 403


# What load balancers ask.


def test_health_needs_no_sign_in_no_host_and_no_encryption(client, settings):
    settings.SECURE_SSL_REDIRECT = True

    answer = client.get("/health/", headers={"host": "10.1.2.3"})

    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_a_draining_node_asks_for_no_more_visitors(client, settings):
    start(settings.NODE_NAME)
    nodes.drain(node(settings.NODE_NAME), reason="Upgrade", user=None)

    answer = client.get("/health/")

    assert (answer.status_code, answer.content) == (503, b"draining\n")


def test_a_node_without_its_database_asks_for_no_more_visitors(client, monkeypatch):
    def away(name: str) -> bool:
        raise OperationalError("connection refused")

    monkeypatch.setattr(selectors, "is_draining", away)

    answer = client.get("/health/")

    assert (answer.status_code, answer.content) == (503, b"database unavailable\n")
