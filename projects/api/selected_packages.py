"""The versions of packages that a release or a snapshot is made with, by the names of steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.api.serializers import Body, Text
from domain.packages import BUILT_IN_FEED
from domain.plan_packages import needed
from domain.processes import ProcessDef
from domain.versions import MAX_LENGTH
from packages.services.choosing import Wanted

SCHEMA: Any = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "ActionName": {"type": "string"},
            "StepName": {"type": "string"},
            "PackageReferenceName": {"type": "string"},
            "Version": {"type": "string"},
        },
    },
}


class SelectedPackage(Body):
    ActionName = Text(source="action", max_length=200, trim_whitespace=True)
    StepName = Text(source="step", max_length=200, trim_whitespace=True)
    PackageReferenceName = Text(source="name", max_length=100, trim_whitespace=True)
    Version = Text(source="version", required=True, allow_blank=False, max_length=MAX_LENGTH)


@extend_schema_field(SCHEMA)
class SelectedPackages(serializers.ListField):
    """Read from what was chosen, written by the names of steps."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"child": SelectedPackage(), "source": "packages", "max_length": 2000, **kwargs})

    def to_representation(self, data: Any) -> list[dict[str, Any]]:
        return shown(data)


def shown(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "ActionName": one["step"],
            "StepName": one["step"],
            "PackageReferenceName": one["name"],
            "Version": one["version"],
        }
        for one in rows
    ]


def wanted(process: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Wanted:
    """From names. Raises ValidationError for a package that the process does not have."""
    keys = {
        (action.name.casefold(), reference.name.casefold()): (action.id, reference.name)
        for _, action, reference in needed(ProcessDef.from_json(dict(process)))
    }
    found = {}
    for row in rows:
        step, name = row["action"] or row["step"], row["name"]
        key = keys.get((step.casefold(), name.casefold()))
        if key is None:
            raise ValidationError({"SelectedPackages": [f"{step} has no package {name}".strip() + "."]})
        found[key] = row["version"]
    return found


def from_words(process: Mapping[str, Any], words: Sequence[str], *, default: str) -> Wanted:
    """From what command lines send: "Step:1.0" or "Step:Reference:1.0", an asterisk standing for any step;
    `default` is the version of all others."""
    found = {}
    for _, action, reference in needed(ProcessDef.from_json(dict(process))):
        own = list(_versions(words, action.name, reference.name, reference.package_id))
        if version := (own[-1] if own else default):
            found[action.id, reference.name] = version
    return found


def _versions(words: Sequence[str], step: str, name: str, package_id: str) -> Iterator[str]:
    """The most exact last."""
    for word in sorted(words, key=lambda one: one.count(":")):
        first, *middle, version = word.split(":")
        is_first = first.strip().casefold() in ("*", step.casefold(), package_id.casefold())
        if version and is_first and (not middle or middle[0].strip().casefold() == name.casefold()):
            yield version.strip()


def template(choices: Sequence[Any]) -> list[dict[str, Any]]:
    """What clients ask before they make a release; `choices` as `projects.package_versions.choices_of`."""
    return [
        {
            "ActionName": one.step,
            "StepName": one.step,
            "PackageReferenceName": one.key[1],
            "PackageId": one.package_id,
            "FeedId": BUILT_IN_FEED,
            "FeedName": "Built-in feed",
            "VersionSelectedLastRelease": None,
            "IsResolvable": True,
        }
        for one in choices
    ]
