"""One value on a page of its own: what the table offers, without script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet

from domain.scopes import Kind
from domain.variables import VariableType
from pools.models import WorkerPool
from variables import selectors
from variables.grid import keys_of, scope_from_keys
from variables.models import Type, Variable
from variables.scope_sources import ScopeOption
from variables.services.rows import Row

HEADINGS = {
    Kind.ENVIRONMENT: "Environments",
    Kind.TENANT_TAG: "Tenant tags",
    Kind.TENANT: "Tenants",
    Kind.PROCESS: "Processes",
    Kind.ACTION: "Steps",
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
    pool = forms.ModelChoiceField(
        WorkerPool.objects.none(),
        required=False,
        label="Worker pool",
        empty_label="Choose a worker pool",
        error_messages={"required": "Choose a worker pool."},
    )
    scope = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "The scope names something that does not exist here."},
    )
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(
        self,
        *args: Any,
        pools: QuerySet[WorkerPool],
        options: Sequence[ScopeOption],
        variable: Variable | None = None,
        **kwargs: Any,
    ) -> None:
        self.variable = variable
        kept = keys_of(selectors.scope_of(variable)) if variable else ()
        if variable is not None:
            kwargs["initial"] = _initial(variable, kept)
        super().__init__(*args, **kwargs)
        self.fields["pool"].queryset = pools  # type: ignore[attr-defined]
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
        self.fields["secret"].required = chosen in (None, Type.SENSITIVE) and not has_secret
        self.fields["pool"].required = chosen in (None, Type.WORKER_POOL)

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
        )

    def _value(self, kind: VariableType) -> str | None:
        data = self.cleaned_data
        if kind is VariableType.WORKER_POOL:
            return str(data["pool"].pk) if data["pool"] else ""
        if kind is VariableType.STRING:
            return str(data["text"]).replace("\r\n", "\n")
        keeps = self.variable is not None and self.variable.type == Type.SENSITIVE and not data["secret"]
        return None if keeps else data["secret"]


def _initial(variable: Variable, scope: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": variable.name,
        "type": variable.type,
        "text": variable.value if variable.type == Type.STRING else "",
        "pool": variable.value if variable.type == Type.WORKER_POOL else None,
        "scope": list(scope),
        "description": variable.description,
    }
