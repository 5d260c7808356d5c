from __future__ import annotations

from typing import Any

from django import forms

from domain.packages import BadPackage, Overwrite, parse_file_name

LONGEST_NOTES = 20_000
MOST_DAYS = 36_500

_OVERWRITES = [(Overwrite.FAIL, "Refuse it"), (Overwrite.IGNORE, "Keep the one that is there")]


class PushForm(forms.Form):
    """A file that is named as its package, and what to do when that is there already."""

    file = forms.FileField(
        label="File",
        max_length=300,
        help_text="Named ID.Version.extension, such as Acme.Web.1.4.0.zip. "
        "zip, nupkg, jar, war, ear, tar, tar.gz, tgz, tar.bz2, tbz, tar.xz or txz.",
        error_messages={"required": "Choose the file of the package.", "empty": "This file is empty."},
    )
    overwrite = forms.ChoiceField(
        label="If this version is there already",
        choices=_OVERWRITES,
        initial=Overwrite.FAIL,
        widget=forms.RadioSelect,
    )
    notes = forms.CharField(
        required=False, max_length=LONGEST_NOTES, widget=forms.Textarea(attrs={"rows": 3}), label="Notes"
    )

    def __init__(self, *args: Any, may_replace: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if may_replace:
            field = self.fields["overwrite"]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
            field.choices = [*_OVERWRITES, (Overwrite.REPLACE, "Replace it")]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        try:
            parse_file_name(file.name)
        except BadPackage as error:
            raise forms.ValidationError(str(error)) from error
        return file

    def clean_overwrite(self) -> Overwrite:
        return Overwrite(self.cleaned_data["overwrite"])


class RetentionForm(forms.Form):
    keep_days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        label="Days",
        help_text="Empty: packages are kept for ever.",
    )
