from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from accounts.models import User
from accounts.services import events
from common.slugs import unique_slug
from common.usage import delete_unused
from spaces.models import Space
from tenants.models import Tag, Tenant


@transaction.atomic
def create(
    *,
    space: Space,
    name: str,
    description: str = "",
    tags: Iterable[Tag] = (),
    is_disabled: bool = False,
    user: User | None = None,
) -> Tenant:
    """Raises IntegrityError where the name is taken."""
    tenant = Tenant.objects.create(
        space=space,
        name=name,
        slug=unique_slug(name, Tenant.objects.in_space(space), fallback="tenant"),
        description=description,
        is_disabled=is_disabled,
    )
    tenant.tags.set(tags)
    _record(tenant, user=user, category="Created", message=f"Created tenant {tenant}.")
    return tenant


@transaction.atomic
def edit(
    tenant: Tenant,
    *,
    name: str,
    description: str,
    tags: Iterable[Tag],
    is_disabled: bool,
    user: User | None,
) -> Tenant:
    before = tenant.name
    tenant.name, tenant.description, tenant.is_disabled = name, description, is_disabled
    tenant.save(update_fields=["name", "description", "is_disabled", "updated_at"])
    tenant.tags.set(tags)
    renamed = f", formerly {before}" if before != name else ""
    _record(tenant, user=user, category="Modified", message=f"Changed tenant {tenant}{renamed}.")
    return tenant


@transaction.atomic
def delete(tenant: Tenant, *, user: User | None) -> None:
    """Raises `common.usage.InUse`."""
    _record(tenant, user=user, category="Deleted", message=f"Deleted tenant {tenant}.")
    delete_unused(tenant)


def _record(tenant: Tenant, *, user: User | None, category: str, message: str) -> None:
    events.record(user=user, category=category, subject=tenant, message=message, space=tenant.space)
