"""The form of a channel: its own fields, and as many rules as it has with room for two more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from domain.channels import (
    LONGEST_RANGE,
    LONGEST_TAG,
    MOST_RULES,
    ChannelRule,
    RulePackage,
    missing_packages,
    problem_with,
    rules_of,
)
from environments.models import Lifecycle
from projects.models import Channel, Project
from projects.selectors import packages_of_steps
from projects.services.channels import ChannelFields
from tenants.models import Tag

#: Empty rows after the rules that there are; saving makes room for more.
ROOM = 2


class ChannelForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="Unique in this project, such as Stable or Hotfix.")
    description = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    lifecycle = forms.ModelChoiceField(
        Lifecycle.objects.none(),
        required=False,
        help_text="The way of its releases through the environments.",
    )
    is_default = forms.BooleanField(
        required=False,
        label="The default channel",
        help_text="Releases are made in it where nobody says another one.",
    )
    tags = forms.ModelMultipleChoiceField(
        Tag.objects.none(),
        required=False,
        label="Tenant tags",
        widget=forms.CheckboxSelectMultiple,
        help_text="Its releases go only to tenants with one of these of each tag set. None ticked: to all.",
    )

    def __init__(
        self,
        *args: Any,
        project: Project,
        lifecycles: Any,
        tags: Any,
        channel: Channel | None = None,
        **kwargs: Any,
    ) -> None:
        if channel is not None:
            kwargs["initial"] = {
                "name": channel.name,
                "description": channel.description,
                "lifecycle": channel.lifecycle_id,
                "is_default": channel.is_default,
                "tags": list(channel.tags.all()),
            }
        super().__init__(*args, **kwargs)
        lifecycle: Any = self.fields["lifecycle"]
        lifecycle.queryset, lifecycle.empty_label = lifecycles, "As the project has it"
        self.fields["tags"].queryset = tags  # type: ignore[attr-defined]
        if channel is not None and channel.is_default:
            self.fields["is_default"].disabled = True
            self.fields["is_default"].help_text = "Make another channel the default to change this."

    def with_rules(self, rules: Sequence[ChannelRule]) -> ChannelFields:
        """Of a valid form."""
        data = self.cleaned_data
        return ChannelFields(
            name=data["name"],
            description=data["description"],
            lifecycle=data["lifecycle"],
            is_default=data["is_default"],
            tags=tuple(data["tags"]),
            rules=tuple(rules),
        )


class RuleForm(forms.Form):
    version_range = forms.CharField(required=False, max_length=LONGEST_RANGE, label="Versions")
    tag = forms.CharField(required=False, max_length=LONGEST_TAG, label="Pre-release")
    packages = forms.MultipleChoiceField(
        required=False, label="Packages", widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, packages: Sequence[tuple[RulePackage, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._packages = {_key(one): one for one, _ in packages}
        choices = [(_key(one), label) for one, label in packages]
        self.fields["packages"].choices = choices  # type: ignore[attr-defined]

    @property
    def is_blank(self) -> bool:
        """Says nothing, so it is no rule."""
        return not any(self.cleaned_data.get(name) for name in ("version_range", "tag", "packages"))

    def rule(self) -> ChannelRule:
        data = self.cleaned_data
        found = tuple(self._packages[key] for key in data["packages"])
        return ChannelRule(data["version_range"], data["tag"], found)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors or self.is_blank:
            return data
        if not data["packages"]:
            self.add_error("packages", "Choose the packages that this rule is about.")
        elif not data["version_range"] and not data["tag"]:
            self.add_error("version_range", "Enter a range of versions or a pre-release pattern.")
        elif problem := problem_with(self.rule()):
            self.add_error("tag" if "pre-release" in problem else "version_range", problem)
        return data


@dataclass
class Rules:
    """The rows of the form; `packages` are what rules can be about."""

    forms: list[RuleForm]
    packages: list[tuple[RulePackage, str]]

    @classmethod
    def of(cls, project: Project, channel: Channel | None, data: Mapping[str, Any] | None = None) -> Rules:
        stored = rules_of(channel.rules) if channel else ()
        there = [RulePackage(*one) for one in packages_of_steps(project)]
        gone = [
            RulePackage(one.step, one.name) for one in missing_packages(stored, packages_of_steps(project))
        ]
        packages = [(one, _label(one)) for one in there]
        packages += [(one, f"{_label(one)} (no step has it any more)") for one in dict.fromkeys(gone)]
        count = len(stored) + ROOM if data is None else _count(data)
        rows = []
        for number in range(min(count, MOST_RULES)):
            initial = _initial(stored[number]) if number < len(stored) else None
            rows.append(RuleForm(data, prefix=f"rule-{number}", initial=initial, packages=packages))
        return cls(rows, packages)

    def is_valid(self) -> bool:
        return all([form.is_valid() for form in self.forms])

    def __iter__(self) -> Iterator[RuleForm]:
        return iter(self.forms)

    def __len__(self) -> int:
        return len(self.forms)

    def rules(self) -> list[ChannelRule]:
        return [form.rule() for form in self.forms if not form.is_blank]


def _count(data: Mapping[str, Any]) -> int:
    text = str(data.get("rules", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _initial(rule: ChannelRule) -> dict[str, Any]:
    keys = [_key(one) for one in rule.packages]
    return {"version_range": rule.version_range, "tag": rule.tag, "packages": keys}


def _key(one: RulePackage) -> str:
    """How the form names it."""
    return json.dumps(one.key)


def _label(one: RulePackage) -> str:
    return f"{one.step}, {one.name}" if one.name else one.step
