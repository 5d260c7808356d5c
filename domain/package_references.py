"""The packages that a step refers to, as its settings hold them.

The step's own package stands under Octopus's names. Octopus keeps the others beside the settings of an
action; here they are one more setting, so that whatever copies, freezes, compares or exports settings has
them too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.packages import problem_with_id

PACKAGE_ID = "Octopus.Action.Package.PackageId"
FEED_ID = "Octopus.Action.Package.FeedId"
REFERENCES = "Octoworkers.Action.PackageReferences"

MOST = 20
LONGEST_NAME = 60

_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]*", re.ASCII)


class BadReferences(ValueError):
    """Packages that no step can refer to like this; the text says what is wrong, to a person."""


@dataclass(frozen=True, slots=True)
class PackageReference:
    """`name` is "" for the step's own package; for another it is what the step calls it, and the folder that
    it is unpacked into, unless `extract` is False."""

    name: str
    package_id: str
    extract: bool = True

    @property
    def variable(self) -> str:
        """What the names of its variables begin with."""
        index = f"[{self.name}]" if self.name else ""
        return f"Octopus.Action.Package{index}"


def references_of(properties: Mapping[str, str]) -> tuple[PackageReference, ...]:
    """The step's own package first. Raises `BadReferences`."""
    own = properties.get(PACKAGE_ID, "").strip()
    found = [PackageReference("", own)] if own else []
    return checked([*found, *_others(properties.get(REFERENCES, ""))])


def checked(references: Iterable[PackageReference]) -> tuple[PackageReference, ...]:
    """Raises `BadReferences`."""
    found = tuple(references)
    if len(found) > MOST + 1:
        raise BadReferences(f"A step refers to at most {MOST} packages beside its own.")
    seen: set[str] = set()
    for one in found:
        if problem := _problem_with(one, seen):
            raise BadReferences(problem)
        seen.add(one.name.lower())
    return found


def _problem_with(one: PackageReference, seen: set[str]) -> str | None:
    if problem := problem_with_id(one.package_id):
        return problem
    if one.name.lower() in seen:
        return f"Two packages have the name {one.name}. Each needs one of its own."
    return problem_with_name(one.name) if one.name else None


def problem_with_name(name: str) -> str | None:
    """The reason why a step cannot call a package so, or None."""
    if len(name) <= LONGEST_NAME and _NAME.fullmatch(name):
        return None
    return (
        f"The name of a package in a step has at most {LONGEST_NAME} letters, digits, dots, hyphens and "
        "underscores, and begins with a letter, a digit or an underscore."
    )


def _others(text: str) -> list[PackageReference]:
    if not text.strip():
        return []
    try:
        return [_reference(one) for one in json.loads(text)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadReferences("What it says of its packages cannot be read.") from error


def _reference(row: Mapping[str, Any]) -> PackageReference:
    name, package_id, extract = row["name"], row["package_id"], row.get("extract", True)
    if not (isinstance(name, str) and name and isinstance(package_id, str) and isinstance(extract, bool)):
        raise TypeError
    return PackageReference(name, package_id, extract)


def written(references: Iterable[PackageReference]) -> dict[str, str]:
    """The settings for these packages, in the order of their names; nothing for what there is none of."""
    found = tuple(references)
    own = next(({PACKAGE_ID: one.package_id} for one in found if not one.name), {})
    others = sorted((one for one in found if one.name), key=lambda one: one.name.lower())
    rows = [{"name": one.name, "package_id": one.package_id, "extract": one.extract} for one in others]
    return {**own, REFERENCES: json.dumps(rows, indent=1)} if rows else own


def path_names(references: Iterable[PackageReference]) -> frozenset[str]:
    """The variables that only the worker can give a value: where a package is on its disk."""
    return frozenset(
        f"{one.variable}.{'ExtractedPath' if one.extract else 'PackageFilePath'}" for one in references
    )


def known_names(properties: Mapping[str, str]) -> frozenset[str]:
    """All variables that a step has for its packages; none where they cannot be read."""
    try:
        found = references_of(properties)
    except BadReferences:
        return frozenset()
    own = {f"{one.variable}.{part}" for one in found for part in ("PackageId", "PackageVersion")}
    return path_names(found) | own
