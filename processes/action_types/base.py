"""What a step can be. Each action type brings one form class and the template of its own fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet

from domain.variables import validate_name
from pools.models import WorkerPool
from processes.models import Location, PoolChoice
from processes.services.steps import StepFields

OTHER_VARIABLE = ""


class ActionForm(forms.Form):
    """The fields that every type has. A type adds its own and overrides the two `properties` methods."""

    # The code editor hides its textarea, and a browser cannot point at a hidden field that it requires.
    use_required_attribute = False

    name = forms.CharField(max_length=120, label="Step name")
    is_enabled = forms.BooleanField(required=False, label="Enabled")
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
    notes = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}))

    def __init__(
        self,
        *args: Any,
        action_type: ActionType,
        pools: QuerySet[WorkerPool],
        pool_variables: Sequence[str],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.action_type = action_type
        self._offer_pools(pools)
        variables = [(name, name) for name in pool_variables]
        self._choices_of("worker_pool_variable").choices = [*variables, (OTHER_VARIABLE, "Another variable…")]

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

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        chosen = data.get("worker_pool_variable") or data.get("other_variable") or ""
        data["variable"] = chosen.strip()
        if data.get("pool_choice") == PoolChoice.VARIABLE:
            self._check_variable(data["variable"])
        return data

    def _check_variable(self, name: str) -> None:
        if not name:
            self.add_error("other_variable", "Choose the variable that picks the pool.")
        elif reason := validate_name(name):
            self.add_error("other_variable", reason)

    def step_fields(self) -> StepFields:
        """What the valid form says."""
        data = self.cleaned_data
        return StepFields(
            name=data["name"],
            properties=self.properties(),
            action_type=self.action_type.key,
            location=Location(data["location"]),
            pool_choice=PoolChoice(data["pool_choice"]),
            worker_pool=data["worker_pool"],
            worker_pool_variable=data["variable"],
            notes=data["notes"],
            is_disabled=not data["is_enabled"],
        )

    def properties(self) -> dict[str, str]:
        """The type's own settings under their wire names."""
        raise NotImplementedError

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        """The type's own fields from stored settings."""
        raise NotImplementedError

    @classmethod
    def initial_of(cls, fields: StepFields, *, pool_variables: Sequence[str]) -> dict[str, Any]:
        """The form's initial values for a stored step."""
        offered = fields.worker_pool_variable in pool_variables
        return {
            "name": fields.name,
            "is_enabled": not fields.is_disabled,
            "location": fields.location,
            "pool_choice": fields.pool_choice,
            "worker_pool": fields.worker_pool.pk if fields.worker_pool else None,
            "worker_pool_variable": fields.worker_pool_variable if offered else OTHER_VARIABLE,
            "other_variable": "" if offered else fields.worker_pool_variable,
            "notes": fields.notes,
            **cls.initial_properties(fields.properties),
        }


@dataclass(frozen=True)
class ActionType:
    """`key` is the type's wire name, `slug` its name in addresses, `template` shows its own fields."""

    key: str
    slug: str
    name: str
    description: str
    icon: str
    form: type[ActionForm]
    template: str


_types: dict[str, ActionType] = {}


def register(action_type: ActionType) -> None:
    _types[action_type.key] = action_type


def all_types() -> list[ActionType]:
    return list(_types.values())


def by_key(key: str) -> ActionType | None:
    return _types.get(key)


def by_slug(slug: str) -> ActionType | None:
    return next((one for one in _types.values() if one.slug == slug), None)
