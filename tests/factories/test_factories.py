"""Every factory makes a row on its own, in the default space."""

import pytest

from spaces.models import Space
from tests import factories

NAMES = [name for name in factories.__all__ if name.endswith("Factory")]


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
def test_factory_stands_alone(name):
    row = getattr(factories, name)()

    assert row.pk
    assert Space.objects.filter(is_default=True).count() <= 1
