"""Steps name tenant tags by their canonical name, so they follow when a tag or its set is renamed."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from processes.models import Action
from spaces.models import Space


@transaction.atomic
def rename(space: Space, names: Mapping[str, str]) -> None:
    """Replace canonical names ({old: new}) in all steps of a space. Snapshots and releases keep theirs."""
    restricted = Action.objects.filter(step__process__space=space).exclude(applies={})
    for action in restricted.select_for_update(of=("self",)):
        tags = action.applies.get("tenant_tags", [])
        if not names.keys().isdisjoint(tags):
            action.applies["tenant_tags"] = sorted(names.get(tag, tag) for tag in tags)
            action.save(update_fields=["applies"])
