"""Whether a release may go somewhere yet, as its channel and the lifecycle there say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from domain import lifecycles
from domain.channels import refused_tenant
from environments.models import Lifecycle
from environments.services.lifecycles import rules_of
from projects.models import Channel, Deployment, Project, Release
from projects.places import NoPlace, Place
from tasks.models import TaskState


class OutOfTurn(NoPlace):
    """An earlier phase of the lifecycle is not complete, none has the environment, or the channel is for
    other tenants."""


def lifecycle_of(project: Project, channel: Channel | None = None) -> Lifecycle | None:
    """The channel's, else the project's, or else the default one of its space."""
    if channel is not None and channel.lifecycle is not None:
        return channel.lifecycle
    if project.lifecycle is not None:
        return project.lifecycle
    found: Lifecycle | None = Lifecycle.objects.in_space(project.space).filter(is_default=True).first()
    return found


def refuse_out_of_turn(release: Release, places: Sequence[Place]) -> None:
    """Raises `OutOfTurn` for the first place where the release may not go yet. Each tenant has a way of its
    own through the phases."""
    _refuse_other_tenants(release.channel, places)
    lifecycle = lifecycle_of(release.project, release.channel)
    phases = rules_of(lifecycle) if lifecycle else []
    if not phases or lifecycle is None:
        return
    succeeded = _succeeded(release)
    for place in places:
        reason = lifecycles.refusal(
            phases,
            lifecycle=lifecycle.name,
            environment=place.environment.pk,
            name=place.environment.name,
            deployed=succeeded[place.tenant.pk if place.tenant else None],
        )
        if reason:
            raise OutOfTurn(reason)


def _refuse_other_tenants(channel: Channel, places: Sequence[Place]) -> None:
    tags = [tag.canonical_name for tag in channel.tags.select_related("tag_set")]
    if not tags:
        return
    for place in places:
        tenant = place.tenant
        own = tenant.tags.select_related("tag_set") if tenant else ()
        names = frozenset(tag.canonical_name for tag in own)
        if reason := refused_tenant(channel.name, tags, tenant.name if tenant else None, names):
            raise OutOfTurn(reason)


def _succeeded(release: Release) -> defaultdict[int | None, set[int]]:
    """Environments where the release has succeeded, by tenant."""
    found: defaultdict[int | None, set[int]] = defaultdict(set)
    done = Deployment.objects.filter(release=release, task__state=TaskState.SUCCESS)
    for tenant, environment in done.values_list("tenant_id", "environment_id"):
        found[tenant].add(environment)
    return found
