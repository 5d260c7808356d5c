"""Sensitive values at rest: AES-256-GCM under the installation's master key.

A sealed value reads `octo1:<key>:<context>:<payload>`. The key's fingerprint allows further keys when
the master key rotates; the context (such as the id of the variable set) is sealed in with the value,
so that a value copied into another place is found out.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

VERSION = "octo1"
_NONCE_BYTES = 12


class CannotUnseal(Exception):
    """The value is damaged, was sealed for another place, or under a key that is not here."""


def seal(text: str, *, context: str = "") -> str:
    """Seal a text for the place that `context` names (no colons)."""
    if ":" in context:
        raise ValueError("A context cannot hold a colon.")
    key = settings.MASTER_KEY
    header = f"{VERSION}:{_fingerprint(key)}:{context}"
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), header.encode())
    return f"{header}:{urlsafe_b64encode(nonce + sealed).decode()}"


def unseal(sealed: str, *, context: str | None = None) -> str:
    """The text again; with a context, only if it was sealed for that place. Raises CannotUnseal."""
    header, _, payload = sealed.rpartition(":")
    key = _key_of(header)
    if context is not None and header.split(":")[2] != context:
        raise CannotUnseal("This value was sealed for another place.")
    try:
        raw = urlsafe_b64decode(payload)
        return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], header.encode()).decode()
    except (InvalidTag, NotBase64, ValueError) as error:
        raise CannotUnseal("This value is damaged.") from error


def is_sealed(value: str) -> bool:
    return value.startswith(f"{VERSION}:")


def _key_of(header: str) -> bytes:
    parts = header.split(":")
    if len(parts) != 3 or parts[0] != VERSION:
        raise CannotUnseal("This is not a sealed value.")
    key: bytes = settings.MASTER_KEY
    if parts[1] != _fingerprint(key):
        raise CannotUnseal("This value was sealed under another master key. Restore that key's file.")
    return key


def _fingerprint(key: bytes) -> str:
    return sha256(b"octoworkers master key" + key).hexdigest()[:8]
