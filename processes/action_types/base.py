"""What a step can be. Each action type brings one form class and the template of its own fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet

from pools.models import WorkerPool
from processes.action_types.targets import Family
from processes.action_types.when import NOWHERE, Places, WhenForm
from processes.services.steps import StepFields


class ActionForm(WhenForm):
    """The fields that every type has. A type adds its own and overrides the two `properties` methods;
    one that runs on a worker is a `WorkerForm`."""

    # The code editor hides its textarea, and a browser cannot point at a hidden field that it requires.
    use_required_attribute = False
    #: Of a child step.
    family: Family | None = None

    name = forms.CharField(max_length=120, label="Step name")
    is_enabled = forms.BooleanField(required=False, label="Enabled")
    notes = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}))

    def __init__(
        self,
        *args: Any,
        action_type: ActionType,
        pools: QuerySet[WorkerPool],
        pool_variables: Sequence[str],
        places: Places = NOWHERE,
        **kwargs: Any,
    ) -> None:
        """`pools` and `pool_variables` are those that a step may name, `places` where it may run."""
        super().__init__(*args, **kwargs)
        self.action_type = action_type
        self.offer(places)

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def step_fields(self) -> StepFields:
        """What the valid form says."""
        data = self.cleaned_data
        return StepFields(
            name=data["name"],
            properties=self.properties(),
            action_type=self.action_type.key,
            notes=data["notes"],
            is_disabled=not data["is_enabled"],
            **self.when(),
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
        return {
            "name": fields.name,
            "is_enabled": not fields.is_disabled,
            "notes": fields.notes,
            **cls.initial_when(fields),
            **cls.initial_properties(fields.properties),
        }


@dataclass(frozen=True)
class ActionType:
    """`key` is the type's wire name, `slug` its name in addresses, `template` shows its own fields.
    `place` stands where a list of steps says where a step runs; empty for one that runs on a worker. One that
    is not offered comes about by itself."""

    key: str
    slug: str
    name: str
    description: str
    icon: str
    form: type[ActionForm]
    template: str
    place: str = ""
    is_offered: bool = True

    @property
    def runs_on_worker(self) -> bool:
        return not self.place

    @property
    def has_rules(self) -> bool:
        """Whether its form says how often it is tried, and how long it may take."""
        return hasattr(self.form, "conditions")


_types: dict[str, ActionType] = {}


def register(action_type: ActionType) -> None:
    _types[action_type.key] = action_type


def all_types() -> list[ActionType]:
    """Those that somebody may choose."""
    return [one for one in _types.values() if one.is_offered]


def by_key(key: str) -> ActionType | None:
    return _types.get(key)


def by_slug(slug: str) -> ActionType | None:
    return next((one for one in _types.values() if one.slug == slug), None)
