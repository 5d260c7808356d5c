from __future__ import annotations

import factory

from environments.models import Environment
from tests.factories.spaces import NamedInSpaceFactory


class EnvironmentFactory(NamedInSpaceFactory):
    class Meta:
        model = Environment

    name = factory.Sequence(lambda n: f"Environment {n}")
    sort_order = factory.Sequence(lambda n: n)
