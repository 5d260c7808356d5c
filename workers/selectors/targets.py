from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from domain.targets import Participation as Takes
from domain.targets import TargetInfo
from environments.models import Environment
from spaces.models import Space
from workers.models import ONLINE, Machine, TargetTag
from workers.selectors.capacity import tools_in
from workers.selectors.machines import BY_STATE


def targets(
    viewer: User, space: Space, *, text: str = "", state: str = "", environment: str = "", tag: str = ""
) -> QuerySet[Machine]:
    """With all that a list shows. `state` is one of `machines.STATES`, `environment` a slug, `tag` in any
    case; a state that is unknown filters nothing, anything else that is unknown finds nothing."""
    found = Machine.objects.visible_to(viewer).in_space(space).targets()
    if text:
        found = found.filter(Q(name__icontains=text) | Q(description__icontains=text))
    if state in BY_STATE:
        found = found.filter(BY_STATE[state])
    if environment:
        found = found.filter(environments__slug=environment)
    if tag:
        found = found.filter(target_tags__name__iexact=tag)
    return found.prefetch_related("environments", "target_tags", "tenants", "pools")


def target_infos(environment: Environment) -> list[TargetInfo]:
    """The deployment targets of an environment as planning sees them. A revoked one is none any more."""
    rows = Machine.objects.filter(environments=environment, is_revoked=False)
    return [_info(one) for one in rows.prefetch_related("target_tags", "tenants")]


def _info(machine: Machine) -> TargetInfo:
    trouble, returns = _trouble(machine)
    return TargetInfo(
        id=str(machine.pk),
        name=machine.name,
        tags=tuple(machine.tags),
        participation=Takes(machine.participation),
        tenants=frozenset(str(one.pk) for one in machine.tenants.all()),
        is_disabled=machine.is_disabled,
        trouble=trouble,
        returns=returns,
        tools=tools_in(machine.capabilities),
    )


def _trouble(machine: Machine) -> tuple[str, bool]:
    """Why it could not take work now, and whether that usually passes by itself."""
    if machine.health not in ONLINE:
        return f"it is {machine.get_health_display().lower()}", False
    if machine.is_draining:
        return "it is draining", True
    return ("", False) if machine.is_connected else ("it is reconnecting", True)


def tags_in(space: Space) -> list[str]:
    """The target tags that machines of a space have, each in the spelling that most of them use."""
    rows = TargetTag.objects.filter(machine__space=space).values_list("name").annotate(n=Count("pk"))
    found: dict[str, str] = {}
    for name, _ in sorted(rows, key=lambda row: -row[1]):
        found.setdefault(name.casefold(), name)
    return sorted(found.values(), key=str.casefold)
