"""A step that is made from a step template: its form is made of the template's parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import new_class
from typing import Any, cast

from django import forms
from django.forms.boundfield import BoundField

from domain import step_templates
from domain.step_templates import LONGEST_TEXT, Control, Parameter, Template
from processes.action_types.base import ActionForm, ActionType
from processes.action_types.worker import ConditionsForm, WorkerForm
from processes.models import ActionTemplate
from processes.services.steps import StepFields

SLUG = "template-"
_WIDGETS: dict[Control, Callable[[], forms.Widget]] = {
    Control.LINES: partial(forms.Textarea, attrs={"rows": 6}),
    Control.CHECKBOX: forms.CheckboxInput,
}


class _FromTemplate(ActionForm):
    """What is the same for all templates. `made_from`, `version` and `content` are those of one."""

    made_from: int
    content: Template

    @classmethod
    def names(cls) -> Iterator[tuple[str, Parameter]]:
        for number, parameter in enumerate(cls.content.parameters, start=1):
            yield f"parameter_{number}", parameter

    def parameter_fields(self) -> list[tuple[BoundField, Parameter]]:
        """For the page."""
        return [(self[name], parameter) for name, parameter in self.names()]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        for name, parameter in self.names():
            if name in data and (objection := parameter.objection(self._value(name))):
                self.add_error(name, objection)
        return data

    def _value(self, name: str) -> str:
        value = self.cleaned_data[name]
        return {True: "True", False: "False"}[value] if isinstance(value, bool) else _unix(value)

    def properties(self) -> dict[str, str]:
        values = {parameter.name: self._value(name) for name, parameter in self.names()}
        own = step_templates.own_settings(self.initial.get("stored", {}), self.content.properties)
        # Of what it has of its own, the form says what stays: tries and time.
        known = {name: value for name, value in own.items() if name not in _CONDITIONS}
        settings = step_templates.settings_of(
            id=self.made_from,
            version=self.content.version,
            properties=self.content.properties,
            values=values,
        )
        conditions = self.conditions() if isinstance(self, ConditionsForm) else {}
        return {**known, **settings, **conditions}

    @classmethod
    def initial_of(cls, fields: StepFields, *, pool_variables: Sequence[str]) -> dict[str, Any]:
        found = super().initial_of(fields, pool_variables=pool_variables)
        return {**found, "stored": dict(fields.properties)}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        is_made = step_templates.origin(properties) is not None
        return {
            name: _initial(parameter, properties.get(parameter.name, "" if is_made else parameter.default))
            for name, parameter in cls.names()
        }


_CONDITIONS = frozenset(
    {
        "Octopus.Action.AutoRetry.MaximumCount",
        "Octopus.Action.AutoRetry.MinimumBackoff",
        "Octoworkers.Action.AutoRetry.Backoff",
        "Octoworkers.Action.AutoRetry.ExitCodes",
        "Octopus.Action.ExecutionTimeout.Minutes",
        "Octoworkers.Action.UnknownOutcome",
    }
)


class _OnServer(ConditionsForm, ActionForm):
    @classmethod
    def initial_of(cls, fields: StepFields, *, pool_variables: Sequence[str]) -> dict[str, Any]:
        found = super().initial_of(fields, pool_variables=pool_variables)
        return {**found, **cls.initial_conditions(fields.properties)}


def _initial(parameter: Parameter, value: str) -> Any:
    if parameter.control is Control.CHECKBOX:
        return value.strip().casefold() == "true"
    return value


def _unix(value: object) -> str:
    return str(value or "").replace("\r\n", "\n")


def _field(parameter: Parameter) -> forms.Field:
    if parameter.control is Control.CHECKBOX:
        return forms.BooleanField(required=False, label=parameter.title, initial=parameter.default)
    widget = _WIDGETS.get(parameter.control, forms.TextInput)
    return forms.CharField(
        required=False,
        strip=False,
        max_length=LONGEST_TEXT,
        label=parameter.title,
        initial=parameter.default,
        widget=widget(),
    )


def type_of(template: ActionTemplate, content: Template, base: ActionType) -> ActionType:
    """The type of steps that are made from this version of a template; `base` is that of its action."""
    first: type[ActionForm] = WorkerForm if base.runs_on_worker else _OnServer
    fields: dict[str, Any] = {"made_from": template.pk, "content": content}
    for number, parameter in enumerate(content.parameters, start=1):
        fields[f"parameter_{number}"] = _field(parameter)
    made = new_class("TemplateForm", (_FromTemplate, first), exec_body=lambda body: body.update(fields))
    form = cast("type[ActionForm]", made)
    return ActionType(
        key=base.key,
        slug=f"{SLUG}{template.pk}",
        name=template.name,
        description=_first_line(content.description) or f"A step template, {base.name}.",
        icon=base.icon,
        form=form,
        template="processes/types/_template.html",
        place=base.place,
    )


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")[:200]
