"""The agent's Ed25519 key pair, and the check of the server's signatures."""

from __future__ import annotations

import secrets
from pathlib import Path

from ecdsa.eddsa import PrivateKey, PublicKey, generator_ed25519

from agent.files import write_atomic

_SEED_BYTES = 32


class BadKey(Exception):
    """The key file does not hold a key."""


class Key:
    """`public` is the raw public key (32 bytes)."""

    def __init__(self, seed: bytes) -> None:
        self._private = PrivateKey(generator_ed25519, seed)
        self.public: bytes = self._private.public_key().public_key()

    def sign(self, data: bytes) -> str:
        """The signature (64 bytes) in hex; the same for the same data."""
        signature: bytes = self._private.sign(data)
        return signature.hex()


def create(path: Path) -> Key:
    """A new key pair in a file that only its owner reads."""
    seed = secrets.token_bytes(_SEED_BYTES)
    write_atomic(path, seed.hex().encode(), durable=True, mode=0o600)
    return Key(seed)


def load(path: Path) -> Key:
    """Raises `BadKey`."""
    try:
        seed = bytes.fromhex(path.read_text())
    except (OSError, ValueError) as error:
        raise BadKey(f"{path} cannot be read as a key ({error}).") from error
    if len(seed) != _SEED_BYTES:
        raise BadKey(f"{path} does not hold a key.")
    return Key(seed)


def verify(public_key: str, signature: str, data: bytes) -> bool:
    """Whether the owner of a public key (hex) made a signature (hex) over `data`."""
    try:
        return bool(
            PublicKey(generator_ed25519, bytes.fromhex(public_key)).verify(data, bytes.fromhex(signature))
        )
    except (ValueError, AssertionError):
        return False
    except Exception as error:
        # ecdsa has its own exception types for bad points and bad signatures, without a common base.
        if type(error).__module__.startswith("ecdsa."):
            return False
        raise
