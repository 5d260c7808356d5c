from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from protocol.handshake import thumbprint
from tests.factories.environments import EnvironmentFactory
from tests.factories.spaces import DefaultSpaceFactory, NamedInSpaceFactory
from workers.models import EnrolmentCode, Health, Machine


class MachineFactory(NamedInSpaceFactory):
    """A connected, healthy worker with two slots; `pools=[pool, ...]` puts it in pools."""

    class Meta:
        model = Machine
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"worker-{n}")
    slots = 2
    public_key = factory.LazyFunction(lambda: secrets.token_hex(32))
    thumbprint = factory.LazyAttribute(lambda row: thumbprint(bytes.fromhex(row.public_key)))
    health = Health.HEALTHY
    last_seen_at = factory.LazyFunction(timezone.now)
    connected_at = factory.LazyFunction(timezone.now)
    channel = factory.Sequence(lambda n: f"specific.test!{n}")
    agent_version = "0.1.0"
    boot_id = "boot-1"
    capabilities = factory.LazyFunction(
        lambda: {"os": "linux", "arch": "x86_64", "shells": {"bash": "5.2", "python3": "3.11"}, "tools": {}}
    )

    @factory.post_generation
    def pools(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and extracted:
            self.pools.set(extracted)


class TargetFactory(MachineFactory):
    """A deployment target with one slot: `environments=[...]`, `tags=["web"]`, `tenants=[...]`."""

    name = factory.Sequence(lambda n: f"target-{n}")
    slots = 1

    @factory.post_generation
    def environments(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create:
            self.environments.set(extracted or [EnvironmentFactory(space=self.space)])

    @factory.post_generation
    def tags(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create:
            for name in extracted or ["web"]:
                self.target_tags.create(name=name)

    @factory.post_generation
    def tenants(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and extracted:
            self.tenants.set(extracted)


class EnrolmentCodeFactory(DjangoModelFactory[EnrolmentCode]):
    """An open code whose plain text is "code-<n>"; `pools=[pool, ...]` binds it to pools."""

    class Meta:
        model = EnrolmentCode
        skip_postgeneration_save = True
        exclude = ("plain",)

    space = factory.SubFactory(DefaultSpaceFactory)
    plain = factory.Sequence(lambda n: f"code-{n}")
    code_hash = factory.LazyAttribute(lambda row: sha256(row.plain.encode()).hexdigest())
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=15))

    @factory.post_generation
    def pools(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and extracted:
            self.pools.set(extracted)
