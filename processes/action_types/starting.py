"""Steps that start other tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.ids import IdKind, encode
from domain.processes import DEPLOY_RELEASE_ACTION, RUNBOOK_ACTION
from domain.step_types import starting as names
from domain.step_types.starting import BadAnswers, When
from processes import offers
from processes.action_types.base import ActionForm, ActionType
from processes.action_types.when import Places
from processes.action_types.worker import ConditionsForm

SAME = ""


class StartForm(ConditionsForm, ActionForm):
    """Where the task runs, what it is told, and whether the step waits for it."""

    start_in = forms.ChoiceField(required=False, label="Environment")
    without_tenant = forms.BooleanField(required=False, label="Without a tenant")
    answers = forms.CharField(
        required=False,
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Prompted values",
    )
    waits = forms.BooleanField(required=False, initial=True, label="Wait until it has ended")

    def offer(self, places: Places) -> None:
        super().offer(places)
        rows = [(encode(IdKind.ENVIRONMENT, int(id)), name) for id, name in places.environments]
        kept = self.initial.get("start_in", SAME)
        if kept and kept not in dict(rows):
            rows.append((kept, f"{kept}, which is not there"))
        self._choices_of("start_in", [(SAME, "The same as that of this run"), *rows])

    def _choices_of(self, name: str, choices: list[Any]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - tells the type checker
        field.choices = choices

    def _offer_groups(self, name: str, groups: offers.Groups, noun: str) -> None:
        """What was chosen before stays a choice: it may be out of sight, or gone."""
        kept = self.initial.get(name, "")
        is_known = any(kept == value for _, rows in groups for value, _ in rows)
        lost = [(kept, f"{kept}, which you do not see")] if kept and not is_known else []
        rows = [(group, list(choices)) for group, choices in groups]
        self._choices_of(name, [("", f"Choose a {noun}"), *lost, *rows])

    def clean_answers(self) -> str:
        try:
            return names.lines_of(names.read_lines(self.cleaned_data["answers"]))
        except BadAnswers as problem:
            raise forms.ValidationError(str(problem)) from problem

    def _start(self) -> dict[str, str]:
        data = self.cleaned_data
        found = {names.WAIT: "True" if data["waits"] else "False"}
        if data["start_in"]:
            found[names.ENVIRONMENT] = data["start_in"]
        if data["without_tenant"]:
            found[names.TENANT] = names.NO_TENANT
        if given := names.read_lines(data["answers"]):
            found[names.ANSWERS] = names.to_json(given)
        return {**found, **self.conditions()}

    @classmethod
    def _initial_start(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        try:
            answers = names.lines_of(names.answers(properties))
        except BadAnswers:
            answers = properties.get(names.ANSWERS, "")
        return {
            "start_in": properties.get(names.ENVIRONMENT, SAME),
            "without_tenant": names.is_without_tenant(properties),
            "answers": answers,
            "waits": names.waits(properties),
            **cls.initial_conditions(properties),
        }


class RunbookForm(StartForm):
    """Run a runbook: which one, and which of its snapshots."""

    runbook = forms.ChoiceField(label="Runbook", error_messages={"required": "Choose a runbook."})
    snapshot = forms.IntegerField(
        required=False, min_value=1, max_value=names.MOST_SNAPSHOTS, label="Snapshot"
    )

    def offer(self, places: Places) -> None:
        super().offer(places)
        self._offer_groups("runbook", places.offered(offers.RUNBOOKS), "runbook")

    def properties(self) -> dict[str, str]:
        data = self.cleaned_data
        number = {names.SNAPSHOT: str(data["snapshot"])} if data["snapshot"] else {}
        return {names.RUNBOOK: data["runbook"], **number, **self._start()}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {
            "runbook": properties.get(names.RUNBOOK, ""),
            "snapshot": properties.get(names.SNAPSHOT, ""),
            **cls._initial_start(properties),
        }


_WHEN = {
    When.ALWAYS: "In any case",
    When.IF_NOT_CURRENT: "Unless it is deployed there already",
    When.IF_NEWER: "If it is newer than what is deployed there",
}


class DeployReleaseForm(StartForm):
    """Deploy a release: of which project, and which version."""

    project = forms.ChoiceField(label="Project", error_messages={"required": "Choose a project."})
    release = forms.CharField(required=False, max_length=500, label="Release")
    deploy_if = forms.ChoiceField(
        required=False,
        choices=[(one.value, words) for one, words in _WHEN.items()],
        initial=When.ALWAYS.value,
        widget=forms.RadioSelect,
        label="Deploy it",
    )

    def offer(self, places: Places) -> None:
        super().offer(places)
        self._offer_groups("project", places.offered(offers.PROJECTS), "project")

    def properties(self) -> dict[str, str]:
        data = self.cleaned_data
        version = {names.VERSION: data["release"]} if data["release"] else {}
        return {
            names.PROJECT: data["project"],
            **version,
            names.CONDITION: data["deploy_if"] or When.ALWAYS.value,
            **self._start(),
        }

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {
            "project": properties.get(names.PROJECT, ""),
            "release": properties.get(names.VERSION, ""),
            "deploy_if": properties.get(names.CONDITION) or When.ALWAYS.value,
            **cls._initial_start(properties),
        }


RUN_A_RUNBOOK = ActionType(
    key=RUNBOOK_ACTION,
    slug="run-a-runbook",
    name="Run a runbook",
    description="Runs a runbook of this or another project, and waits for it if you want.",
    icon="book-open-text",
    form=RunbookForm,
    template="processes/types/_runbook.html",
    place="Server",
)
DEPLOY_A_RELEASE = ActionType(
    key=DEPLOY_RELEASE_ACTION,
    slug="deploy-a-release",
    name="Deploy a release",
    description="Deploys a release of this or another project, and waits for it if you want.",
    icon="rocket",
    form=DeployReleaseForm,
    template="processes/types/_deploy_release.html",
    place="Server",
)
