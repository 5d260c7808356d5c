"""What tenants are asked for, on a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.prompts import FALSE, TRUE, Control, Prompt
from variables.models import VariableTemplate
from variables.services.templates import TemplateRefused

CONTROLS = (
    (Control.SINGLE_LINE, "Text of one line"),
    (Control.MULTI_LINE, "Text of several lines"),
    (Control.CHECKBOX, "Checkbox: True or False"),
    (Control.SELECT, "Choice"),
    (Control.SENSITIVE, "Secret: hidden and masked"),
    (Control.WORKER_POOL, "Worker pool"),
)
_DEFAULTS = {
    Control.SINGLE_LINE: "text",
    Control.MULTI_LINE: "lines",
    Control.CHECKBOX: "box",
    Control.SELECT: "choice",
    Control.SENSITIVE: "secret",
    Control.WORKER_POOL: "pool",
}
"""The field for the default of each."""
_DEFAULT = "Default"
_NONE = "Where there is none, every tenant needs a value of its own."


class TemplateForm(forms.Form):
    """A name, how tenants are asked, and what stands in where they give nothing."""

    # The fields of the controls that are not chosen are hidden; a browser must not insist on them.
    use_required_attribute = False

    name = forms.CharField(max_length=200, help_text="Scripts refer to it by #{Name}.")
    label = forms.CharField(required=False, max_length=200, help_text="The name of the variable where empty.")
    help = forms.CharField(required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))
    control = forms.ChoiceField(label="Field", choices=CONTROLS, initial=Control.SINGLE_LINE)
    text = forms.CharField(required=False, strip=False, label=_DEFAULT, help_text=_NONE)
    lines = forms.CharField(
        required=False, strip=False, label=_DEFAULT, widget=forms.Textarea(attrs={"rows": 4}), help_text=_NONE
    )
    box = forms.BooleanField(required=False, label="Ticked by default")
    options = forms.CharField(
        required=False,
        max_length=20_000,
        label="Choices",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One a line, as value or as value|label.",
    )
    choice = forms.CharField(
        required=False, label=_DEFAULT, help_text=f"The value of one of the choices. {_NONE}"
    )
    secret = forms.CharField(
        required=False,
        strip=False,
        label=_DEFAULT,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_NONE,
    )
    pool = forms.ChoiceField(required=False, label=_DEFAULT, help_text=_NONE)

    def __init__(
        self,
        *args: Any,
        pools: Mapping[str, str],
        template: VariableTemplate | None = None,
        **kwargs: Any,
    ) -> None:
        self.template = template
        if template is not None:
            kwargs["initial"] = _initial(template)
        super().__init__(*args, **kwargs)
        self.fields["pool"].choices = [("", "None"), *pools.items()]  # type: ignore[attr-defined]
        if self._keeps_secret:
            self.fields["secret"].help_text = "One is stored and never shown. Leave this empty to keep it."

    @property
    def _keeps_secret(self) -> bool:
        stored = self.template
        return stored is not None and stored.control == Control.SENSITIVE and bool(stored.default)

    def controls(self) -> list[tuple[Any, str, list[forms.BoundField]]]:
        """Each control's radio button, the id of what it opens, and the fields there."""
        found = []
        for option in self["control"]:
            control = Control(option.data["value"])
            names = (["options"] if control is Control.SELECT else []) + [_DEFAULTS[control]]
            found.append((option, f"control-{control}", [self[name] for name in names]))
        return found

    @property
    def chosen(self) -> Control:
        return Control(self.cleaned_data["control"])

    def ask(self) -> Prompt:
        """Only after `is_valid`."""
        data = self.cleaned_data
        return Prompt(
            label=data["label"],
            help=data["help"],
            required=True,
            control=self.chosen,
            options=data["options"].replace("\r\n", "\n") if self.chosen is Control.SELECT else "",
        )

    def default(self) -> str | None:
        """In the clear; None keeps the secret that is stored."""
        value = self.cleaned_data[_DEFAULTS[self.chosen]]
        if self.chosen is Control.CHECKBOX:
            return TRUE if value else FALSE
        if self.chosen is Control.SENSITIVE and not value and self._keeps_secret:
            return None
        return str(value).replace("\r\n", "\n")

    def refuse(self, refused: TemplateRefused) -> None:
        """Puts what the service says beside the field."""
        field = _DEFAULTS[self.chosen] if refused.field == "default" else refused.field
        self.add_error(field, str(refused))


def _initial(template: VariableTemplate) -> dict[str, Any]:
    control = Control(template.control)
    default: Any = template.default
    if control is Control.CHECKBOX:
        default = template.default == TRUE
    if control is Control.SENSITIVE:
        default = ""
    return {
        "name": template.name,
        "label": template.label,
        "help": template.help,
        "control": control,
        "options": template.options,
        _DEFAULTS[control]: default,
    }
