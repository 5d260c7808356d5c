from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.processes import RUN_ON_SERVER, SCRIPT_ACTION, SCRIPT_BODY, SCRIPT_SYNTAX, Syntax
from processes.action_types.base import ActionForm, ActionType

SCRIPT_SOURCE = "Octopus.Action.Script.ScriptSource"
LONGEST_SCRIPT = 1_000_000


class ScriptField(forms.CharField):
    """Keeps a script as it was typed: the space at its ends too, and with the line ends of a shell."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, widget=forms.Textarea(attrs={"rows": 14}), **kwargs)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class ScriptForm(ActionForm):
    """Run a Script: an inline body in one of the languages."""

    syntax = forms.ChoiceField(
        choices=[(Syntax.BASH, "Bash"), (Syntax.PYTHON, "Python")], initial=Syntax.BASH, label="Language"
    )
    script = ScriptField(
        label="Script body",
        max_length=LONGEST_SCRIPT,
        error_messages={"required": "Enter the script that this step runs."},
    )

    def properties(self) -> dict[str, str]:
        return {
            RUN_ON_SERVER: "true",
            SCRIPT_SOURCE: "Inline",
            SCRIPT_SYNTAX: self.cleaned_data["syntax"],
            SCRIPT_BODY: self.cleaned_data["script"],
        }

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {
            "syntax": properties.get(SCRIPT_SYNTAX, Syntax.BASH),
            "script": properties.get(SCRIPT_BODY, ""),
        }


RUN_A_SCRIPT = ActionType(
    key=SCRIPT_ACTION,
    slug="run-a-script",
    name="Run a script",
    description="Runs a Bash or Python script on a worker.",
    icon="square-terminal",
    form=ScriptForm,
    template="processes/types/_script.html",
)
