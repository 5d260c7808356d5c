"""The packages that a step refers to, as rows of its form: what it calls each, which one, unpacked or not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms

from domain.package_references import (
    LONGEST_NAME,
    MOST,
    BadReferences,
    PackageReference,
    checked,
    problem_with_name,
    references_of,
    written,
)
from domain.packages import MAX_ID, problem_with_id

#: Rows for further packages, without a script that would add them.
SPARE_ROWS = 2
_ROW = re.compile(r"package-(\d{1,3})-name")


class PackageIdField(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_ID, **kwargs)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value) or "")
        if text and (problem := problem_with_id(text)):
            raise forms.ValidationError(problem)
        return text


class ReferencesForm(forms.Form):
    """Mixed into the form of a type whose steps may refer to packages."""

    def add_reference_rows(self) -> None:
        """Called once the initial values are there."""
        self._rows = range(min(MOST, self._count()))
        stored = self.initial.get("references", ())
        for index in self._rows:
            one = stored[index] if index < len(stored) else None
            self.fields |= {
                f"package-{index}-name": forms.CharField(
                    required=False, max_length=LONGEST_NAME, label="Name", initial=one.name if one else ""
                ),
                f"package-{index}-id": PackageIdField(
                    required=False, label="Package ID", initial=one.package_id if one else ""
                ),
                f"package-{index}-extract": forms.BooleanField(
                    required=False, label="Unpack", initial=one.extract if one else True
                ),
            }

    def _count(self) -> int:
        sent = [int(found[1]) + 1 for name in self.data if (found := _ROW.fullmatch(name))]
        return max([len(self.initial.get("references", ())) + SPARE_ROWS, *sent])

    def reference_rows(self) -> Iterator[tuple[Any, Any, Any]]:
        """The fields of each row, for the template."""
        for index in self._rows:
            name, id, extract = (self[f"package-{index}-{part}"] for part in ("name", "id", "extract"))
            yield name, id, extract

    @property
    def has_references(self) -> bool:
        return any(name.value() or id.value() or name.errors for name, id, _ in self.reference_rows())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        data["references"] = list(self._references(data))
        try:
            checked(data["references"])
        except BadReferences as error:
            self.add_error(None, str(error))
        return data

    def _references(self, data: Mapping[str, Any]) -> Iterator[PackageReference]:
        for index in self._rows:
            id, name = data.get(f"package-{index}-id", ""), data.get(f"package-{index}-name", "")
            if not id and not name:
                continue
            # What a package is called unless somebody says otherwise.
            reference = PackageReference(name or id, id, bool(data.get(f"package-{index}-extract")))
            if not id and f"package-{index}-id" not in self.errors:
                self.add_error(f"package-{index}-id", "Enter the ID of the package.")
            elif problem := problem_with_name(reference.name):
                self.add_error(f"package-{index}-name", problem)
            elif id:
                yield reference

    def reference_properties(self, own: str = "") -> dict[str, str]:
        """Under their wire names; `own` is the ID of the step's own package."""
        first = [PackageReference("", own)] if own else []
        return written([*first, *self.cleaned_data["references"]])

    @staticmethod
    def own_package(package_id: str) -> dict[str, str]:
        """Of a step that has no other."""
        return written([PackageReference("", package_id)])

    @staticmethod
    def initial_references(properties: Mapping[str, str]) -> dict[str, Any]:
        try:
            found = references_of(properties)
        except BadReferences:
            found = ()
        own = next((one.package_id for one in found if not one.name), "")
        return {"package_id": own, "references": [one for one in found if one.name]}
