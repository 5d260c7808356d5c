from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms

#: Bytes of one file, and how many files at once.
LARGEST, MOST_FILES = 5_000_000, 50


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        rows = data if isinstance(data, list) else [data] if data else []
        return [super(_FilesField, self).clean(one, initial) for one in rows]


class ImportForm(forms.Form):
    """Step templates in the JSON form in which people share them: as files, or pasted."""

    files = _FilesField(required=False, widget=_Files(attrs={"multiple": True}), label="Files")  # type: ignore[assignment]  # no attribute of the form
    text = forms.CharField(
        required=False,
        max_length=LARGEST,
        widget=forms.Textarea(attrs={"rows": 10}),
        label="Or paste the JSON",
    )

    def clean_files(self) -> list[Any]:
        files: list[Any] = self.cleaned_data["files"]
        if len(files) > MOST_FILES:
            raise forms.ValidationError(f"Choose at most {MOST_FILES} files at once.")
        if any(one.size > LARGEST for one in files):
            raise forms.ValidationError(f"A file may have at most {LARGEST // 1_000_000} MB.")
        return files

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and not data.get("files") and not data.get("text"):
            self.add_error("files", "Choose a file, or paste a template.")
        return data

    def texts(self) -> Iterator[tuple[str, str]]:
        """Each by its name. What is not UTF-8 is no JSON either, which is then said."""
        for one in self.cleaned_data["files"]:
            yield one.name, one.read().decode("utf-8-sig", "replace")
        if self.cleaned_data["text"]:
            yield "What you pasted", self.cleaned_data["text"]
