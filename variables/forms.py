"""One value on a page of its own: what the table offers, without script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from domain.answers import for_type
from domain.labels import article
from domain.prompts import Control, Prompt
from domain.scopes import Kind
from domain.variables import REFERENCES, TYPE_NOUN, VariableType
from variables import selectors
from variables.grid import keys_of, scope_from_keys
from variables.models import Type, Variable
from variables.references import Choices
from variables.scope_sources import ScopeOption
from variables.services.prompts import prompt_of
from variables.services.rows import Row

FIELDS = {
    VariableType.STRING: "text",
    VariableType.SENSITIVE: "secret",
    VariableType.WORKER_POOL: "pool",
    VariableType.CERTIFICATE: "certificate",
    VariableType.USERNAME_PASSWORD: "login",
    VariableType.SSH_KEY: "ssh_key",
    VariableType.TOKEN: "token",
}
"""The field for the value of each type."""
HEADINGS = {
    Kind.ENVIRONMENT: "Environments",
    Kind.TENANT_TAG: "Tenant tags",
    Kind.TENANT: "Tenants",
    Kind.PROCESS: "Processes",
    Kind.ACTION: "Steps",
    Kind.CHANNEL: "Channels",
    Kind.MACHINE: "Targets",
    Kind.ROLE: "Target tags",
}


class ValueForm(forms.Form):
    """A name, a type, a value of it, and where it applies."""

    # The fields of the types that are not chosen are hidden; a browser must not insist on them.
    use_required_attribute = False

    name = forms.CharField(max_length=200, help_text="Scripts refer to it by #{Name}.")
    type = forms.ChoiceField(choices=Type.choices, initial=Type.STRING)
    text = forms.CharField(
        required=False, strip=False, widget=forms.Textarea(attrs={"rows": 2}), label="Value"
    )
    secret = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        label="Sensitive value",
        error_messages={"required": "Enter the sensitive value."},
    )
    scope = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "The scope names something that does not exist here."},
    )
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    is_asked = forms.BooleanField(
        required=False,
        label="Ask for a value when a run starts",
        help_text="The value above is what stands in the field at first.",
    )
    prompt_label = forms.CharField(
        required=False, max_length=200, label="Label", help_text="The name of the variable where empty."
    )
    prompt_help = forms.CharField(
        required=False, max_length=2000, label="Help", widget=forms.Textarea(attrs={"rows": 2})
    )
    prompt_required = forms.BooleanField(required=False, label="A run needs a value")
    prompt_control = forms.ChoiceField(
        required=False,
        label="Field",
        choices=[
            (Control.SINGLE_LINE, "Text of one line"),
            (Control.MULTI_LINE, "Text of several lines"),
            (Control.CHECKBOX, "Checkbox: True or False"),
            (Control.SELECT, "Choice"),
            (Control.SENSITIVE, "Secret: hidden and masked"),
        ],
        help_text="Worker pools are chosen from a list, and sensitive values are always hidden.",
    )
    prompt_options = forms.CharField(
        required=False,
        max_length=20_000,
        label="Choices",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One a line, as value or as value|label. A choice may depend on an earlier answer: "
        '#{if Region == "EU"}dublin|Dublin#{/if}',
    )

    def __init__(
        self,
        *args: Any,
        choices: Choices,
        options: Sequence[ScopeOption],
        variable: Variable | None = None,
        **kwargs: Any,
    ) -> None:
        self.variable = variable
        kept = keys_of(selectors.scope_of(variable)) if variable else ()
        if variable is not None:
            kwargs["initial"] = _initial(variable, kept)
        super().__init__(*args, **kwargs)
        for type, names in choices.items():
            self.fields[FIELDS[type]] = _reference_field(type, names)
        known = {option.key for option in options}
        gone = [(key, "deleted") for key in kept if key not in known]
        self.options = options
        self.fields["scope"].choices = [(one.key, one.label) for one in options] + gone  # type: ignore[attr-defined]
        if variable is not None and variable.type == Type.SENSITIVE:
            self.fields["secret"].help_text = "One is stored and never shown. Leave this empty to keep it."
        self._require_chosen()

    def _require_chosen(self) -> None:
        """Before anything is chosen each type's field says that it has to be filled in."""
        chosen = self["type"].value() if self.is_bound else None
        has_secret = self.variable is not None and self.variable.type == Type.SENSITIVE
        may_be_empty = has_secret or bool(self.is_bound and self["is_asked"].value())
        self.fields["secret"].required = chosen in (None, Type.SENSITIVE) and not may_be_empty
        for type in REFERENCES:
            self.fields[FIELDS[type]].required = chosen in (None, type)

    def types(self) -> list[tuple[Any, forms.BoundField]]:
        """Each type's radio button with the field that it opens."""
        return [(option, self[FIELDS[VariableType(option.data["value"])]]) for option in self["type"]]

    def scope_groups(self) -> list[tuple[str, list[tuple[ScopeOption, bool]]]]:
        """Headings with their choices and whether each is chosen."""
        chosen = set(self["scope"].value() or ())
        return [
            (heading, [(one, one.key in chosen) for one in self.options if one.kind is kind])
            for kind, heading in HEADINGS.items()
            if any(one.kind is kind for one in self.options)
        ]

    def row(self) -> Row:
        """What the valid form says."""
        data = self.cleaned_data
        kind = VariableType(data["type"])
        return Row(
            id=self.variable.pk if self.variable else None,
            name=data["name"],
            type=kind,
            value=self._value(kind),
            scope=scope_from_keys(data["scope"]),
            description=data["description"],
            prompt=self._prompt(kind),
        )

    def _prompt(self, kind: VariableType) -> Prompt | None:
        data = self.cleaned_data
        if not data["is_asked"]:
            return None
        prompt = Prompt(
            label=data["prompt_label"],
            help=data["prompt_help"],
            required=data["prompt_required"],
            control=Control(data["prompt_control"] or Control.SINGLE_LINE),
            options=data["prompt_options"].replace("\r\n", "\n"),
        )
        return for_type(prompt, kind)

    def _value(self, kind: VariableType) -> str | None:
        data = self.cleaned_data
        if kind in REFERENCES:
            return str(data[FIELDS[kind]])
        if kind is VariableType.STRING:
            return str(data["text"]).replace("\r\n", "\n")
        keeps = self.variable is not None and self.variable.type == Type.SENSITIVE and not data["secret"]
        return None if keeps else data["secret"]


def _reference_field(type: VariableType, names: Mapping[str, str]) -> forms.ChoiceField:
    ask = f"Choose {article(TYPE_NOUN[type])}."
    return forms.ChoiceField(
        required=False,
        label=TYPE_NOUN[type][:1].upper() + TYPE_NOUN[type][1:],
        choices=[("", ask.removesuffix(".")), *names.items()],
        error_messages={"required": ask, "invalid_choice": f"Select a valid choice. {ask}"},
    )


def _initial(variable: Variable, scope: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": variable.name,
        "type": variable.type,
        FIELDS[VariableType(variable.type)]: "" if variable.type == Type.SENSITIVE else variable.value,
        "scope": list(scope),
        "description": variable.description,
        **_prompt_initial(prompt_of(variable.prompt)),
    }


def _prompt_initial(prompt: Prompt | None) -> dict[str, Any]:
    if prompt is None:
        return {}
    return {
        "is_asked": True,
        "prompt_label": prompt.label,
        "prompt_help": prompt.help,
        "prompt_required": prompt.required,
        "prompt_control": prompt.control,
        "prompt_options": prompt.options,
    }
