"""What a backup says about itself: the last member of its archive."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

#: Raised when an older version could no longer read what a newer one writes.
FORMAT = 1


class BadManifest(ValueError):
    """It is not one of ours, or of a format that this version does not know."""


@dataclass(frozen=True)
class Member:
    """`size` in bytes, `sha256` in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class KeyMarks:
    """Tell keys apart without giving them away; `included` says whether they are in the archive."""

    included: bool
    master: str
    server: str

    def fit(self, others: KeyMarks) -> bool:
        return (self.master, self.server) == (others.master, others.server)


@dataclass(frozen=True)
class Manifest:
    """`migrations` are those that the database had, as "app.name"; `engine` is sqlite or postgresql."""

    version: str
    made_at: datetime
    engine: str
    migrations: tuple[str, ...]
    keys: KeyMarks
    members: tuple[Member, ...] = ()

    def to_json(self) -> bytes:
        data = {"format": FORMAT, **asdict(self), "made_at": self.made_at.isoformat()}
        return json.dumps(data, indent=1).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """Raises `BadManifest`."""
        try:
            data = json.loads(text)
            if data.pop("format") != FORMAT:
                raise BadManifest("This backup has a format that this version does not know.")
            return cls._from(data)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, BadManifest):
                raise
            raise BadManifest("Its manifest cannot be read.") from error

    @classmethod
    def _from(cls, data: dict[str, Any]) -> Manifest:
        return cls(
            version=str(data["version"]),
            made_at=datetime.fromisoformat(data["made_at"]),
            engine=str(data["engine"]),
            migrations=tuple(map(str, data["migrations"])),
            keys=KeyMarks(**data["keys"]),
            members=tuple(Member(**one) for one in data["members"]),
        )

    def unknown_migrations(self, known: Iterable[str]) -> list[str]:
        """Changes to the database that a program with these migrations does not have."""
        return sorted(set(self.migrations) - set(known))
