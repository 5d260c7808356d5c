"""Slows down who guesses passwords, in the cache: per user name and address, and per address."""

from __future__ import annotations

from hashlib import sha256

from django.core.cache import cache

#: Failed attempts within `WINDOW` seconds until the door closes for the rest of it.
MAX_PER_USER, MAX_PER_ADDRESS = 8, 60
WINDOW = 600


def is_locked(username: str, address: str) -> bool:
    by_user, by_address = _keys(username, address)
    found: dict[str, int] = cache.get_many([by_user, by_address])
    return found.get(by_user, 0) >= MAX_PER_USER or found.get(by_address, 0) >= MAX_PER_ADDRESS


def failed(username: str, address: str) -> None:
    for key in _keys(username, address):
        if not cache.add(key, 1, WINDOW):
            _count(key)


def succeeded(username: str, address: str) -> None:
    cache.delete(_keys(username, address)[0])


def _count(key: str) -> None:
    try:
        cache.incr(key)
    except ValueError:
        # It ran out between the two calls.
        cache.add(key, 1, WINDOW)


def _keys(username: str, address: str) -> tuple[str, str]:
    person = sha256(f"{username.strip().casefold()}\n{address}".encode()).hexdigest()
    return f"sign-in:{person}", f"sign-in:{sha256(address.encode()).hexdigest()}"
