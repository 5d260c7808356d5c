from __future__ import annotations

import factory
from django.utils.text import slugify
from factory.django import DjangoModelFactory

from spaces.models import Space


class DefaultSpaceFactory(DjangoModelFactory[Space]):
    """The one default space, made on first use: every other factory puts its rows there."""

    class Meta:
        model = Space
        django_get_or_create = ("slug",)

    name = "Default"
    slug = "default"
    is_default = True


class SpaceFactory(DjangoModelFactory[Space]):
    class Meta:
        model = Space

    name = factory.Sequence(lambda n: f"Space {n}")
    slug = factory.Sequence(lambda n: f"space-{n}")


class NamedInSpaceFactory(DjangoModelFactory):
    """Base of factories for rows with a name and a slug in a space."""

    class Meta:
        abstract = True

    space = factory.SubFactory(DefaultSpaceFactory)
    slug = factory.LazyAttribute(lambda row: slugify(row.name))
