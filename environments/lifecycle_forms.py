"""The form of a lifecycle: its own fields, and as many phases as it has with room for two more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms

from environments.models import Environment, Lifecycle, Phase
from environments.services.lifecycles import PhaseFields
from spaces.forms import NamedForm

#: Empty rows after the phases that there are; saving makes room for more.
ROOM = 2
MOST_PHASES = 50


class LifecycleForm(NamedForm):
    model = Lifecycle


class PhaseForm(forms.Form):
    """A row without a name and environments is none."""

    id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    place = forms.IntegerField(min_value=1, max_value=MOST_PHASES + ROOM, label="Place", required=False)
    name = forms.CharField(max_length=120, required=False, label="Phase")
    environments = forms.ModelMultipleChoiceField(
        Environment.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    minimum = forms.IntegerField(
        min_value=0,
        max_value=10_000,
        required=False,
        label="Environments that must have the release",
        help_text="Before it may go on. 0 means all of the phase.",
    )
    is_optional = forms.BooleanField(
        required=False, label="Optional", help_text="The next phase does not wait for this one."
    )

    def __init__(self, *args: Any, environments: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["environments"].queryset = environments  # type: ignore[attr-defined]

    @property
    def is_blank(self) -> bool:
        return not self.cleaned_data.get("name") and not self.cleaned_data.get("environments")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and not self.is_blank:
            if not data["name"]:
                self.add_error("name", "Enter a name for this phase.")
            if not data["environments"]:
                self.add_error("environments", "Choose at least one environment.")
            elif (data["minimum"] or 0) > len(data["environments"]):
                self.add_error("minimum", "This phase has fewer environments.")
        return data

    def fields_of(self) -> PhaseFields:
        data = self.cleaned_data
        return PhaseFields(
            name=data["name"],
            environments=list(data["environments"]),
            minimum=data["minimum"] or 0,
            is_optional=data["is_optional"],
            id=data["id"],
        )


class Phases:
    """The rows of the form, in the order of their places once they are valid."""

    def __init__(
        self, environments: Any, phases: Sequence[Phase], data: Mapping[str, Any] | None = None
    ) -> None:
        count = len(phases) + ROOM if data is None else _count(data)
        initial: list[dict[str, Any]] = [_initial(phase) for phase in phases]
        self.forms = [
            PhaseForm(
                data,
                prefix=f"phase-{number}",
                initial=initial[number] if data is None and number < len(initial) else {"place": number + 1},
                environments=environments,
            )
            for number in range(min(count, MOST_PHASES + ROOM))
        ]

    def __iter__(self) -> Iterator[PhaseForm]:
        return iter(self.forms)

    def __len__(self) -> int:
        return len(self.forms)

    def is_valid(self) -> bool:
        return all([form.is_valid() for form in self.forms])

    def fields(self) -> list[PhaseFields]:
        rows = [form for form in self.forms if not form.is_blank]
        rows.sort(key=lambda form: form.cleaned_data["place"] or MOST_PHASES + ROOM)
        return [form.fields_of() for form in rows]


def _count(data: Mapping[str, Any]) -> int:
    text = str(data.get("phases", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _initial(phase: Phase) -> dict[str, Any]:
    return {
        "id": phase.pk,
        "place": phase.position,
        "name": phase.name,
        "environments": [one.pk for one in phase.environments.all()],
        "minimum": phase.minimum,
        "is_optional": phase.is_optional,
    }
