"""What ui/field.html needs to show a form field: its label, control, hint and errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.forms.boundfield import BoundField, BoundWidget
from django.utils.safestring import SafeString

CLASSES = {"select": "select", "text": "input", "textarea": "input"}


@dataclass(frozen=True)
class Option:
    """One radio or checkbox of a choice field."""

    tag: SafeString
    label: str
    description: str


def kind_of(widget: forms.Widget) -> str:
    """How a widget is laid out: hidden, checkbox, checks, radios, select, textarea or text."""
    kinds: tuple[tuple[type[forms.Widget], str], ...] = (
        (forms.CheckboxSelectMultiple, "checks"),
        (forms.RadioSelect, "radios"),
        (forms.CheckboxInput, "checkbox"),
        (forms.Select, "select"),
        (forms.Textarea, "textarea"),
    )
    if widget.is_hidden:
        return "hidden"
    return next((kind for cls, kind in kinds if isinstance(widget, cls)), "text")


def field_context(
    bound: BoundField, *, label: str = "", hint: str = "", kind: str = "", css: str = "", **attrs: Any
) -> dict[str, Any]:
    """Context of `ui/field.html`. `kind` may ask for `switch` (checkbox) or `seg` (radios).

    Other keywords become attributes of the control: `placeholder="CHG-"`, `hx_get="..."`, `autofocus=True`.
    """
    kind = kind or kind_of(bound.field.widget)
    hint = hint or str(bound.help_text)
    several = kind in ("radios", "checks", "seg")
    described = _described_by(bound, hint=hint)
    return {
        "field": bound,
        "kind": kind,
        "label": label or bound.label,
        "hint": hint,
        "hint_id": f"{bound.auto_id}_hint",
        "error_id": f"{bound.auto_id}_error",
        "described_by": described,
        "optional": not bound.field.required and kind in CLASSES,
        "options": _options(bound) if several else [],
        "control": "" if several else _control(bound, kind=kind, css=css, described=described, attrs=attrs),
    }


def _described_by(bound: BoundField, *, hint: str) -> str:
    ids = [f"{bound.auto_id}_hint"] if hint else []
    if bound.errors:
        ids.append(f"{bound.auto_id}_error")
    return " ".join(ids)


def _control(
    bound: BoundField, *, kind: str, css: str, described: str, attrs: Mapping[str, Any]
) -> SafeString:
    given = {name.replace("_", "-"): value for name, value in attrs.items()}
    classes = [CLASSES.get(kind, ""), str(bound.field.widget.attrs.get("class", "")), css]
    given["class"] = " ".join(part for part in classes if part)
    if not given["class"]:
        del given["class"]
    if described:
        given["aria-describedby"] = described
    if bound.errors:
        given["aria-invalid"] = "true"
    if kind == "switch":
        given["role"] = "switch"
    return bound.as_widget(attrs=given)


def _options(bound: BoundField) -> list[Option]:
    descriptions: Mapping[str, str] = getattr(bound.field, "descriptions", {})
    return [_option(widget, descriptions) for widget in bound.subwidgets]


def _option(widget: BoundWidget, descriptions: Mapping[str, str]) -> Option:
    value = str(widget.data.get("value", ""))
    return Option(tag=widget.tag(), label=str(widget.choice_label), description=descriptions.get(value, ""))


def form_problems(form: forms.BaseForm) -> list[str]:
    """Errors of a form that no visible field can show: of the form as a whole, and of hidden fields."""
    hidden = [f"{field.label}: {error}" for field in form.hidden_fields() for error in field.errors]
    return [str(error) for error in form.non_field_errors()] + hidden
