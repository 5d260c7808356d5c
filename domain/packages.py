"""Packages: what the name of a file says.

A file is named `Id.Version.ext`, as Octopus Deploy's built-in feed names it; `domain.versions` says what a
version is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from domain import versions

MAX_ID = 100
BUILT_IN_FEED = "feeds-builtin"
"""Octopus's own id of the feed that is built in."""

#: What can be unpacked, the longest first, so that `.tar.gz` is not taken for a `.gz`.
EXTENSIONS = ("tar.bz2", "tar.gz", "tar.xz", "nupkg", "tbz", "tgz", "txz", "tar", "zip", "jar", "war", "ear")

_ID = re.compile(r"[0-9A-Za-z_]+(?:[._-][0-9A-Za-z_]+)*", re.ASCII)


class BadPackage(ValueError):
    """A name that no package can have; the text says what is wrong, to a person."""


class Overwrite(StrEnum):
    """What happens when a package with this name and version is there already, in the API's words."""

    FAIL = "FailIfExists"
    REPLACE = "OverwriteExisting"
    IGNORE = "IgnoreIfExists"


class Acquisition(StrEnum):
    """Who fetches a package that a step refers to, in the API's words."""

    SERVER = "Server"
    TARGET = "ExecutionTarget"
    NONE = "NotAcquired"


@dataclass(frozen=True)
class PackageName:
    """`extension` has no leading dot and is in lower case."""

    package_id: str
    version: str
    extension: str

    @property
    def file_name(self) -> str:
        return f"{self.package_id}.{self.version}.{self.extension}"


def parse_file_name(name: str) -> PackageName:
    """What the file of a package is named. The first dot after which a version stands ends the ID.
    Raises `BadPackage`."""
    extension = next((one for one in EXTENSIONS if name.lower().endswith(f".{one}")), None)
    if extension is None:
        known = ", ".join(sorted(EXTENSIONS))
        raise BadPackage(f"{_short(name)} is no package: its name has to end in one of {known}.")
    stem = name[: -len(extension) - 1]
    for dot in (place for place, sign in enumerate(stem) if sign == "."):
        package_id, version = stem[:dot], stem[dot + 1 :]
        if not problem_with_id(package_id) and not versions.problem_with(version):
            return PackageName(package_id, version, extension)
    raise BadPackage(
        f"{_short(name)} has no version in its name. Name the file ID.Version.{extension}, for example "
        f"Acme.Web.1.4.0.{extension}."
    )


def problem_with_id(package_id: str) -> str | None:
    """The reason why this cannot be a package's ID, or None."""
    if len(package_id) > MAX_ID:
        return f"A package ID has at most {MAX_ID} characters."
    if not _ID.fullmatch(package_id):
        return "A package ID has letters, digits and underscores, with single dots or hyphens between them."
    return None


def _short(text: str) -> str:
    return text if len(text) <= 120 else f"{text[:117]}..."
