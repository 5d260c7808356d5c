from __future__ import annotations

import io
from typing import Any

from packages.models import Package
from packages.services import packages
from tests.factories.spaces import DefaultSpaceFactory


def push_package(name: str = "Acme.Web.1.0.0.zip", content: bytes = b"PK content", **fields: Any) -> Package:
    """A package, pushed through the service; `space=`, `user=`, `notes=` as it takes them."""
    space = fields.pop("space", None) or DefaultSpaceFactory()
    return packages.push(space=space, name=name, stream=io.BytesIO(content), **fields)
