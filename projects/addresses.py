"""Addresses as they are stored: without the prefix of the space, which a page adds by itself."""

from __future__ import annotations

from typing import Any

from django.urls import get_script_prefix, reverse


def path_in_space(name: str, *args: Any) -> str:
    """The path of a page inside its space, for example /projects/orders/releases/1.0.0/."""
    return "/" + reverse(name, args=args).removeprefix(get_script_prefix())
