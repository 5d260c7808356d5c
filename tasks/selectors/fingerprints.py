"""Secrets on pages: not what they are, only whether two are the same."""

from __future__ import annotations

import hmac
from hashlib import sha256

from django.conf import settings

from variables.services import sealing

_LENGTH = 8


def fingerprint(text: str) -> str:
    """Eight characters that differ where the text does. Keyed, so that a secret cannot be guessed from it."""
    return hmac.new(settings.MASTER_KEYS.current(), b"fingerprint\0" + text.encode(), sha256).hexdigest()[
        :_LENGTH
    ]


def of_sealed(sealed: str) -> str:
    """That of a sealed text, however often it was sealed; empty for one that cannot be read."""
    try:
        return fingerprint(sealing.unseal(sealed))
    except sealing.CannotUnseal:
        return ""
