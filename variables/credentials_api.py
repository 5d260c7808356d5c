"""Accounts and certificates as they travel. Secrets are written and never read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.api.resources import NamedResource, ResourceView, kept, routes
from accounts.permissions import Permission
from common.api import errors
from common.api.serializers import BOOLEAN, STRING, Always, Computed, Moment, Text
from domain.accounts import ACCOUNT_KINDS
from domain.ids import IdKind
from variables.models import Account, Certificate
from variables.services import credentials, pem
from variables.services.credentials import BadFields
from variables.services.pem import BadCertificate

#: Fields of an account whose member has another name.
MEMBERS = {"Passphrase": "PrivateKeyPassphrase"}
FIELDS = {field.name: field for kind in ACCOUNT_KINDS.values() for field in kind.fields}

errors.refuse(
    BadFields,
    words=lambda error: [
        f"{MEMBERS.get(name, name)}: {message}"
        for name, message in (error.problems if isinstance(error, BadFields) else ())
    ],
)
errors.refuse(BadCertificate, words=lambda error: [f"CertificateData: {error}"])

_SENSITIVE = {
    "type": "object",
    "properties": {
        "HasValue": {"type": "boolean"},
        "NewValue": {"type": "string", "nullable": True},
        "Hint": {"type": "string", "nullable": True},
    },
}


@extend_schema_field({**_SENSITIVE, "description": "Written as NewValue; null keeps what is there."})
class Sensitive(serializers.Field[Any, Any, Any, Any]):
    """Internally the new text, empty where it is to be nothing, None where it stays. `has` tells of a row
    whether there is a value."""

    def __init__(self, *, has: Any = None, **kwargs: Any) -> None:
        self._has = has
        super().__init__(**{"required": False, "allow_null": True, **kwargs})

    def get_attribute(self, instance: Any) -> Any:
        return self._has(instance)

    def to_representation(self, value: Any) -> dict[str, Any]:
        return {"HasValue": bool(value), "NewValue": None, "Hint": None}

    def to_internal_value(self, data: Any) -> str | None:
        if isinstance(data, str):
            return data
        if not isinstance(data, Mapping):
            raise ValidationError('Send an object such as {"NewValue": "…"}.')
        given = {str(name).casefold(): value for name, value in data.items()}
        value = given.get("newvalue")
        if value is None:
            return "" if given.get("hasvalue") is False else None
        if not isinstance(value, str) or len(value) > 1_000_000:
            raise ValidationError("NewValue: send a text.")
        return value


class Nothing(serializers.ListField):
    """A restriction that clients may send empty: none of this kind is looked at, so others are refused."""

    def __init__(self) -> None:
        super().__init__(child=serializers.CharField(), required=False, default=list, max_length=0)

    def get_attribute(self, instance: Any) -> Any:
        return []


class Restrictions(NamedResource):
    EnvironmentIds = Nothing()
    TenantIds = Nothing()
    TenantTags = Nothing()
    TenantedDeploymentParticipation = Always("Untenanted")


def _has(name: str) -> Any:
    return lambda account: account.fields.get(name)


class AccountResource(Restrictions):
    """`AccountType` says which of the other members count. It cannot be changed."""

    kind = IdKind.ACCOUNT
    path = "accounts"

    AccountType = serializers.ChoiceField(list(ACCOUNT_KINDS), source="kind")
    Username = Text(required=False)
    Password = Sensitive(has=_has("Password"))
    PrivateKeyFile = Sensitive(has=_has("PrivateKeyFile"))
    PrivateKeyPassphrase = Sensitive(has=_has("Passphrase"))
    Token = Sensitive(has=_has("Token"))

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        found["Username"].get_attribute = lambda account: account.fields.get("Username", "")
        return found

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Without the members of other kinds."""
        shown = super().to_representation(instance)
        own = set(instance.spec.field_names)
        others = {MEMBERS.get(name, name) for name in FIELDS if name not in own}
        return {name: value for name, value in shown.items() if name not in others}

    def links(self, row: Any) -> dict[str, str]:
        return {"Self": self.address(row), "Web": f"/library/accounts/{row.slug}/"}


class AccountsView(ResourceView):
    model = Account
    kind = IdKind.ACCOUNT
    item_type = "Account"
    serializer_class = AccountResource
    queryset = Account.objects.none()
    edit = Permission.EDIT_CREDENTIAL
    filters = {"accountType": "Kinds, joined by commas."}

    def narrowed(self, rows: Any) -> Any:
        rows = super().narrowed(rows)
        wanted = self.query.words("accountType")
        return rows.filter(kind__in=wanted) if wanted else rows

    def make(self, data: dict[str, Any]) -> Account:
        kind = ACCOUNT_KINDS[data["kind"]]
        given = {name: data.get(MEMBERS.get(name, name)) or "" for name in kind.field_names}
        return credentials.create_account(
            space=self.space,
            name=data["name"],
            description=data["description"],
            kind=kind,
            fields=given,
            user=self.user,
        )

    def change(self, row: Account, data: dict[str, Any]) -> None:
        if data.get("kind", row.kind) != row.kind:
            raise ValidationError({"AccountType": "The kind of an account cannot be changed."})
        given = {name: data.get(MEMBERS.get(name, name)) for name in row.spec.field_names}
        values = kept(row, data, "name", "description")
        credentials.edit_account(row, fields=given, user=self.user, **values)

    def remove(self, row: Account) -> None:
        credentials.delete(row, user=self.user)


class CertificateResource(Restrictions):
    """`CertificateData` is a PEM text, or a PFX file in base64; `Password` opens it and is not kept."""

    kind = IdKind.CERTIFICATE
    path = "certificates"

    Notes = Text(source="description", max_length=2000)
    CertificateData = Sensitive(has=lambda row: row.pem)
    Password = Sensitive(has=lambda row: False)
    CertificateDataFormat = Always("Pem")
    SubjectDistinguishedName = Text(source="subject", read_only=True)
    SubjectCommonName = Text(source="common_name", read_only=True)
    IssuerDistinguishedName = Text(source="issuer", read_only=True)
    SerialNumber = Text(source="serial_number", read_only=True)
    Thumbprint = Text(source="thumbprint", read_only=True)
    NotBefore = Moment(source="not_before", read_only=True)
    NotAfter = Moment(source="not_after", read_only=True)
    HasPrivateKey = Computed(lambda row: row.has_private_key, BOOLEAN)
    IsExpired = Computed(lambda row: row.not_after <= timezone.now(), BOOLEAN)
    SelfSigned = Computed(lambda row: row.subject == row.issuer, BOOLEAN)
    CertificatePem = Computed(lambda row: row.pem, STRING)
    ChainPem = Computed(lambda row: row.chain_pem, STRING)

    def get_fields(self) -> dict[str, Any]:
        found = super().get_fields()
        del found["Description"]
        return found

    def links(self, row: Any) -> dict[str, str]:
        return {"Self": self.address(row), "Web": f"/library/certificates/{row.slug}/"}


class CertificatesView(ResourceView):
    model = Certificate
    kind = IdKind.CERTIFICATE
    item_type = "Certificate"
    serializer_class = CertificateResource
    queryset = Certificate.objects.none()
    edit = Permission.EDIT_CREDENTIAL

    def make(self, data: dict[str, Any]) -> Certificate:
        content = _content(data)
        if content is None:
            raise ValidationError({"CertificateData": "Send the certificate."})
        return credentials.create_certificate(
            space=self.space,
            name=data["name"],
            description=data["description"],
            content=content,
            user=self.user,
        )

    def change(self, row: Certificate, data: dict[str, Any]) -> None:
        """With `CertificateData` it is replaced, key and all."""
        values = kept(row, data, "name", "description")
        credentials.edit_certificate(row, content=_content(data), user=self.user, **values)

    def remove(self, row: Certificate) -> None:
        credentials.delete(row, user=self.user)


def _content(data: Mapping[str, Any]) -> pem.Content | None:
    """None where nothing is sent."""
    text = data.get("CertificateData")
    if not text:
        return None
    return pem.read(_bytes(text), password=data.get("Password") or "")


def _bytes(text: str) -> bytes:
    if "-----BEGIN" in text:
        return text.encode()
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValidationError({"CertificateData": "Send a PEM text, or a file in base64."}) from error


ROUTES = [*routes(AccountsView, "accounts"), *routes(CertificatesView, "certificates")]
