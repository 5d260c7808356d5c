from __future__ import annotations

import factory

from pools.models import WorkerPool
from tests.factories.spaces import NamedInSpaceFactory


class WorkerPoolFactory(NamedInSpaceFactory):
    class Meta:
        model = WorkerPool

    name = factory.Sequence(lambda n: f"Pool {n}")


class DefaultPoolFactory(NamedInSpaceFactory):
    """The default pool of the space, made on first use."""

    class Meta:
        model = WorkerPool
        django_get_or_create = ("space", "slug")

    name = "Default Worker Pool"
    slug = "default-worker-pool"
    is_default = True
