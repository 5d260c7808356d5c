"""The only writer of API keys. A key is random and long, so that a plain hash of it is enough."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import Q

from accounts.models import ApiKey, User
from accounts.services import events

PREFIX = "API-"
#: No I, O, 0 or 1, which people take for one another.
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
#: Of 32 characters each: 160 bits.
LENGTH = 32
LIFETIME = timedelta(days=180)
MOST_DAYS = 3650
#: The moment of the last use is written at most so often, so that reading does not mean writing.
USE_IS_NOTED_EVERY = timedelta(minutes=1)

_FORM = re.compile(r"API-[A-Z0-9]{16,60}")


@transaction.atomic
def create(
    *, owner: User, purpose: str, now: datetime, lifetime: timedelta | None = LIFETIME, user: User | None
) -> tuple[ApiKey, str]:
    """A new key and its text, which nobody can be shown again. `lifetime` None: until it is revoked."""
    text = PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    key = ApiKey.objects.create(
        user=owner,
        purpose=purpose,
        key_hash=_hash(text),
        hint=text[: len(PREFIX) + 3],
        expires_at=now + lifetime if lifetime else None,
    )
    events.record(
        user=user, category="Created", subject=key, message=f"Created API key {key} of {owner.username}."
    )
    return key, text


@transaction.atomic
def revoke(key: ApiKey, *, now: datetime, user: User | None) -> None:
    """It does not work from now on. Revoking it once more changes nothing."""
    if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
        return
    key.revoked_at = now
    message = f"Revoked API key {key} of {key.user.username}."
    events.record(user=user, category="Deleted", subject=key, message=message)


def find(text: str, *, now: datetime) -> ApiKey | None:
    """The key of this text with its owner, if it is valid and the owner may sign in. Notes the use."""
    if not _FORM.fullmatch(text):
        return None
    key = ApiKey.objects.select_related("user").filter(key_hash=_hash(text)).first()
    if key is None or not key.is_valid(now) or not key.user.is_active:
        return None
    if key.last_used_at is None or now - key.last_used_at >= USE_IS_NOTED_EVERY:
        before = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_IS_NOTED_EVERY)
        ApiKey.objects.filter(before, pk=key.pk).update(last_used_at=now)
    return key


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
