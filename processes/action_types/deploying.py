from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.processes import RUN_ON_SERVER, Syntax
from domain.step_types.deploying import (
    DEPLOY_ACTION,
    DIRECTORY,
    ENDINGS,
    FILES,
    KEEP,
    MOST_KEPT,
    PURGE,
    SCRIPTS,
    STAGES,
    TRANSFER_ACTION,
    TRANSFER_PATH,
    kept_of,
    script_names,
)
from processes.action_types.base import ActionType
from processes.action_types.packages import PackageIdField, ReferencesForm
from processes.action_types.script import LONGEST_SCRIPT, ScriptField
from processes.action_types.worker import WorkerForm

LONGEST_PATH = 500
NOT_ABSOLUTE = "Enter an absolute path: it begins with a slash, or with a variable."
#: What Octopus calls the parts of its form that are switched on.
FILES_ON = "Octopus.Action.SubstituteInFiles.Enabled"
FEATURES = "Octopus.Action.EnabledFeatures"


def _is_path(text: str) -> bool:
    return text.startswith(("/", "#{"))


class PathField(forms.CharField):
    """An absolute path on the worker, which may begin with a variable."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=LONGEST_PATH, **kwargs)

    def clean(self, value: Any) -> str:
        text = str(super().clean(value) or "")
        if text and not _is_path(text):
            raise forms.ValidationError(NOT_ABSOLUTE)
        return text


def _script(label: str) -> ScriptField:
    return ScriptField(required=False, label=label, max_length=LONGEST_SCRIPT)


class DeployForm(ReferencesForm, WorkerForm):
    """Deploy a package: unpack it, put values into its files, run scripts."""

    package_id = PackageIdField(
        label="Package ID", error_messages={"required": "Enter the ID of the package that is deployed."}
    )
    directory = PathField(required=False, label="Installation directory")
    purge = forms.BooleanField(required=False, label="Empty this directory first")
    target_files = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Put values into files",
    )
    keep = forms.IntegerField(required=False, min_value=0, max_value=MOST_KEPT, label="Deployments to keep")
    syntax = forms.ChoiceField(
        choices=[(syntax, syntax.value) for syntax in ENDINGS],
        initial=Syntax.BASH,
        label="Language of the scripts",
    )
    pre_deploy = _script("Before values are put in")
    deploy = _script("Once it is in its place")
    post_deploy = _script("At the end")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_reference_rows()

    def clean_target_files(self) -> str:
        return "\n".join(
            line.strip() for line in self.cleaned_data["target_files"].splitlines() if line.strip()
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("purge") and not data.get("directory"):
            self.add_error("purge", "Enter the installation directory that is to be emptied.")
        return data

    def properties(self) -> dict[str, str]:
        data = self.cleaned_data
        return {
            RUN_ON_SERVER: "true",
            **self.reference_properties(data["package_id"]),
            **self._directory(),
            **({FILES: data["target_files"], FILES_ON: "True"} if data["target_files"] else {}),
            **({KEEP: str(data["keep"])} if data["keep"] else {}),
            **self._scripts(),
            **self._features(),
        }

    def _directory(self) -> dict[str, str]:
        data = self.cleaned_data
        if not data["directory"]:
            return {}
        return {DIRECTORY: data["directory"], **({PURGE: "True"} if data["purge"] else {})}

    def _scripts(self) -> dict[str, str]:
        data = self.cleaned_data
        ending = ENDINGS[Syntax(data["syntax"])]
        fields = zip(STAGES, ("pre_deploy", "deploy", "post_deploy"), strict=True)
        return {f"{SCRIPTS}{stage}{ending}": data[field] for stage, field in fields if data[field]}

    def _features(self) -> dict[str, str]:
        found = {
            "Octopus.Features.CustomDirectory": self._directory(),
            "Octopus.Features.CustomScripts": self._scripts(),
            "Octopus.Features.SubstituteInFiles": self.cleaned_data["target_files"],
        }
        on = [name for name, is_used in found.items() if is_used]
        return {FEATURES: ",".join(on)} if on else {}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        used = [syntax for name, syntax in script_names() if properties.get(f"{SCRIPTS}{name}")]
        syntax = used[0] if used else Syntax.BASH
        scripts = [properties.get(f"{SCRIPTS}{stage}{ENDINGS[syntax]}", "") for stage in STAGES]
        return {
            "directory": properties.get(DIRECTORY, ""),
            "purge": properties.get(PURGE, "").lower() == "true",
            "target_files": properties.get(FILES, ""),
            "keep": kept_of(properties) or None,
            "syntax": syntax,
            **dict(zip(("pre_deploy", "deploy", "post_deploy"), scripts, strict=True)),
            **cls.initial_references(properties),
        }


class TransferForm(WorkerForm):
    """Transfer a package: put its file into a folder."""

    package_id = PackageIdField(
        label="Package ID", error_messages={"required": "Enter the ID of the package that is transferred."}
    )
    directory = PathField(
        label="Folder on the worker", error_messages={"required": "Enter the folder that the file goes into."}
    )

    def properties(self) -> dict[str, str]:
        own = ReferencesForm.own_package(self.cleaned_data["package_id"])
        return {RUN_ON_SERVER: "true", **own, TRANSFER_PATH: self.cleaned_data["directory"]}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        package_id = ReferencesForm.initial_references(properties)["package_id"]
        return {"package_id": package_id, "directory": properties.get(TRANSFER_PATH, "")}


DEPLOY_A_PACKAGE = ActionType(
    key=DEPLOY_ACTION,
    slug="deploy-a-package",
    name="Deploy a package",
    description="Unpacks a package on a worker, puts values into its files and runs its scripts.",
    icon="package-plus",
    form=DeployForm,
    template="processes/types/_deploy.html",
)
TRANSFER_A_PACKAGE = ActionType(
    key=TRANSFER_ACTION,
    slug="transfer-a-package",
    name="Transfer a package",
    description="Puts the file of a package into a folder of a worker, as it is.",
    icon="package",
    form=TransferForm,
    template="processes/types/_transfer.html",
)
