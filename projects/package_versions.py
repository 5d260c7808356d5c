"""The versions of packages as fields of the forms that make releases and snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from domain.plan_packages import needed
from domain.processes import ProcessDef
from domain.versions import MAX_LENGTH
from packages import selectors
from packages.services.choosing import NoSuchPackage, newest
from spaces.models import Space

#: Versions that are offered for each package; any other may be typed.
OFFERED = 50


@dataclass(frozen=True)
class Choice:
    """A package of a process for which somebody chooses a version. `key` is that of
    `packages.services.choosing.Wanted`, `versions` are the newest ones first."""

    key: tuple[str, str]
    label: str
    step: str
    package_id: str
    newest: str
    versions: tuple[str, ...]

    @property
    def field(self) -> str:
        return f"package-{'-'.join(self.key)}"


def choices_of(space: Space, process: Mapping[str, Any]) -> list[Choice]:
    """`process` as it is frozen."""
    found = list(needed(ProcessDef.from_json(dict(process))))
    ids = {reference.package_id for _, _, reference in found}
    latest = newest(space, ids) if ids else {}
    offered = {id: selectors.newest_versions(space, id, OFFERED) for id in ids}
    return [
        Choice(
            key=(action.id, reference.name),
            label=_label(action.name, reference.package_id, reference.name),
            step=action.name,
            package_id=reference.package_id,
            newest=latest.get(reference.package_id.lower(), ""),
            versions=offered[reference.package_id],
        )
        for _, action, reference in found
    ]


def _label(step: str, package_id: str, name: str) -> str:
    alias = f" as {name}" if name and name != package_id else ""
    return f"{package_id}{alias} of {step}"


class PackageVersionsForm(forms.Form):
    """A field for each package of the process that is about to be frozen."""

    def __init__(self, *args: Any, choices: list[Choice] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._choices = choices or []
        for one in self._choices:
            self.fields[one.field] = forms.CharField(
                required=False, max_length=MAX_LENGTH, label=one.label, initial=one.newest
            )

    def package_fields(self) -> Iterator[tuple[Any, Choice]]:
        for one in self._choices:
            yield self[one.field], one

    @property
    def wanted(self) -> dict[tuple[str, str], str]:
        """Of a valid form: what was chosen; an empty field means the newest."""
        return {
            one.key: self.cleaned_data[one.field] for one in self._choices if self.cleaned_data[one.field]
        }

    @property
    def own_data(self) -> dict[str, Any]:
        """Of a valid form: everything but the packages."""
        taken = {one.field for one in self._choices}
        return {name: value for name, value in self.cleaned_data.items() if name not in taken}

    def add_package_error(self, error: NoSuchPackage) -> None:
        """To the field that it is about."""
        field = next((one.field for one in self._choices if one.key == error.key), None)
        self.add_error(field, str(error))
