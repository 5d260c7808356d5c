"""Accounts and certificates: the only writer of both, and what their variables give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.permissions import Permission, require
from accounts.services import events
from common.slugs import unique_slug
from common.usage import delete_unused
from domain.accounts import AccountKind, problems, sub_values
from domain.variables import Candidate, SubValue, VariableType
from spaces.models import Space
from variables import references
from variables.models import Account, Certificate
from variables.services import pem
from variables.services.sealing import seal, unseal


class BadFields(ValueError):
    """What was given cannot be kept; `problems` are (field, message)."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(" ".join(message for _, message in problems))
        self.problems = list(problems)


# --- Accounts -------------------------------------------------------------------------------------


@transaction.atomic
def create_account(
    *,
    space: Space,
    name: str,
    description: str = "",
    kind: AccountKind,
    fields: Mapping[str, str],
    user: User | None = None,
) -> Account:
    """`fields` in the clear, by name.

    Raises BadFields or NotAllowed; IntegrityError where the name is taken.
    """
    _require(user)
    if found := list(problems(kind, fields)):
        raise BadFields(found)
    slug = unique_slug(name, Account.objects.in_space(space), fallback="account")
    account = Account.objects.create(
        space=space, name=name, slug=slug, description=description, kind=kind.wire, updated_by=_by(user)
    )
    account.fields = _sealed(account, fields)
    account.save(update_fields=["fields"])
    _record(account, "account", "Created", user)
    return account


@transaction.atomic
def edit_account(
    account: Account, *, name: str, description: str, fields: Mapping[str, str | None], user: User | None
) -> Account:
    """A field that is None stays as it is. Raises BadFields or NotAllowed."""
    _require(user)
    kept = _opened(account)
    merged = {key: kept.get(key, "") if value is None else value for key, value in fields.items()}
    if found := list(problems(account.spec, merged)):
        raise BadFields(found)
    changed = sorted(key for key, value in merged.items() if value != kept.get(key, ""))
    account.name, account.description, account.updated_by = name, description, _by(user)
    same = {key: account.fields[key] for key in merged if key not in changed and key in account.fields}
    account.fields = _sealed(account, merged) | same
    account.save()
    _record(account, "account", "Modified", user, details={"fields": changed})
    return account


def _opened(account: Account) -> dict[str, str]:
    secret = {one.name for one in account.spec.fields if one.is_secret}
    return {
        name: unseal(value) if name in secret and value else value for name, value in account.fields.items()
    }


def _sealed(account: Account, fields: Mapping[str, str]) -> dict[str, str]:
    context = f"account-{account.pk}"
    return {
        one.name: seal(value, context=context) if one.is_secret and value else value
        for one in account.spec.fields
        for value in [fields.get(one.name, "")]
    }


# --- Certificates ---------------------------------------------------------------------------------


@transaction.atomic
def create_certificate(
    *, space: Space, name: str, description: str = "", content: pem.Content, user: User | None = None
) -> Certificate:
    """Raises NotAllowed; IntegrityError where the name is taken. `pem.read` gives the content."""
    _require(user)
    certificate = Certificate(
        space=space,
        name=name,
        slug=unique_slug(name, Certificate.objects.in_space(space), fallback="certificate"),
        description=description,
        **_columns(content),
        updated_by=_by(user),
    )
    certificate.save()
    _seal_key(certificate, content)
    _record(certificate, "certificate", "Created", user)
    return certificate


@transaction.atomic
def edit_certificate(
    certificate: Certificate, *, name: str, description: str, content: pem.Content | None, user: User | None
) -> Certificate:
    """With `content` it is replaced, key and all; what uses it gets the new one from its next run on."""
    _require(user)
    certificate.name, certificate.description, certificate.updated_by = name, description, _by(user)
    if content is not None:
        for column, value in _columns(content).items():
            setattr(certificate, column, value)
    certificate.save()
    if content is not None:
        _seal_key(certificate, content)
    details = {"replaced": certificate.thumbprint} if content is not None else {}
    _record(certificate, "certificate", "Modified", user, details=details)
    return certificate


def _columns(content: pem.Content) -> dict[str, Any]:
    return {
        "pem": content.pem,
        "chain_pem": content.chain_pem,
        "subject": content.subject,
        "common_name": content.common_name,
        "issuer": content.issuer,
        "serial_number": content.serial_number,
        "thumbprint": content.thumbprint,
        "not_before": content.not_before,
        "not_after": content.not_after,
    }


def _seal_key(certificate: Certificate, content: pem.Content) -> None:
    context = f"certificate-{certificate.pk}"
    certificate.private_key = seal(content.private_key, context=context) if content.private_key else ""
    certificate.save(update_fields=["private_key"])


# --- Both -----------------------------------------------------------------------------------------


@transaction.atomic
def delete(subject: Account | Certificate, *, user: User | None) -> None:
    """Raises `common.usage.InUse` or NotAllowed."""
    _require(user)
    noun = "account" if isinstance(subject, Account) else "certificate"
    _record(subject, noun, "Deleted", user)
    delete_unused(subject)


def with_parts(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates, with what their accounts and certificates hold now; one that is gone has no parts."""
    found = references.find(candidates)
    return [_with_parts(one, found.get((one.type, one.value))) for one in candidates]


def _with_parts(candidate: Candidate, holder: Account | Certificate | None) -> Candidate:
    if holder is None:
        return candidate
    parts = (
        sub_values(holder.spec, holder.fields) if isinstance(holder, Account) else certificate_parts(holder)
    )
    return replace(candidate, parts=parts, label=holder.name)


def certificate_parts(one: Certificate) -> tuple[SubValue, ...]:
    """Under Octopus's names; `Certificate` is the DER in base64, `Pem` the same as `CertificatePem`."""
    public = {
        "Name": one.name,
        "Thumbprint": one.thumbprint,
        "Subject": one.subject,
        "SubjectCommonName": one.common_name,
        "Issuer": one.issuer,
        "SerialNumber": one.serial_number,
        "NotBefore": one.not_before.isoformat(),
        "NotAfter": one.not_after.isoformat(),
        "HasPrivateKey": str(one.has_private_key),
        "Pem": one.pem,
        "CertificatePem": one.pem,
        "ChainPem": one.chain_pem,
        "Certificate": pem.base64_of(one.pem),
    }
    parts = [SubValue(name, value) for name, value in public.items()]
    if one.private_key:
        parts.append(SubValue("PrivateKeyPem", one.private_key, is_sensitive=True))
    return tuple(parts)


def refuse_strangers(user: User, space: Space, picked: Mapping[VariableType, set[str]]) -> None:
    """Whoever makes a variable give a credential needs the right to use it. Raises NotAllowed."""
    for type, ids in picked.items():
        for holder in references.find(
            [Candidate(id="", name="", type=type, value=value) for value in sorted(ids)]
        ).values():
            if holder.space_id == space.pk:
                require(user, Permission.USE_CREDENTIAL, holder)


def _require(user: User | None) -> None:
    if user is not None:
        require(user, Permission.EDIT_CREDENTIAL)


def _by(user: User | None) -> str:
    return user.username if user else ""


def _record(
    subject: Account | Certificate,
    noun: str,
    category: str,
    user: User | None,
    details: dict[str, Any] | None = None,
) -> None:
    verb = "Changed" if category == "Modified" else category
    events.record(
        user=user,
        category=category,
        subject=subject,
        message=f"{verb} {noun} {subject}.",
        space=subject.space,
        details=details,
    )
