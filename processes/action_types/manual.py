from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.processes import MANUAL_ACTION, MANUAL_INSTRUCTIONS
from processes.action_types.base import ActionForm, ActionType

LONGEST_INSTRUCTIONS = 20_000


class ManualForm(ActionForm):
    """Manual intervention: the run waits until a person says how it goes on."""

    instructions = forms.CharField(
        max_length=LONGEST_INSTRUCTIONS,
        widget=forms.Textarea(attrs={"rows": 8}),
        label="Instructions",
        error_messages={"required": "Say what the person has to look at or do."},
    )

    def clean_instructions(self) -> str:
        return str(self.cleaned_data["instructions"]).replace("\r\n", "\n")

    def properties(self) -> dict[str, str]:
        return {MANUAL_INSTRUCTIONS: self.cleaned_data["instructions"]}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {"instructions": properties.get(MANUAL_INSTRUCTIONS, "")}


MANUAL_INTERVENTION = ActionType(
    key=MANUAL_ACTION,
    slug="manual-intervention",
    name="Manual intervention",
    description="Waits until a person has looked and lets the run go on, or ends it.",
    icon="hand",
    form=ManualForm,
    template="processes/types/_manual.html",
    place="Waits for a person",
)
