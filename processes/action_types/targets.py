"""For which deployment targets a step runs, and how many of them at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from domain.processes import MOST_IN_WINDOW
from domain.targets import BadTag, clean_tags, tag_key, tags_in
from processes.services.steps import StepFields


@dataclass(frozen=True)
class Family:
    """What a child step is told by the step that it belongs to: its name, its target tags, its window."""

    name: str
    url: str = ""
    target_tags: Sequence[str] = ()
    window: int = 0


class TagsField(forms.MultipleChoiceField):
    """Tags as boxes. One that the last target lost while the form was open is still a tag."""

    def valid_value(self, value: Any) -> bool:
        return bool(str(value).strip())


class TargetsForm(forms.Form):
    target_tags = TagsField(required=False, widget=forms.CheckboxSelectMultiple, label="Target tags")
    new_target_tags = forms.CharField(required=False, max_length=2000, label="New target tags")
    window = forms.IntegerField(
        required=False, min_value=1, max_value=MOST_IN_WINDOW, label="Targets at a time"
    )

    def offer_tags(self, offered: Sequence[str]) -> None:
        tags = {tag_key(tag): tag for tag in [*self.initial.get("target_tags", ()), *offered]}
        # Spelled as the step has it, where it has it.
        kept = {tag_key(tag): tag for tag in self.initial.get("target_tags", ())}
        field = self.fields["target_tags"]
        assert isinstance(field, TagsField)  # noqa: S101 - tells the type checker
        field.choices = [(tag, tag) for tag in ({**tags, **kept}).values()]

    def clean_target_tags(self) -> tuple[str, ...]:
        try:
            return clean_tags(self.cleaned_data["target_tags"])
        except BadTag as error:
            raise forms.ValidationError(str(error)) from error

    def clean_new_target_tags(self) -> tuple[str, ...]:
        try:
            return tags_in(self.cleaned_data["new_target_tags"])
        except BadTag as error:
            raise forms.ValidationError(str(error)) from error

    def targets(self) -> Mapping[str, Any]:
        """The fields of a step that say for which targets it runs."""
        data = self.cleaned_data
        tags = clean_tags([*data["target_tags"], *data["new_target_tags"]])
        return {"target_tags": tags, "window": data["window"] or 0}

    @staticmethod
    def initial_targets(fields: StepFields) -> dict[str, Any]:
        return {"target_tags": list(fields.target_tags), "window": fields.window or None}
