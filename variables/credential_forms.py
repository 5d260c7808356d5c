"""Forms of accounts and certificates. What is secret goes in and never comes back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile

from domain.accounts import ACCOUNT_KINDS, AccountField, AccountKind, problems
from spaces.forms import NamedForm
from variables.models import Account, Certificate
from variables.services import pem

KEPT = "One is stored and never shown. Leave this empty to keep it."


class AccountForm(NamedForm):
    """The fields of each kind; of a new account the chosen kind counts, a stored one keeps its kind."""

    model = Account

    # The fields of the kinds that are not chosen are hidden; a browser must not insist on them.
    use_required_attribute = False

    kind = forms.ChoiceField(
        choices=[(kind.wire, kind.label) for kind in ACCOUNT_KINDS.values()],
        initial=next(iter(ACCOUNT_KINDS)),
        error_messages={"required": "Choose what kind of account it is."},
    )

    def __init__(self, *args: Any, instance: Account | None = None, **kwargs: Any) -> None:
        super().__init__(*args, instance=instance, **kwargs)
        self.account = instance
        kinds = [instance.spec] if instance else ACCOUNT_KINDS.values()
        for kind in kinds:
            for one in kind.fields:
                self.fields[_key(kind, one)] = _field(one, instance)
        if instance is not None:
            del self.fields["kind"]
        self._require_chosen()

    def _require_chosen(self) -> None:
        """Before anything is chosen each kind's fields say which of them have to be filled in."""
        chosen = self["kind"].value() if self.is_bound and self.account is None else None
        for kind in [self.account.spec] if self.account else ACCOUNT_KINDS.values():
            for one in kind.fields:
                has_secret = self.account is not None and one.is_secret and one.name in self.account.fields
                is_wanted = one.is_required and chosen in (None, kind.wire)
                self.fields[_key(kind, one)].required = is_wanted and not has_secret

    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """Each kind's radio button with its fields; one group without a button for a stored account."""
        if self.account is not None:
            return [(None, self._fields_of(self.account.spec))]
        return [(option, self._fields_of(ACCOUNT_KINDS[option.data["value"]])) for option in self["kind"]]

    def _fields_of(self, kind: AccountKind) -> list[forms.BoundField]:
        return [self[_key(kind, one)] for one in kind.fields]

    @property
    def spec(self) -> AccountKind:
        return self.account.spec if self.account else ACCOUNT_KINDS[self.cleaned_data["kind"]]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.account is not None or data.get("kind"):
            kept = {name: value for name, value in self.values().items() if value is not None}
            stored = self._stored() if self.account else {}
            for name, message in problems(self.spec, stored | kept):
                key = f"{self.spec.wire}-{name}"
                if key not in self.errors:
                    self.add_error(key, message)
        return data

    def _stored(self) -> dict[str, str]:
        """Stands for the secrets that stay: they were checked when they were stored."""
        assert self.account is not None  # noqa: S101  # asked for a stored account alone
        return {
            one.name: "PRIVATE KEY" if self.account.fields.get(one.name) else "" for one in self.spec.fields
        }

    def values(self) -> dict[str, str | None]:
        """By the field's name; None for a secret that stays as it is stored."""
        found: dict[str, str | None] = {}
        for one in self.spec.fields:
            value = str(self.cleaned_data.get(_key(self.spec, one), "")).replace("\r\n", "\n")
            keeps = self.account is not None and one.is_secret and not value
            found[one.name] = None if keeps else value
        return found


def _key(kind: AccountKind, field: AccountField) -> str:
    return f"{kind.wire}-{field.name}"


def _field(one: AccountField, account: Account | None) -> forms.CharField:
    stored = account.fields.get(one.name, "") if account else ""
    return forms.CharField(
        label=one.label,
        required=False,
        strip=not one.is_secret,
        max_length=20_000,
        initial="" if one.is_secret else stored,
        widget=_widget(one),
        help_text=KEPT if one.is_secret and stored else one.help,
        error_messages={"required": f"Enter the {one.label.lower()}."},
    )


def _widget(one: AccountField) -> forms.Widget:
    if one.is_long:
        return forms.Textarea(
            attrs={"rows": 4, "class": "mono", "spellcheck": "false", "autocomplete": "off"}
        )
    if one.is_secret:
        return forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})


class CertificateForm(NamedForm):
    model = Certificate

    file = forms.FileField(
        required=False,
        label="File",
        help_text="PEM or PFX, with the private key and the chain if you have them.",
    )
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=pem.MOST_BYTES,
        label="Or as text",
        widget=forms.Textarea(
            attrs={"rows": 5, "class": "mono", "spellcheck": "false", "autocomplete": "off"}
        ),
        help_text="One or more blocks from BEGIN to END.",
    )
    password = forms.CharField(
        required=False,
        strip=False,
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Of a PFX file or an encrypted private key. It is used once and not stored.",
    )

    content: pem.Content | None = None

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        raw = self._raw(data)
        if not raw:
            if self.instance is None:
                self.add_error("file", "Choose a file, or paste the certificate below.")
            return data
        try:
            self.content = pem.read(raw, password=data.get("password", ""))
        except pem.BadCertificate as problem:
            self.add_error("file" if data.get("file") else "text", str(problem))
        return data

    def _raw(self, data: dict[str, Any]) -> bytes:
        file = data.get("file")
        if isinstance(file, UploadedFile):
            # One byte more than is read, so that a larger file is told to be too large.
            return bytes(file.read(pem.MOST_BYTES + 1))
        return str(data.get("text") or "").encode()
