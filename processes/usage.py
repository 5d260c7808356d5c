"""How steps use worker pools, environments and tenant tags, for `common.usage`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db import models
from django.db.models import QuerySet

from common.usage import Use
from domain.ids import IdKind, encode
from domain.step_templates import TEMPLATE_ID
from environments.models import Environment
from pools.models import WorkerPool
from processes import owners
from processes.models import Action, ActionTemplate, PoolChoice
from tenants.models import Tag


def of_pool(pool: models.Model) -> list[Use]:
    """Steps on this pool, also those that only keep it as the choice that they do not use now."""
    return _uses(Action.objects.filter(worker_pool__pk=pool.pk), note=_kept)


def of_environment(environment: models.Model) -> list[Use]:
    """Steps that run only there, or everywhere else."""
    if not isinstance(environment, Environment):
        return []
    restricted = _restricted(environment.space_id)
    kinds = ("environments", "excluded_environments")
    key = str(environment.pk)
    return _uses([one for one in restricted if any(key in one.applies.get(kind, ()) for kind in kinds)])


def of_tag(tag: models.Model) -> list[Use]:
    """Steps that run only for tenants with this tag."""
    if not isinstance(tag, Tag):
        return []
    restricted = _restricted(tag.tag_set.space_id)
    return _uses([one for one in restricted if tag.canonical_name in one.applies.get("tenant_tags", ())])


def of_channel(channel: models.Model) -> list[Use]:
    """Steps that run only in this channel. Channels are above this app: a higher one registers this."""
    restricted = Action.objects.exclude(applies={})
    return _uses([one for one in restricted if str(channel.pk) in one.applies.get("channels", ())])


def _restricted(space_id: int) -> QuerySet[Action]:
    return Action.objects.filter(step__process__space=space_id).exclude(applies={})


def _uses(found: Iterable[Action], *, note: Callable[[Action], str] = lambda action: "") -> list[Use]:
    ids = [action.pk for action in found]
    actions = Action.objects.filter(pk__in=ids).select_related("step__process").order_by("pk")
    known = owners.resolve([_owner_of(action) for action in actions])
    return [
        _use(action, known[_owner_of(action)], note(action))
        for action in actions
        if _owner_of(action) in known
    ]


def of_template(template: models.Model) -> list[Use]:
    """Steps that were made from it."""
    id = encode(IdKind.ACTION_TEMPLATE, template.pk)
    return _uses(Action.objects.filter(**{f"properties__{TEMPLATE_ID}": id}))


PROVIDERS = (
    (WorkerPool, of_pool),
    (Environment, of_environment),
    (Tag, of_tag),
    (ActionTemplate, of_template),
)


def _owner_of(action: Action) -> tuple[str, int]:
    return action.step.process.owner_kind, action.step.process.owner_id


def _kept(action: Action) -> str:
    return "" if action.pool_choice == PoolChoice.SPECIFIC else ", kept while a variable picks the pool"


def _use(action: Action, owner: owners.Owner, note: str) -> Use:
    return Use(
        kind="Step",
        label=f"{action.step.name} of {owner.label}{note}",
        url=f"{owner.url}steps/{action.step.slug}/",
    )
