from __future__ import annotations

from typing import Any

from django import forms

from environments.models import Environment
from spaces.forms import NamedForm

HUES = [(1, "Sky"), (2, "Violet"), (3, "Amber"), (4, "Rose"), (5, "Green"), (6, "Slate")]


class EnvironmentForm(NamedForm):
    model = Environment

    hue = forms.TypedChoiceField(
        label="Colour",
        choices=HUES,
        coerce=int,
        initial=1,
        widget=forms.RadioSelect,
        help_text="Shown as a small square beside the name, everywhere.",
    )

    guided_failure = forms.BooleanField(
        label="Ask a person when a step fails",
        required=False,
        help_text="The run waits for an answer: try again, ignore, or fail. Projects and runbooks may say "
        "otherwise.",
    )

    def values_of(self, instance: Any) -> dict[str, Any]:
        return super().values_of(instance) | {
            "hue": instance.hue,
            "guided_failure": instance.guided_failure,
        }
