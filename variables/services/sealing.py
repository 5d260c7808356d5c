"""Sensitive values at rest: AES-256-GCM under the installation's master key.

A sealed value reads `octo1:<key>:<context>:<payload>`. The key's fingerprint tells the keys apart while
the master key rotates; the context (such as the id of the variable set) is sealed in with the value,
so that a value copied into another place is found out.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from functools import cache
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
    return _sealed(text, context, secrets.token_bytes(_NONCE_BYTES))


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


def reseal(sealed: str) -> str:
    """The same value under the current key. Raises CannotUnseal.

    Snapshots are compared by their sealed values, so that the same sealed text always becomes the same one:
    the nonce comes from it. Different ones, whose own nonces differ, get different nonces.
    """
    if sealed.split(":")[1] == current_key_id():
        return sealed
    text = unseal(sealed)
    digest = hmac.new(_current(), b"octoworkers reseal\0" + sealed.encode(), sha256).digest()
    return _sealed(text, sealed.split(":")[2], digest[:_NONCE_BYTES])


def current_key_id() -> str:
    """How sealed values name the key that values are sealed with now."""
    return _fingerprint(_current())


def known_key_ids() -> frozenset[str]:
    """The keys that values can be read with."""
    return frozenset(map(_fingerprint, settings.MASTER_KEYS.all()))


def key_id_of(sealed: str) -> str:
    """The key that a value was sealed with; empty for what is not sealed."""
    parts = sealed.split(":")
    return parts[1] if len(parts) == 4 and parts[0] == VERSION else ""


def _sealed(text: str, context: str, nonce: bytes) -> str:
    key = _current()
    header = f"{VERSION}:{_fingerprint(key)}:{context}"
    sealed = AESGCM(key).encrypt(nonce, text.encode(), header.encode())
    return f"{header}:{urlsafe_b64encode(nonce + sealed).decode()}"


def _current() -> bytes:
    key: bytes = settings.MASTER_KEYS.current()
    return key


def _key_of(header: str) -> bytes:
    parts = header.split(":")
    if len(parts) != 3 or parts[0] != VERSION:
        raise CannotUnseal("This is not a sealed value.")
    for key in settings.MASTER_KEYS.all():
        if parts[1] == _fingerprint(key):
            return bytes(key)
    raise CannotUnseal(
        f"This value was sealed under another master key ({parts[1]}) than that of keys.json "
        f"({current_key_id()}). Restore the keys.json of that time, or enter the value anew."
    )


@cache
def _fingerprint(key: bytes) -> str:
    return sha256(b"octoworkers master key" + key).hexdigest()[:8]
