"""Slows down who guesses passwords, on all nodes together: per user name and address, and per address."""

from __future__ import annotations

from hashlib import sha256

from common import counting

#: Failed attempts within `WINDOW` seconds until the door closes for the rest of it.
MAX_PER_USER, MAX_PER_ADDRESS = 8, 60
WINDOW = 600


def is_locked(username: str, address: str) -> bool:
    by_user, by_address = _keys(username, address)
    found = counting.read([by_user, by_address])
    return found.get(by_user, 0) >= MAX_PER_USER or found.get(by_address, 0) >= MAX_PER_ADDRESS


def failed(username: str, address: str) -> None:
    for key in _keys(username, address):
        counting.add(key, WINDOW)


def succeeded(username: str, address: str) -> None:
    counting.forget(_keys(username, address)[0])


def _keys(username: str, address: str) -> tuple[str, str]:
    person = sha256(f"{username.strip().casefold()}\n{address}".encode()).hexdigest()
    return f"sign-in:{person}", f"sign-in:{sha256(address.encode()).hexdigest()}"
