from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from tests.factories.spaces import DefaultSpaceFactory
from variables.models import OwnerKind, ScopeKind, ScopeValue, Variable, VariableSet


class VariableSetFactory(DjangoModelFactory[VariableSet]):
    class Meta:
        model = VariableSet

    space = factory.SubFactory(DefaultSpaceFactory)
    owner_kind = OwnerKind.PROJECT
    owner_id = factory.Sequence(lambda n: n + 1)


class VariableFactory(DjangoModelFactory[Variable]):
    class Meta:
        model = Variable

    variable_set = factory.SubFactory(VariableSetFactory)
    name = factory.Sequence(lambda n: f"Name{n}")
    value = "value"


class ScopeValueFactory(DjangoModelFactory[ScopeValue]):
    class Meta:
        model = ScopeValue

    variable = factory.SubFactory(VariableFactory)
    kind = ScopeKind.ENVIRONMENT
    value = "1"
