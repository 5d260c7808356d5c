from __future__ import annotations

from typing import Any

from django import forms

from projects.package_versions import PackageVersionsForm
from runbooks.models import Runbook


class RunbookForm(forms.Form):
    name = forms.CharField(
        max_length=120, help_text="Unique in its project. Say what it does: Back up database."
    )
    description = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="When to run it, and what to know before.",
    )

    def __init__(self, *args: Any, runbook: Runbook | None = None, **kwargs: Any) -> None:
        if runbook is not None:
            kwargs["initial"] = {"name": runbook.name, "description": runbook.description}
        super().__init__(*args, **kwargs)


class PublishForm(PackageVersionsForm):
    notes = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What has changed.",
    )
