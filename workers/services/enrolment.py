"""One-use codes with which agents join, and the joining itself."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common import live
from common.slugs import unique_slug
from domain.targets import clean_tags
from environments.models import Environment
from pools.models import WorkerPool
from protocol.handshake import thumbprint
from spaces.models import Space
from spaces.selectors import default_space
from workers.models import EnrolmentCode, Machine
from workers.services import targets
from workers.services.names import MAX_NAME, free_name
from workers.services.presence import BadCapabilities, announce, checked_capabilities, printable
from workers.services.server_key import is_public_key
from workers.services.targets import Registration

LIFETIME = timedelta(minutes=15)
MAX_CODE, MAX_VERSION, MAX_BOOT_ID = 100, 40, 80


class EnrolmentRefused(Exception):
    """`code` is stable, the text is for the person at the machine."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Applicant:
    """What an agent says when it asks to join; lengths are checked by `enrol`."""

    public_key: str
    name: str
    agent_version: str
    boot_id: str
    capabilities: Mapping[str, Any]


@transaction.atomic
def issue(
    space: Space,
    pools: Iterable[WorkerPool],
    slots: int,
    user: User,
    now: datetime,
    *,
    target: Registration | None = None,
) -> tuple[EnrolmentCode, str]:
    """A code for one worker in these pools, or one deployment target, with its plain text, which is not
    kept. Raises `domain.targets.BadTag`."""
    plain = secrets.token_urlsafe(24)
    code = EnrolmentCode.objects.create(
        space=space, code_hash=_hash(plain), slots=slots, created_by=user, expires_at=now + LIFETIME
    )
    code.pools.set(pools)
    if target is not None:
        _keep_target(code, target)
    places = [*code.pools.all(), *code.environments.all()]
    noun = "deployment target" if target is not None else "worker"
    events.record(
        user=user,
        category="Created",
        subject=code,
        message=f"Made a code to add a {noun} to {', '.join(place.name for place in places)}.",
        space=space,
    )
    return code, plain


def _keep_target(code: EnrolmentCode, target: Registration) -> None:
    code.target_tags, code.participation = list(clean_tags(target.tags)), target.participation
    code.save(update_fields=["target_tags", "participation"])
    code.environments.set(target.environments)
    code.tenants.set(target.tenants)


def mark_fetched(code_id: int, now: datetime) -> None:
    """The agent program was downloaded with the line of this code."""
    open_codes = EnrolmentCode.objects.filter(pk=code_id, fetched_at=None, used_at=None, expires_at__gt=now)
    code = open_codes.first()
    if code and open_codes.update(fetched_at=now):
        live.nudge(code.space_id, f"enrolment-{code.pk}")


def enrol(
    code: str,
    public_key_hex: str,
    name: str,
    agent_version: str,
    capabilities: Mapping[str, Any],
    boot_id: str,
    now: datetime,
) -> Machine:
    """Lets an agent join with its code. Raises `EnrolmentRefused` with one of the codes invalid,
    unknown_code, expired_code, used_code, pools_gone, revoked_key; each refusal is in the audit."""
    applicant = Applicant(
        public_key=public_key_hex,
        name=name.strip(),
        agent_version=agent_version,
        boot_id=boot_id,
        capabilities=capabilities,
    )
    found: EnrolmentCode | None = None
    try:
        _check(applicant)
        found = _find(code)
        return _join(found, applicant, now)
    except EnrolmentRefused as refusal:
        _record_refusal(found, refusal, applicant)
        raise


def _check(applicant: Applicant) -> None:
    if not is_public_key(applicant.public_key):
        raise EnrolmentRefused("invalid", "The public key is not an Ed25519 key in hex.")
    if not applicant.name or len(applicant.name) > MAX_NAME or not applicant.name.isprintable():
        raise EnrolmentRefused("invalid", f"The name must have 1 to {MAX_NAME} printable characters.")
    for text, length in ((applicant.agent_version, MAX_VERSION), (applicant.boot_id, MAX_BOOT_ID)):
        if len(text) > length or not text.isprintable():
            raise EnrolmentRefused("invalid", "The agent version or the boot id is not sensible.")
    try:
        checked_capabilities(applicant.capabilities)
    except BadCapabilities as error:
        raise EnrolmentRefused("invalid", str(error)) from error


def _find(code: str) -> EnrolmentCode:
    found: EnrolmentCode | None = None
    if len(code) <= MAX_CODE and code.isascii():
        found = EnrolmentCode.objects.filter(code_hash=_hash(code)).first()
    if found is None:
        raise EnrolmentRefused("unknown_code", "This enrolment code is wrong. Copy the whole line again.")
    return found


@transaction.atomic
def _join(code: EnrolmentCode, applicant: Applicant, now: datetime) -> Machine:
    unused = EnrolmentCode.objects.filter(pk=code.pk, used_at=None, expires_at__gt=now)
    # Compare and set: of two agents that come with the same code, one gets in.
    if not unused.update(used_at=now):
        raise _too_late(EnrolmentCode.objects.get(pk=code.pk))
    pools, environments = list(code.pools.all()), list(code.environments.all())
    if not pools and not environments:
        message = "The worker pools or environments of this code were deleted. Make a new line."
        raise EnrolmentRefused("pools_gone", message)
    machine = _machine(code, applicant)
    # The same agent may be both: what the code does not speak of stays as it is.
    if pools:
        machine.pools.set(pools)
    if environments:
        targets.register(machine, _target_of(code, environments))
    EnrolmentCode.objects.filter(pk=code.pk).update(machine=machine)
    _record_joined(code, machine)
    return machine


def _target_of(code: EnrolmentCode, environments: list[Environment]) -> Registration:
    return Registration(
        environments=environments,
        tags=code.target_tags,
        participation=code.participation,
        tenants=list(code.tenants.all()),
    )


def _too_late(code: EnrolmentCode) -> EnrolmentRefused:
    if code.used_at is not None:
        return EnrolmentRefused("used_code", "This enrolment code was used before. Make a new line.")
    return EnrolmentRefused(
        "expired_code", f"This enrolment code expired at {code.expires_at:%H:%M} UTC. Make a new line."
    )


def _machine(code: EnrolmentCode, applicant: Applicant) -> Machine:
    """The machine of this key in the space of the code, new or known."""
    machine = Machine.objects.in_space(code.space).filter(public_key=applicant.public_key).first()
    if machine is None:
        taken = Machine.objects.in_space(code.space)
        name = free_name(code.space, applicant.name)
        machine = Machine(
            space=code.space,
            name=name,
            slug=unique_slug(name, taken, fallback="worker"),
            public_key=applicant.public_key,
            thumbprint=thumbprint(bytes.fromhex(applicant.public_key)),
        )
    elif machine.is_revoked or machine.is_builtin:
        raise EnrolmentRefused("revoked_key", "The key of this agent was revoked. Deregister it first.")
    machine.slots = code.slots
    machine.agent_version, machine.boot_id = applicant.agent_version, applicant.boot_id
    machine.capabilities = dict(applicant.capabilities)
    machine.save()
    return machine


def _record_joined(code: EnrolmentCode, machine: Machine) -> None:
    events.record(
        user=code.created_by,
        category="Enrolled",
        subject=machine,
        message=f"{machine.noun.capitalize()} {machine} joined with an enrolment code.",
        space=code.space,
        details={"thumbprint": machine.thumbprint},
    )
    live.nudge(code.space_id, f"enrolment-{code.pk}")
    announce(machine)


def _record_refusal(code: EnrolmentCode | None, refusal: EnrolmentRefused, applicant: Applicant) -> None:
    space = code.space if code else default_space()
    if space is None:
        return
    events.record(
        user=None,
        category="Refused",
        subject=code or space,
        message=f"Refused an agent that wanted to join: {refusal.message}",
        space=space,
        details={"code": refusal.code, "name": printable(applicant.name, MAX_NAME)},
    )


def _hash(plain: str) -> str:
    return sha256(plain.encode()).hexdigest()
