"""What an agent said of its machine, read with care: an agent may be old, new or hostile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OS_NAMES = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}


@dataclass(frozen=True)
class Capabilities:
    """Versions are empty where a program does not say; sizes are bytes, None where unknown."""

    os: str
    os_version: str
    arch: str
    hostname: str
    python: str
    shells: Mapping[str, str]
    tools: Mapping[str, str]
    features: tuple[str, ...]
    cpus: int | None
    memory: int | None
    disk_total: int | None

    @property
    def system(self) -> str:
        """`Debian GNU/Linux 12, x86_64`."""
        return ", ".join(part for part in (self.os_version or self.os, self.arch) if part)


def read(raw: object) -> Capabilities:
    data: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    os = _text(data, "os")
    return Capabilities(
        os=OS_NAMES.get(os.lower(), os),
        os_version=_text(data, "os_version"),
        arch=_text(data, "arch"),
        hostname=_text(data, "hostname"),
        python=_text(data, "python"),
        shells=_versions(data.get("shells")),
        tools=_versions(data.get("tools")),
        features=_names(data.get("features")),
        cpus=_number(data, "cpus"),
        memory=_number(data, "memory"),
        disk_total=_number(data, "disk_total"),
    )


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value[:120] if isinstance(value, str) else ""


def _number(data: Mapping[str, Any], name: str) -> int | None:
    value = data.get(name)
    return value if type(value) is int and value >= 0 else None


def _names(value: object) -> tuple[str, ...]:
    return tuple(one[:40] for one in value[:100] if isinstance(one, str)) if isinstance(value, list) else ()


def _versions(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {str(name): version if isinstance(version, str) else "" for name, version in sorted(value.items())}
