from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.models import User
from spaces.models import Space
from workers.models import ONLINE, EnrolmentCode, Health, Machine, MachineQuerySet

STATES = (
    ("healthy", "Healthy"),
    ("attention", "Needs attention"),
    ("draining", "Draining"),
    ("disabled", "Disabled"),
)

BY_STATE = {
    "healthy": Q(health=Health.HEALTHY, is_revoked=False, is_disabled=False, is_draining=False),
    "attention": Q(is_revoked=True) | (~Q(health=Health.HEALTHY) & Q(is_disabled=False)),
    "draining": Q(is_draining=True, is_disabled=False, is_revoked=False, health__in=ONLINE),
    "disabled": Q(is_disabled=True, is_revoked=False),
}


def all_machines(viewer: User, space: Space) -> MachineQuerySet:
    """Workers and deployment targets, with their pools."""
    found: MachineQuerySet = Machine.objects.visible_to(viewer).in_space(space)
    return found.prefetch_related("pools")


def machines(
    viewer: User, space: Space, *, text: str = "", state: str = "", pool: str = "", os: str = ""
) -> QuerySet[Machine]:
    """Workers with their pools. `state` is one of STATES, `pool` a slug, `os` as agents spell it; what is
    unknown filters nothing (state) or finds nothing."""
    found = all_machines(viewer, space).workers()
    if text:
        found = found.filter(Q(name__icontains=text) | Q(description__icontains=text))
    if state in BY_STATE:
        found = found.filter(BY_STATE[state])
    if pool:
        found = found.filter(pools__slug=pool)
    if os:
        found = found.filter(capabilities__os=os)
    return found


def systems(viewer: User, space: Space) -> list[str]:
    """The operating systems that occur, as agents spell them."""
    found = Machine.objects.visible_to(viewer).in_space(space).workers().order_by()
    names = found.values_list("capabilities__os", flat=True).distinct()
    return sorted(name for name in names if isinstance(name, str) and name)


def enrolment_codes(viewer: User, space: Space) -> QuerySet[EnrolmentCode]:
    visible = EnrolmentCode.objects.visible_to(viewer).in_space(space)
    return visible.select_related("machine").prefetch_related("pools", "environments", "tenants")
