"""Scopes name tenant tags by their canonical name, so they follow when a tag or its set is renamed."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.db.models import Case, Value, When
from django.db.models.functions import Concat

from spaces.models import Space
from variables.models import ScopeKind, ScopeValue

# No tag can be called this: names of tags hold no line break.
_OUT_OF_THE_WAY = "renaming\n"


@transaction.atomic
def rename(space: Space, names: Mapping[str, str]) -> None:
    """Replace canonical names ({old: new}) in all scopes of a space.

    In two passes, as one value may name two tags that swap their names.
    """
    scopes = ScopeValue.objects.filter(variable__variable_set__space=space, kind=ScopeKind.TENANT_TAG)
    scopes.filter(value__in=names).update(value=Concat(Value(_OUT_OF_THE_WAY), "value"))
    renamed = [When(value=_OUT_OF_THE_WAY + old, then=Value(new)) for old, new in names.items()]
    scopes.filter(value__startswith=_OUT_OF_THE_WAY).update(value=Case(*renamed))
