"""What the two signatures of a handshake are made over, and what a thumbprint is.

Each side signs both nonces, its own role and both identities, so that neither signature can be
replayed on another connection, to another peer, or as the other side's.
"""

from __future__ import annotations

import hashlib

_DOMAIN = "octoworkers-handshake-1"


def transcript(*, role: str, agent_id: str, agent_nonce: str, server_nonce: str, server_key: str) -> bytes:
    """Bytes to sign. `role` is "server" or "agent"; `server_key` the server's public key in hex."""
    parts = (_DOMAIN, role, agent_id, agent_nonce, server_nonce, server_key)
    return b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)


def thumbprint(public_key: bytes) -> str:
    """SHA-256 of a raw Ed25519 public key (32 bytes), in upper-case hex."""
    return hashlib.sha256(public_key).hexdigest().upper()
