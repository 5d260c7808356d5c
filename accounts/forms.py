from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError

from accounts.addresses import client_address
from accounts.models import Role, User
from accounts.services import sign_in
from accounts.services.api_keys import LIFETIME

THEMES = [("system", "Like the system"), ("light", "Light"), ("dark", "Dark")]

ROLE_DESCRIPTIONS = {
    Role.ADMINISTRATOR: "Everything: worker pools, workers, spaces and users too.",
    Role.EDITOR: "Edits projects, runbooks, variables, environments and tenants, and runs them.",
    Role.OPERATOR: "Runs and cancels what others have set up.",
    Role.VIEWER: "Sees everything, changes nothing.",
}


class SignInForm(AuthenticationForm):
    """Counts failed attempts per user name and address, and closes the door for a while."""

    def clean(self) -> dict[str, Any]:
        username = str(self.cleaned_data.get("username") or "")
        address = client_address(self.request) if self.request else ""
        if sign_in.is_locked(username, address):
            raise ValidationError("Too many attempts. Try again in ten minutes.", code="locked")
        try:
            cleaned: dict[str, Any] = super().clean()
        except ValidationError:
            sign_in.failed(username, address)
            raise
        sign_in.succeeded(username, address)
        return cleaned


class RoleField(forms.ChoiceField):
    """A list of radios where each role says what it may do."""

    descriptions = {str(role): text for role, text in ROLE_DESCRIPTIONS.items()}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=Role.choices, widget=forms.RadioSelect, **kwargs)


class PasswordPair(forms.Form):
    """A new password, twice."""

    new_password = forms.CharField(
        label="New password",
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    repeated = forms.CharField(
        label="New password again",
        strip=False,
        max_length=200,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, person: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person
        self.fields["new_password"].help_text = "At least 12 characters, not a common password."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        password, repeated = cleaned.get("new_password"), cleaned.get("repeated")
        if password and repeated and password != repeated:
            self.add_error("repeated", "The two passwords are not the same.")
        elif password:
            self._check(password, cleaned)
        return cleaned

    def _check(self, password: str, cleaned: dict[str, Any]) -> None:
        person = self.person or User(username=cleaned.get("username", ""), email=cleaned.get("email", ""))
        try:
            validate_password(password, person)
        except ValidationError as error:
            self.add_error("new_password", error)


class UserForm(forms.Form):
    """`is_active` is for users that exist; `username` never changes."""

    display_name = forms.CharField(label="Name", max_length=120, required=False)
    email = forms.EmailField(label="E-mail", max_length=254, required=False)
    role = RoleField(initial=Role.VIEWER)
    is_active = forms.BooleanField(label="Active", required=False, help_text="May sign in.")


class NewUserForm(PasswordPair):
    username = forms.CharField(
        label="User name",
        max_length=150,
        validators=[UnicodeUsernameValidator()],
        help_text="For signing in. It cannot be changed later.",
    )
    display_name = forms.CharField(label="Name", max_length=120, required=False)
    email = forms.EmailField(label="E-mail", max_length=254, required=False)
    role = RoleField(initial=Role.VIEWER)

    field_order = ["username", "display_name", "email", "role", "new_password", "repeated"]

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=username).exists():
            raise ValidationError("There is a user of this name.")
        return username


class AccountForm(forms.Form):
    display_name = forms.CharField(label="Name", max_length=120, required=False)
    theme = forms.ChoiceField(choices=THEMES, widget=forms.RadioSelect)
    single_key_shortcuts = forms.BooleanField(
        required=False,
        label="Single-key shortcuts",
        help_text="Keys such as / and g d act without Ctrl. Turn them off if they get in your way.",
    )


class OwnPasswordForm(PasswordPair):
    current = forms.CharField(
        label="Current password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    field_order = ["current", "new_password", "repeated"]

    def clean_current(self) -> str:
        current: str = self.cleaned_data["current"]
        if self.person is None or not self.person.check_password(current):
            raise ValidationError("This is not your current password.")
        return current


class ApiKeyForm(forms.Form):
    purpose = forms.CharField(
        max_length=200, help_text="What uses it, so that you know later whether it may go."
    )
    days = forms.TypedChoiceField(
        label="Expires",
        coerce=int,
        initial=LIFETIME.days,
        choices=[
            (30, "In 30 days"),
            (90, "In 90 days"),
            (LIFETIME.days, f"In {LIFETIME.days} days"),
            (365, "In a year"),
            (0, "Never, until it is revoked"),
        ],
    )
