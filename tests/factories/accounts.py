from __future__ import annotations

import factory
from factory.django import DjangoModelFactory

from accounts.models import Event, Role, User
from tests.factories.spaces import DefaultSpaceFactory

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory[User]):
    """A viewer whose password is `PASSWORD`; `role=Role.EDITOR` for more."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    password = factory.django.Password(PASSWORD)
    role = Role.VIEWER


class EventFactory(DjangoModelFactory[Event]):
    class Meta:
        model = Event

    space = factory.SubFactory(DefaultSpaceFactory)
    username = "system"
    category = "Modified"
    subject_kind = "WorkerPool"
    subject_id = "1"
    message = factory.Sequence(lambda n: f"Changed thing {n}.")
