"""Steps that run on a worker: where they run, and under which conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django import forms
from django.db.models import QuerySet

from domain.containers import LONGEST_IMAGE, image_of
from domain.processes import (
    BACKOFF,
    CONTAINER_ACCOUNT,
    CONTAINER_IMAGE,
    MOST_RETRY_CODES,
    RETRIES,
    RETRY_AFTER,
    RETRY_CODES,
    RULE_LIMITS,
    SETTLES,
    TIME_LIMIT,
    UNKNOWN_OUTCOME,
    exit_codes,
    rule_number,
)
from domain.step_rules import Backoff, Settle
from domain.variables import validate_name
from pools.models import WorkerPool
from processes.action_types.base import ActionForm, ActionType
from processes.action_types.targets import TargetsForm
from processes.action_types.when import Places
from processes.models import Location, PoolChoice
from processes.services.steps import StepFields

OTHER_VARIABLE = ""
DIRECTLY, CONTAINER = "", "container"

_NAMES = {settle: name for name, settle in SETTLES.items()}
#: By the stored value: what is chosen, and what follows from it.
UNKNOWN_CHOICES = {
    _NAMES[Settle.ASK]: (
        "Ask a person",
        "The run waits until somebody has looked and says what happened.",
    ),
    _NAMES[Settle.RERUN]: (
        "Run it again",
        "Only for scripts that may run twice: the first one may have done its work, or be at it still.",
    ),
    _NAMES[Settle.NEVER]: (
        "Count it as failed",
        "The run ends as failed. Nothing is run a second time.",
    ),
}


def _number(name: str, label: str, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        required=False, min_value=0, max_value=RULE_LIMITS[name], label=label, help_text=help_text
    )


class ConditionsForm(forms.Form):
    """How often, how long, and what if nobody knows."""

    retries = _number(RETRIES, "Retries", "Tries after the first one failed.")
    retry_after = _number(RETRY_AFTER, "Seconds between tries")
    backoff = forms.ChoiceField(
        required=False,
        choices=[
            (Backoff.CONSTANT.value, "The same each time"),
            (Backoff.EXPONENTIAL.value, "Twice as long each time"),
        ],
        initial=Backoff.CONSTANT.value,
        label="Pause between tries",
    )
    retry_codes = forms.CharField(
        required=False,
        max_length=200,
        label="Only after exit codes",
    )
    time_limit = _number(TIME_LIMIT, "Time limit in minutes", "For each try. Empty: none.")
    unknown_outcome = forms.ChoiceField(
        required=False,
        choices=[(value, label) for value, (label, _) in UNKNOWN_CHOICES.items()],
        initial=_NAMES[Settle.ASK],
        widget=forms.RadioSelect,
        label="If its outcome is unknown",
    )

    def clean_retry_codes(self) -> str:
        codes = exit_codes(self.cleaned_data["retry_codes"])
        if codes is None:
            raise forms.ValidationError(
                f"Enter at most {MOST_RETRY_CODES} numbers from 1 to 255, such as 1, 75."
            )
        return ", ".join(map(str, codes))

    def conditions(self) -> dict[str, str]:
        """Under their wire names; what is not set is left out, so that an untouched step stays as it is."""
        data = self.cleaned_data
        numbers = {RETRIES: "retries", RETRY_AFTER: "retry_after", TIME_LIMIT: "time_limit"}
        found = {name: str(data[field]) for name, field in numbers.items() if data[field]}
        if data["backoff"] and data["backoff"] != Backoff.CONSTANT:
            found[BACKOFF] = data["backoff"]
        if data["retry_codes"]:
            found[RETRY_CODES] = data["retry_codes"]
        if (settle := data["unknown_outcome"]) and settle != _NAMES[Settle.ASK]:
            found[UNKNOWN_OUTCOME] = settle
        return found

    @staticmethod
    def initial_conditions(properties: Mapping[str, str]) -> dict[str, Any]:
        return {
            "retries": rule_number(properties, RETRIES) or None,
            "retry_after": rule_number(properties, RETRY_AFTER) or None,
            "backoff": properties.get(BACKOFF) or Backoff.CONSTANT.value,
            "retry_codes": properties.get(RETRY_CODES, ""),
            "time_limit": rule_number(properties, TIME_LIMIT) or None,
            "unknown_outcome": properties.get(UNKNOWN_OUTCOME) or _NAMES[Settle.ASK],
        }


class WorkerForm(ConditionsForm, TargetsForm, ActionForm):
    """The fields of every type that runs on a worker."""

    location = forms.ChoiceField(
        choices=Location.choices,
        initial=Location.WORKER,
        widget=forms.RadioSelect,
        label="Execution location",
    )
    pool_choice = forms.ChoiceField(
        choices=PoolChoice.choices,
        initial=PoolChoice.SPECIFIC,
        widget=forms.RadioSelect,
        label="Worker pool",
    )
    worker_pool = forms.ModelChoiceField(WorkerPool.objects.none(), required=False, label="Pool")
    worker_pool_variable = forms.ChoiceField(required=False, label="Worker pool variable")
    other_variable = forms.CharField(required=False, max_length=200, label="Name of the variable")
    container = forms.ChoiceField(
        required=False,
        choices=[(DIRECTLY, "Directly on the worker"), (CONTAINER, "Inside a container, on the worker")],
        initial=DIRECTLY,
        widget=forms.RadioSelect,
        label="Container",
    )
    container_image = forms.CharField(required=False, max_length=LONGEST_IMAGE, label="Image")
    container_account = forms.CharField(required=False, max_length=200, label="Account variable")

    def __init__(
        self,
        *args: Any,
        action_type: ActionType,
        pools: QuerySet[WorkerPool],
        pool_variables: Sequence[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, action_type=action_type, pools=pools, pool_variables=pool_variables, **kwargs)
        self._offer_pools(pools)
        variables = [(name, name) for name in pool_variables]
        self._choices_of("worker_pool_variable").choices = [*variables, (OTHER_VARIABLE, "Another variable…")]

    def offer(self, places: Places) -> None:
        super().offer(places)
        self.offer_tags(places.target_tags)

    @property
    def locations(self) -> list[tuple[str, str]]:
        """Those that can be chosen: of a child, the step that holds it says whether there are targets."""
        if self.family is None:
            return list(Location.choices)
        has_targets = bool(self.family.target_tags)
        return [choice for choice in Location.choices if (choice[0] != Location.WORKER) == has_targets]

    def _offer_pools(self, pools: QuerySet[WorkerPool]) -> None:
        field = self.fields["worker_pool"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101 - tells the type checker
        field.queryset = pools
        default = next((pool.name for pool in pools if pool.is_default), None)
        field.empty_label = f"The default pool, now {default}" if default else "The default pool"

    def _choices_of(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - tells the type checker
        return field

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        chosen = data.get("worker_pool_variable") or data.get("other_variable") or ""
        data["variable"] = chosen.strip()
        if data.get("container") == CONTAINER and not data.get("container_image"):
            self.add_error("container_image", "Enter the image, such as debian:12.")
        if account := data.get("container_account"):
            self._check_account(account)
        location = data.get("location")
        # What does not count where the step runs is kept, and is not to be in the way.
        if data.get("pool_choice") == PoolChoice.VARIABLE and location != Location.TARGET:
            self._check_variable(data["variable"])
        has_targets = location in (Location.ON_BEHALF, Location.TARGET)
        if (
            self.family is None
            and has_targets
            and not data.get("target_tags")
            and not data.get("new_target_tags", True)
        ):
            self.add_error("new_target_tags", "Name the tags of the targets that the step is for.")
        return data

    def _check_account(self, name: str) -> None:
        if reason := validate_name(name):
            self.add_error("container_account", reason)

    def _container(self) -> dict[str, str]:
        """Kept as it was entered only while it is chosen: what counts is whether there is an image."""
        data = self.cleaned_data
        if data["container"] != CONTAINER:
            return {}
        found = {CONTAINER_IMAGE: data["container_image"], CONTAINER_ACCOUNT: data["container_account"]}
        return {name: value for name, value in found.items() if value}

    def _check_variable(self, name: str) -> None:
        if not name:
            self.add_error("other_variable", "Choose the variable that picks the pool.")
        elif reason := validate_name(name):
            self.add_error("other_variable", reason)

    def step_fields(self) -> StepFields:
        data = self.cleaned_data
        plain = super().step_fields()
        return replace(
            plain,
            properties={**plain.properties, **self._container(), **self.conditions()},
            location=Location(data["location"]),
            **self._targets(),
            pool_choice=PoolChoice(data["pool_choice"]),
            worker_pool=data["worker_pool"],
            worker_pool_variable=data["variable"],
        )

    def _targets(self) -> Mapping[str, Any]:
        """A child keeps what it had before it was one."""
        if self.family is None:
            return self.targets()
        kept = self.initial
        return {"target_tags": tuple(kept.get("target_tags", ())), "window": kept.get("window") or 0}

    @classmethod
    def initial_of(cls, fields: StepFields, *, pool_variables: Sequence[str]) -> dict[str, Any]:
        offered = fields.worker_pool_variable in pool_variables
        return {
            **super().initial_of(fields, pool_variables=pool_variables),
            **cls.initial_conditions(fields.properties),
            "location": fields.location,
            **cls.initial_targets(fields),
            "container": CONTAINER if image_of(fields.properties) else DIRECTLY,
            "container_image": fields.properties.get(CONTAINER_IMAGE, ""),
            "container_account": fields.properties.get(CONTAINER_ACCOUNT, ""),
            "pool_choice": fields.pool_choice,
            "worker_pool": fields.worker_pool.pk if fields.worker_pool else None,
            "worker_pool_variable": fields.worker_pool_variable if offered else OTHER_VARIABLE,
            "other_variable": "" if offered else fields.worker_pool_variable,
        }
