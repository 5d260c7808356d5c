"""Whether a release may go somewhere yet, as the lifecycle of its project says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from domain import lifecycles
from environments.models import Lifecycle
from environments.services.lifecycles import rules_of
from projects.models import Deployment, Project, Release
from projects.places import NoPlace, Place
from tasks.models import TaskState


class OutOfTurn(NoPlace):
    """An earlier phase of the lifecycle is not complete, or none has the environment."""


def lifecycle_of(project: Project) -> Lifecycle | None:
    """The project's, or else the default one of its space."""
    if project.lifecycle is not None:
        return project.lifecycle
    found: Lifecycle | None = Lifecycle.objects.in_space(project.space).filter(is_default=True).first()
    return found


def refuse_out_of_turn(release: Release, places: Sequence[Place]) -> None:
    """Raises `OutOfTurn` for the first place where the release may not go yet. Each tenant has a way of its
    own through the phases."""
    lifecycle = lifecycle_of(release.project)
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


def _succeeded(release: Release) -> defaultdict[int | None, set[int]]:
    """Environments where the release has succeeded, by tenant."""
    found: defaultdict[int | None, set[int]] = defaultdict(set)
    done = Deployment.objects.filter(release=release, task__state=TaskState.SUCCESS)
    for tenant, environment in done.values_list("tenant_id", "environment_id"):
        found[tenant].add(environment)
    return found
