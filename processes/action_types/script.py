from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.processes import RUN_ON_SERVER, SCRIPT_ACTION, SCRIPT_BODY, SCRIPT_SYNTAX, Syntax
from domain.script_sources import (
    FILE_NAME,
    GIT_ACCOUNT,
    GIT_REFERENCE,
    GIT_URI,
    PARAMETERS,
    SCRIPT_SOURCE,
    ScriptSource,
    problem_with_git_uri,
)
from domain.step_types.script import problem_with_parameters, source_of
from domain.variables import validate_name
from processes.action_types.base import ActionType
from processes.action_types.packages import PackageIdField, ReferencesForm
from processes.action_types.worker import WorkerForm

LONGEST_SCRIPT = 1_000_000
LONGEST_FILE_NAME = 500
LONGEST_PARAMETERS = 4000


#: What tells Octopus's clients that the repository is not the one of the project.
GIT_SOURCE = "Octopus.Action.GitRepository.Source"
_NEEDED = {
    ScriptSource.INLINE: {"script": "Enter the script that this step runs."},
    ScriptSource.PACKAGE: {
        "package_id": "Enter the ID of the package that the script is in.",
        "file_name": "Enter the script's path in the package.",
    },
    ScriptSource.GIT: {
        "git_uri": "Enter the address of the repository.",
        "file_name": "Enter the script's path in the repository.",
    },
}


class ScriptField(forms.CharField):
    """Keeps a script as it was typed: the space at its ends too, and with the line ends of a shell."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, widget=forms.Textarea(attrs={"rows": 14}), **kwargs)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class ScriptForm(ReferencesForm, WorkerForm):
    """Run a Script: an inline body in one of the languages, or a file of a package."""

    source = forms.ChoiceField(
        required=False,
        choices=[
            (ScriptSource.INLINE.value, "Written here"),
            (ScriptSource.PACKAGE.value, "In a package"),
            (ScriptSource.GIT.value, "In a Git repository"),
        ],
        initial=ScriptSource.INLINE.value,
        widget=forms.RadioSelect,
        label="Where the script is",
    )
    syntax = forms.ChoiceField(
        choices=[(one.value, one.value) for one in Syntax], initial=Syntax.BASH, label="Language"
    )
    script = ScriptField(required=False, label="Script body", max_length=LONGEST_SCRIPT)
    package_id = PackageIdField(required=False, label="Package ID")
    git_uri = forms.CharField(required=False, max_length=LONGEST_FILE_NAME, label="Repository")
    git_reference = forms.CharField(required=False, max_length=250, label="Branch, tag or commit")
    git_account = forms.CharField(required=False, max_length=200, label="Account variable")
    file_name = forms.CharField(required=False, max_length=LONGEST_FILE_NAME, label="Script file")
    parameters = forms.CharField(required=False, max_length=LONGEST_PARAMETERS, label="Parameters")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_reference_rows()

    def clean_source(self) -> str:
        return self.cleaned_data["source"] or ScriptSource.INLINE.value

    def clean_parameters(self) -> str:
        text: str = self.cleaned_data["parameters"]
        if problem := problem_with_parameters(text):
            raise forms.ValidationError(problem)
        return text

    def clean_git_account(self) -> str:
        text: str = self.cleaned_data["git_account"]
        if text and (problem := validate_name(text)):
            raise forms.ValidationError(problem)
        return text

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        uri = data.get("git_uri") if data.get("source") == ScriptSource.GIT else ""
        if uri and (problem := problem_with_git_uri(uri)):
            self.add_error("git_uri", problem)
        for name, words in _NEEDED[ScriptSource(data.get("source") or ScriptSource.INLINE)].items():
            if not data.get(name) and name not in self.errors:
                self.add_error(name, words)
        return data

    def properties(self) -> dict[str, str]:
        data = self.cleaned_data
        common = {RUN_ON_SERVER: "true", SCRIPT_SOURCE: data["source"], SCRIPT_SYNTAX: data["syntax"]}
        if data["source"] == ScriptSource.INLINE:
            return {**common, SCRIPT_BODY: data["script"], **self.reference_properties()}
        parameters = {PARAMETERS: data["parameters"]} if data["parameters"] else {}
        own = {FILE_NAME: data["file_name"], **parameters}
        if data["source"] == ScriptSource.GIT:
            return {**common, **self._git(), **own, **self.reference_properties()}
        return {**common, **own, **self.reference_properties(data["package_id"])}

    def _git(self) -> dict[str, str]:
        data = self.cleaned_data
        fields = {GIT_URI: "git_uri", GIT_REFERENCE: "git_reference", GIT_ACCOUNT: "git_account"}
        return {
            GIT_SOURCE: "External",
            **{name: data[field] for name, field in fields.items() if data[field]},
        }

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {
            "source": source_of(properties) or ScriptSource.INLINE.value,
            "syntax": properties.get(SCRIPT_SYNTAX, Syntax.BASH),
            "script": properties.get(SCRIPT_BODY, ""),
            "git_uri": properties.get(GIT_URI, ""),
            "git_reference": properties.get(GIT_REFERENCE, ""),
            "git_account": properties.get(GIT_ACCOUNT, ""),
            "file_name": properties.get(FILE_NAME, ""),
            "parameters": properties.get(PARAMETERS, ""),
            **cls.initial_references(properties),
        }


RUN_A_SCRIPT = ActionType(
    key=SCRIPT_ACTION,
    slug="run-a-script",
    name="Run a script",
    description="Runs a Bash, Python or PowerShell script on a worker, written here, in a package or in Git.",
    icon="square-terminal",
    form=ScriptForm,
    template="processes/types/_script.html",
)
