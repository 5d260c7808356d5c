from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from accounts.models import Event
from protocol.handshake import thumbprint
from tests.factories import MachineFactory, SpaceFactory, WorkerPoolFactory
from workers.models import EnrolmentCode, Machine
from workers.services import enrolment, server_key
from workers.services.enrolment import EnrolmentRefused

pytestmark = pytest.mark.django_db


def new_key():
    return Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()


@pytest.fixture
def pool(space):
    return WorkerPoolFactory()


@pytest.fixture
def issued(space, pool, administrator):
    """A code and its plain text."""
    return enrolment.issue(space=space, pools=[pool], slots=3, user=administrator, now=timezone.now())


def enrol(plain, **changes):
    given = {
        "code": plain,
        "public_key_hex": new_key(),
        "name": "db-01",
        "agent_version": "0.1.0",
        "capabilities": {"os": "linux"},
        "boot_id": "boot",
        "now": timezone.now(),
    }
    return enrolment.enrol(**(given | changes))


def refusal(plain, **changes):
    with pytest.raises(EnrolmentRefused) as refused:
        enrol(plain, **changes)
    return refused.value


def test_only_a_hash_of_the_code_is_kept(issued):
    code, plain = issued

    assert code.code_hash == sha256(plain.encode()).hexdigest()
    assert plain not in str(EnrolmentCode.objects.values().get())
    assert code.expires_at - timezone.now() <= timedelta(minutes=15)


def test_a_code_lets_one_agent_into_its_pools(issued, pool):
    code, plain = issued
    key = new_key()

    machine = enrol(plain, public_key_hex=key)

    assert (machine.name, machine.slug, machine.slots) == ("db-01", "db-01", 3)
    assert list(machine.pools.all()) == [pool]
    assert machine.thumbprint == thumbprint(bytes.fromhex(key))
    code.refresh_from_db()
    assert code.machine == machine
    assert Event.objects.filter(category="Enrolled", subject_id=str(machine.pk)).exists()


def test_a_used_code_is_refused_and_the_refusal_is_in_the_audit(issued):
    _, plain = issued
    enrol(plain)

    assert refusal(plain).code == "used_code"
    assert Machine.objects.count() == 1
    assert Event.objects.filter(category="Refused").count() == 1


def test_an_expired_code_is_refused(issued):
    _, plain = issued

    assert refusal(plain, now=timezone.now() + timedelta(minutes=16)).code == "expired_code"
    assert not Machine.objects.exists()


@pytest.mark.parametrize("wrong", ["", "nonsense", "x" * 5000, "💥"])
def test_a_wrong_code_is_refused(space, wrong):
    assert refusal(wrong).code == "unknown_code"


def test_a_code_whose_pools_are_gone_is_refused_and_not_used_up(issued, pool):
    code, plain = issued
    pool.delete()

    assert refusal(plain).code == "pools_gone"
    code.refresh_from_db()
    assert code.used_at is None


@pytest.mark.parametrize(
    "bad",
    [
        {"public_key_hex": "zz" * 32},
        {"public_key_hex": "ab"},
        {"public_key_hex": new_key().upper()},
        {"name": "  "},
        {"name": "x" * 121},
        {"name": "two\nlines"},
        {"agent_version": "1" * 41},
        {"boot_id": "b" * 81},
        {"capabilities": ["list"]},
        {"capabilities": {"x": "y" * 40_000}},
    ],
)
def test_bad_input_is_refused_and_the_code_stays_good(issued, bad):
    _, plain = issued

    assert refusal(plain, **bad).code == "invalid"
    assert enrol(plain).name == "db-01"


def test_a_taken_name_gets_a_number(issued):
    MachineFactory(name="DB-01", slug="db-01")

    machine = enrol(issued[1])

    assert (machine.name, machine.slug) == ("db-01-2", "db-01-2")


def test_a_long_taken_name_still_fits(issued):
    MachineFactory(name="n" * 120)

    assert enrol(issued[1], name="n" * 120).name == "n" * 118 + "-2"


def test_the_same_key_is_the_same_worker(issued, space, pool, administrator):
    key = new_key()
    first = enrol(issued[1], public_key_hex=key)
    _, plain = enrolment.issue(space=space, pools=[pool], slots=7, user=administrator, now=timezone.now())

    again = enrol(plain, public_key_hex=key, name="other")

    assert again.pk == first.pk
    assert (again.name, again.slots) == ("db-01", 7)


def test_a_revoked_key_cannot_come_back(issued):
    key = new_key()
    MachineFactory(public_key=key, is_revoked=True)

    assert refusal(issued[1], public_key_hex=key).code == "revoked_key"
    assert enrol(issued[1]).name == "db-01"


def test_a_worker_lands_in_the_space_of_its_code(administrator):
    other = SpaceFactory()
    pool = WorkerPoolFactory(space=other)
    _, plain = enrolment.issue(space=other, pools=[pool], slots=1, user=administrator, now=timezone.now())

    assert enrol(plain).space == other


def test_fetching_is_noted_once_and_not_for_codes_that_are_over(issued):
    code, _ = issued
    now = timezone.now()

    enrolment.mark_fetched(code.pk, now)
    enrolment.mark_fetched(code.pk, now + timedelta(minutes=1))
    enrolment.mark_fetched(999_999, now)

    code.refresh_from_db()
    assert code.fetched_at == now


def test_server_key_signs_and_verifies():
    signature = server_key.sign(b"transcript")

    assert server_key.verify(server_key.public_hex(), signature, b"transcript")
    assert not server_key.verify(server_key.public_hex(), signature, b"other")
    assert not server_key.verify("zz", signature, b"transcript")
    assert not server_key.verify(server_key.public_hex(), "zz", b"transcript")
    assert len(server_key.thumbprint()) == 64
