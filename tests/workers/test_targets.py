"""Deployment targets: the same agent, registered in environments."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import Event
from common.usage import InUse
from environments.services import environments
from tests.factories import (
    EnvironmentFactory,
    MachineFactory,
    SpaceFactory,
    TargetFactory,
    TenantFactory,
    WorkerPoolFactory,
)
from tests.workers.test_enrolment import enrol, new_key
from workers.models import Machine, Participation
from workers.selectors.candidates import candidates
from workers.selectors.targets import tags_in
from workers.services import enrolment, machines, targets
from workers.services.targets import Registration

pytestmark = pytest.mark.django_db


def registration(*places, **values):
    return Registration(environments=places, tags=values.pop("tags", ["web"]), **values)


def test_what_is_a_worker_and_what_a_target():
    place, pool = EnvironmentFactory(), WorkerPoolFactory()
    pure = TargetFactory(environments=[place])
    both = TargetFactory(environments=[place], pools=[pool])
    worker, idle = MachineFactory(pools=[pool]), MachineFactory()

    assert set(Machine.objects.targets()) == {pure, both}
    assert set(Machine.objects.workers()) == {both, worker, idle}
    assert [one.noun for one in (pure, both, idle)] == ["deployment target", "worker", "worker"]


def test_placement_never_chooses_what_is_only_a_target():
    place, pool = EnvironmentFactory(), WorkerPoolFactory()
    TargetFactory(environments=[place])
    both = TargetFactory(environments=[place], pools=[pool])

    assert [one.id for one in candidates(pool.pk)] == [both.pk]


def test_editing_keeps_what_stays_and_records_it(editor):
    first, second, tenant = EnvironmentFactory(), EnvironmentFactory(), TenantFactory()
    machine = TargetFactory(environments=[first], tags=["web", "old"])
    kept = machine.target_tags.get(name="web").pk

    targets.edit(
        machine,
        name="web-1",
        description="x",
        slots=3,
        registration=registration(
            second, tags=["web", "New", "new"], participation=Participation.BOTH, tenants=[tenant]
        ),
        user=editor,
    )

    machine.refresh_from_db()
    assert list(machine.environments.all()) == [second]
    assert sorted(machine.tags) == ["New", "web"]
    assert machine.target_tags.get(name="web").pk == kept
    assert (machine.participation, list(machine.tenants.all())) == (Participation.BOTH, [tenant])
    assert Event.objects.get().message == "Changed deployment target web-1."


def test_a_tag_may_change_its_spelling():
    machine = TargetFactory(tags=["web"])

    targets.register(machine, registration(*machine.environments.all(), tags=["Web"]))

    assert machine.tags == ["Web"]


def test_unregistering_leaves_the_worker(editor):
    machine = TargetFactory(pools=[WorkerPoolFactory()])

    targets.unregister(machine, user=editor)

    assert not machine.environments.exists()
    assert not machine.target_tags.exists()
    assert machine.pools.exists()


def test_the_tags_of_a_space_in_their_usual_spelling():
    TargetFactory(tags=["web", "db"])
    TargetFactory(tags=["Web"])
    space = TargetFactory(tags=["Web", "api"]).space
    TargetFactory(space=SpaceFactory(), tags=["foreign"])

    assert tags_in(space) == ["api", "db", "Web"]


def test_an_agent_joins_as_a_target(editor):
    place, tenant = EnvironmentFactory(name="Live"), TenantFactory()
    wanted = registration(place, tags=["web", "db"], participation=Participation.TENANTED, tenants=[tenant])
    _, plain = enrolment.issue(place.space, (), 1, editor, timezone.now(), target=wanted)

    machine = enrol(plain)

    assert list(machine.environments.all()) == [place]
    assert sorted(machine.tags) == ["db", "web"]
    assert (machine.participation, list(machine.tenants.all())) == (Participation.TENANTED, [tenant])
    assert not machine.pools.exists()
    assert {event.message for event in Event.objects.all()} == {
        "Made a code to add a deployment target to Live.",
        f"Deployment target {machine} joined with an enrolment code.",
    }


def test_a_worker_that_joins_as_a_target_stays_a_worker(editor):
    pool, place = WorkerPoolFactory(), EnvironmentFactory()
    _, first = enrolment.issue(pool.space, [pool], 5, editor, timezone.now())
    _, second = enrolment.issue(pool.space, (), 5, editor, timezone.now(), target=registration(place))

    key = new_key()
    worker = enrol(first, public_key_hex=key)
    target = enrol(second, public_key_hex=key)

    assert worker == target
    assert (list(target.pools.all()), list(target.environments.all())) == ([pool], [place])


def test_a_code_whose_environments_are_gone_is_refused(editor):
    place = EnvironmentFactory()
    _, plain = enrolment.issue(place.space, (), 1, editor, timezone.now(), target=registration(place))
    place.delete()

    with pytest.raises(enrolment.EnrolmentRefused) as refusal:
        enrol(plain)

    assert refusal.value.code == "pools_gone"


def test_an_environment_with_targets_is_not_deleted(editor):
    target = TargetFactory(name="web-1")

    with pytest.raises(InUse) as refusal:
        environments.delete(target.environments.get(), user=editor)

    assert [(use.kind, use.label) for use in refusal.value.uses] == [("Deployment target", "web-1")]


def test_words_of_the_audit(editor):
    target = TargetFactory(name="web-1")

    machines.disable(target, user=editor)
    machines.delete(target, user=editor)

    assert {event.message for event in Event.objects.all()} == {
        "Disabled deployment target web-1.",
        "Deleted deployment target web-1.",
    }
