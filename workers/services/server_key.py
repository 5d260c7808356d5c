"""This server's own key pair, with which it proves itself to its agents, and checks of theirs."""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

from protocol import handshake


@lru_cache(maxsize=2)
def _key(seed: bytes) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_hex() -> str:
    """The public key, 32 bytes in hex."""
    return _key(settings.SERVER_KEY).public_key().public_bytes_raw().hex()


def thumbprint() -> str:
    """SHA-256 of the public key in upper-case hex: what an agent pins."""
    return handshake.thumbprint(bytes.fromhex(public_hex()))


def sign(data: bytes) -> str:
    """The signature, 64 bytes in hex."""
    return _key(settings.SERVER_KEY).sign(data).hex()


def verify(public_key_hex: str, signature_hex: str, data: bytes) -> bool:
    """Whether the owner of a public key signed the data; False for anything malformed."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key_hex))
        key.verify(bytes.fromhex(signature_hex), data)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_public_key(public_key_hex: str) -> bool:
    """Whether the text is an Ed25519 public key, 32 bytes in lower-case hex."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key_hex))
    except ValueError:
        return False
    return public_key_hex == public_key_hex.lower().strip()
