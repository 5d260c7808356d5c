from __future__ import annotations

from typing import Any

import factory
from factory.django import DjangoModelFactory

from tenants.models import Tag, TagSet, Tenant
from tests.factories.spaces import NamedInSpaceFactory


class TagSetFactory(NamedInSpaceFactory):
    class Meta:
        model = TagSet

    name = factory.Sequence(lambda n: f"Tag set {n}")


class TagFactory(DjangoModelFactory[Tag]):
    class Meta:
        model = Tag

    tag_set = factory.SubFactory(TagSetFactory)
    name = factory.Sequence(lambda n: f"Tag {n}")


class TenantFactory(NamedInSpaceFactory):
    """`tags=[tag, ...]` gives it tags."""

    class Meta:
        model = Tenant
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Tenant {n}")

    @factory.post_generation
    def tags(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if create and extracted:
            self.tags.set(extracted)
