"""The form of how runs behave: of a runbook, or of a project's deployments."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from tasks.models import GuidedFailure, LockMode, NamedLock, Overlap, RunSettings

MOST_LOCKS = 20
MOST_AT_ONCE = 1000
#: Thirty days, in minutes.
LONGEST = 30 * 24 * 60
_BLANK_ROWS = 2


class RunSettingsForm(forms.Form):
    overlap = forms.ChoiceField(label="While others run", choices=Overlap.choices, widget=forms.RadioSelect)
    max_concurrent = forms.IntegerField(
        label="How many at once",
        min_value=0,
        max_value=MOST_AT_ONCE,
        help_text="In one environment and for one tenant; 0 for any number. A variable named "
        "Octopus.Task.ConcurrencyTag counts in place of these: runs with the same value take turns.",
    )
    queue_timeout_minutes = forms.IntegerField(
        label="Give up waiting after",
        required=False,
        min_value=1,
        max_value=LONGEST,
        help_text="Minutes. A run that has not started by then times out.",
    )
    time_limit_minutes = forms.IntegerField(
        label="Time limit of a run",
        required=False,
        min_value=1,
        max_value=LONGEST,
        help_text="Minutes from its start. A run that takes longer is stopped and times out.",
    )
    guided_failure = forms.ChoiceField(
        label="When a step fails", choices=GuidedFailure.choices, widget=forms.RadioSelect
    )

    def __init__(self, data: QueryDict | None, *, settings: RunSettings) -> None:
        super().__init__(data, initial={name: getattr(settings, name) for name in self.base_fields})
        self.fields["overlap"].descriptions = {  # type: ignore[attr-defined]  # shown by the field template
            Overlap.QUEUE.value: "Runs keep their order.",
            Overlap.SKIP.value: "Instead of waiting it ends as cancelled, and says what was in the way.",
            Overlap.REPLACE.value: "What runs is stopped, what waits is not started.",
        }
        self.rows = _lock_rows(data, settings)

    def is_valid(self) -> bool:
        # Both, so that all errors are shown at once.
        return all([super().is_valid(), self.rows.is_valid()])

    def values(self) -> dict[str, Any]:
        """Of a valid form: fields of `RunSettings`."""
        return {**self.cleaned_data, "locks": self.rows.locks()}


class LockForm(forms.Form):
    """One lock; a row without a name is not there."""

    name = forms.CharField(
        max_length=NamedLock._meta.get_field("name").max_length, required=False, label="Name of the lock"
    )
    mode = forms.ChoiceField(
        label="Kind",
        choices=[(LockMode.EXCLUSIVE, "Exclusive"), (LockMode.SHARED, "Shared")],
        initial=LockMode.EXCLUSIVE,
        widget=forms.Select(attrs={"class": "select"}),
    )

    def clean_name(self) -> str:
        return " ".join(str(self.cleaned_data["name"]).split())


class BaseLockFormSet(forms.BaseFormSet):  # type: ignore[type-arg]  # not generic at run time
    def clean(self) -> None:
        seen: set[str] = set()
        for form in self.forms:
            name = form.cleaned_data.get("name", "").lower() if form.is_valid() else ""
            if name and name in seen:
                form.add_error("name", "This lock is in the list already.")
            seen.add(name)

    def locks(self) -> list[dict[str, str]]:
        rows = [form.cleaned_data for form in self.forms if form.cleaned_data.get("name")]
        return [{"name": row["name"], "mode": row["mode"]} for row in rows]


def _lock_rows(data: QueryDict | None, settings: RunSettings) -> BaseLockFormSet:
    factory: Any = forms.formset_factory(
        LockForm, formset=BaseLockFormSet, extra=_BLANK_ROWS, max_num=MOST_LOCKS, validate_max=True
    )
    rows: BaseLockFormSet = factory(
        data,
        prefix="locks",
        initial=settings.locks,
        error_messages={"too_many_forms": f"At most {MOST_LOCKS} locks."},
    )
    return rows
