from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from domain.processes import EMAIL_ACTION
from domain.step_types import email as names
from domain.step_types.email import Priority, address_fault
from processes.action_types.base import ActionForm, ActionType
from processes.action_types.worker import ConditionsForm

LONGEST_BODY = 200_000
_FIELDS = {
    "to": names.TO,
    "cc": names.CC,
    "bcc": names.BCC,
    "subject": names.SUBJECT,
    "body": names.BODY,
}


def _addresses(label: str) -> forms.CharField:
    return forms.CharField(required=False, max_length=10_000, label=label)


class EmailForm(ConditionsForm, ActionForm):
    """Send an e-mail: what is in it, and to whom it goes."""

    to = _addresses("To")
    cc = _addresses("Cc")
    bcc = _addresses("Bcc")
    subject = forms.CharField(
        max_length=names.LONGEST_SUBJECT,
        label="Subject",
        error_messages={"required": "Enter a subject."},
    )
    body = forms.CharField(
        required=False, max_length=LONGEST_BODY, widget=forms.Textarea(attrs={"rows": 10}), label="Body"
    )
    body_format = forms.ChoiceField(
        required=False,
        choices=[("text", "Plain text"), ("html", "HTML")],
        initial="text",
        widget=forms.RadioSelect,
        label="The body is",
    )
    priority = forms.ChoiceField(
        required=False,
        choices=[(one.value, one.value) for one in Priority],
        initial=Priority.NORMAL.value,
        label="Priority",
    )

    def _clean_addresses(self, field: str) -> str:
        text = str(self.cleaned_data[field]).strip()
        if sentence := address_fault(text):
            raise forms.ValidationError(sentence)
        return text

    def clean_to(self) -> str:
        return self._clean_addresses("to")

    def clean_cc(self) -> str:
        return self._clean_addresses("cc")

    def clean_bcc(self) -> str:
        return self._clean_addresses("bcc")

    def clean_body(self) -> str:
        return str(self.cleaned_data["body"]).replace("\r\n", "\n")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not any(data.get(name) for name in ("to", "cc", "bcc")) and not self.errors.keys() & {
            "to",
            "cc",
            "bcc",
        }:
            self.add_error("to", "Enter at least one address, or a variable that holds some.")
        return data

    def properties(self) -> dict[str, str]:
        data = self.cleaned_data
        found = {name: data[field] for field, name in _FIELDS.items() if data[field]}
        if data["priority"] and data["priority"] != Priority.NORMAL:
            found[names.PRIORITY] = data["priority"]
        is_html = "True" if data["body_format"] == "html" else "False"
        return {**found, names.IS_HTML: is_html, **self.conditions()}

    @classmethod
    def initial_properties(cls, properties: Mapping[str, str]) -> dict[str, Any]:
        is_html = properties.get(names.IS_HTML, "").casefold() == "true"
        return {
            **{field: properties.get(name, "") for field, name in _FIELDS.items()},
            "body_format": "html" if is_html else "text",
            "priority": properties.get(names.PRIORITY) or Priority.NORMAL.value,
            **cls.initial_conditions(properties),
        }


SEND_EMAIL = ActionType(
    key=EMAIL_ACTION,
    slug="send-an-email",
    name="Send an e-mail",
    description="Sends an e-mail by the mail server of this server’s settings.",
    icon="message-square-more",
    form=EmailForm,
    template="processes/types/_email.html",
    place="Server",
)
