"""When a step runs: the fields that steps of every type have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from domain.conditions import Applies
from domain.step_rules import Condition as RunCondition
from domain.step_rules import Start
from processes import offers
from processes.models import Condition, StartTrigger
from processes.services.steps import StepFields

#: Characters of an expression.
LONGEST_EXPRESSION = 2000
EVERYWHERE, ONLY, NOT = "all", "only", "not"
CONDITION_WORDS = {
    Condition.SUCCESS: "The usual: after a failure it is skipped.",
    Condition.FAILURE: "For example to clean up, or to tell somebody. The run fails all the same.",
    Condition.ALWAYS: "Whatever happened before it. A run that failed stays failed.",
    Condition.VARIABLE: "Decided when its turn comes, also after a failure.",
}


@dataclass(frozen=True)
class Places:
    """What a step may be restricted to: environments and channels by id and name, tenant tags by canonical
    name; and the target tags that it may name; `offered` gives what else there is to name, see
    `processes.offers`."""

    environments: Sequence[tuple[str, str]] = ()
    tenant_tags: Sequence[str] = ()
    target_tags: Sequence[str] = ()
    offered: Callable[[str], offers.Groups] = lambda kind: ()
    channels: Sequence[tuple[str, str]] = ()


NOWHERE = Places()


class WhenForm(forms.Form):
    start = forms.ChoiceField(
        required=False,
        choices=StartTrigger.choices,
        initial=StartTrigger.AFTER_PREVIOUS,
        widget=forms.RadioSelect,
        label="Start",
    )
    condition = forms.ChoiceField(
        required=False,
        choices=Condition.choices,
        initial=Condition.SUCCESS,
        widget=forms.RadioSelect,
        label="Run condition",
    )
    expression = forms.CharField(required=False, max_length=LONGEST_EXPRESSION, label="Expression")
    applies_in = forms.ChoiceField(
        required=False,
        choices=[(EVERYWHERE, "All environments"), (ONLY, "Only these"), (NOT, "All but these")],
        initial=EVERYWHERE,
        widget=forms.RadioSelect,
        label="Environments",
    )
    environments = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Which environments"
    )
    channels = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Channels"
    )
    tenant_tags = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Tenant tags"
    )
    is_required = forms.BooleanField(required=False, label="Required")

    def offer(self, places: Places) -> None:
        """What was chosen before stays a choice: it may have been renamed or be out of sight."""
        known = dict(places.environments)
        kept = [(id, f"Environment {id}") for id in self.initial.get("environments", ()) if id not in known]
        self._choices("environments", [*places.environments, *kept])
        known = dict(places.channels)
        gone = [(id, f"Channel {id}") for id in self.initial.get("channels", ()) if id not in known]
        self._choices("channels", [*places.channels, *gone])
        tags = [*places.tenant_tags, *self.initial.get("tenant_tags", ())]
        self._choices("tenant_tags", [(tag, tag) for tag in dict.fromkeys(tags)])

    def _choices(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - tells the type checker
        field.choices = choices

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("condition") == Condition.VARIABLE and not data.get("expression"):
            self.add_error("expression", "Enter an expression, such as #{Database.MustMigrate}.")
        if data.get("applies_in") in (ONLY, NOT) and not data.get("environments"):
            self.add_error("environments", "Choose at least one environment, or all of them.")
        return data

    def when(self) -> dict[str, Any]:
        """The fields of a step that say when it runs."""
        data = self.cleaned_data
        chosen = tuple(sorted(data["environments"]))
        return {
            "condition": RunCondition(data["condition"] or Condition.SUCCESS),
            "start": Start(data["start"] or StartTrigger.AFTER_PREVIOUS),
            "expression": data["expression"],
            "is_required": data["is_required"],
            "applies": Applies(
                environments=chosen if data["applies_in"] == ONLY else (),
                excluded_environments=chosen if data["applies_in"] == NOT else (),
                channels=tuple(sorted(data["channels"])),
                tenant_tags=tuple(sorted(data["tenant_tags"])),
            ),
        }

    @staticmethod
    def initial_when(fields: StepFields) -> dict[str, Any]:
        applies = fields.applies
        mode = ONLY if applies.environments else NOT if applies.excluded_environments else EVERYWHERE
        return {
            "condition": fields.condition.value,
            "start": fields.start.value,
            "expression": fields.expression,
            "is_required": fields.is_required,
            "applies_in": mode,
            "environments": list(applies.environments or applies.excluded_environments),
            "channels": list(applies.channels),
            "tenant_tags": list(applies.tenant_tags),
        }
