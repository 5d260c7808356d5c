from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.processes import PARENT_STEP
from processes.action_types.base import ActionForm, ActionType
from processes.action_types.targets import TargetsForm
from processes.action_types.when import Places
from processes.services.steps import StepFields


class ParentForm(TargetsForm, ActionForm):
    """A step that holds others: when they run, and for which deployment targets."""

    def offer(self, places: Places) -> None:
        super().offer(places)
        self.offer_tags(places.target_tags)

    def step_fields(self) -> StepFields:
        when = self.when()
        return StepFields(
            name=self.cleaned_data["name"],
            action_type=PARENT_STEP,
            condition=when["condition"],
            expression=when["expression"],
            start=when["start"],
            **self.targets(),
        )

    def properties(self) -> dict[str, str]:
        return {}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        return {}

    @classmethod
    def initial_of(cls, fields: StepFields, *, pool_variables: Sequence[str]) -> dict[str, Any]:
        return {**super().initial_of(fields, pool_variables=pool_variables), **cls.initial_targets(fields)}


PARENT = ActionType(
    key=PARENT_STEP,
    slug="parent",
    name="Child steps",
    description="Holds other steps, which run one after the other, on each target before the next.",
    icon="workflow",
    form=ParentForm,
    template="processes/types/_parent.html",
    place="Child steps",
    is_offered=False,
)
