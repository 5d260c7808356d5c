"""Reads certificates as people have them: PEM or PKCS #12 (.pfx), with chain and private key."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

#: Bytes of the largest file that is read: a chain with a key takes a tenth of it.
MOST_BYTES = 256 * 1024

_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?-----END [A-Z0-9 ]*PRIVATE KEY-----", re.DOTALL)


class BadCertificate(ValueError):
    """The file cannot be read as a certificate; the message says why."""


@dataclass(frozen=True)
class Content:
    """A certificate with what belongs to it, as PEM; `private_key` is in the clear, or empty."""

    pem: str
    chain_pem: str
    private_key: str
    subject: str
    common_name: str
    issuer: str
    serial_number: str
    thumbprint: str
    not_before: datetime
    not_after: datetime


def read(data: bytes, *, password: str = "") -> Content:
    """Raises BadCertificate."""
    if not data.strip():
        raise BadCertificate("The file is empty.")
    if len(data) > MOST_BYTES:
        raise BadCertificate(f"The file is larger than {MOST_BYTES // 1024} KiB, so it is no certificate.")
    secret = password.encode() or None
    key, found = _pem(data, secret) if b"-----BEGIN" in data else _pfx(data, secret)
    leaf = _leaf(key, found)
    return _content(leaf, [one for one in found if one is not leaf], key)


def base64_of(pem_text: str) -> str:
    """The DER of a PEM certificate in base64, as one line."""
    der = x509.load_pem_x509_certificate(pem_text.encode()).public_bytes(Encoding.DER)
    return base64.b64encode(der).decode()


_Read = tuple[PrivateKeyTypes | None, list[x509.Certificate]]


def _pem(data: bytes, secret: bytes | None) -> _Read:
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise BadCertificate(
            "There is no certificate in it: no block BEGIN CERTIFICATE can be read."
        ) from error
    blocks = _KEY.findall(data)
    return (_private_key(blocks[0], secret) if blocks else None), found


def _private_key(block: bytes, secret: bytes | None) -> PrivateKeyTypes:
    is_locked = b"ENCRYPTED" in block
    if is_locked and secret is None:
        raise BadCertificate("Its private key is encrypted. Enter the password.")
    try:
        return load_pem_private_key(block, secret if is_locked else None)
    except (ValueError, TypeError) as error:
        raise BadCertificate(
            "Its private key cannot be read: it is damaged, or the password is wrong."
        ) from error


def _pfx(data: bytes, secret: bytes | None) -> _Read:
    try:
        key, leaf, others = pkcs12.load_key_and_certificates(data, secret)
    except ValueError as error:
        raise BadCertificate(
            "It can be read neither as PEM nor as PFX. If it is a PFX file, check the password."
        ) from error
    found = [one for one in (leaf, *others) if one is not None]
    if not found:
        raise BadCertificate("There is no certificate in this PFX file.")
    return key, found


def _leaf(key: PrivateKeyTypes | None, found: list[x509.Certificate]) -> x509.Certificate:
    """The one that the key belongs to; without a key the first."""
    if key is None:
        return found[0]
    own = _public(key.public_key())
    for one in found:
        if _public(one.public_key()) == own:
            return one
    raise BadCertificate("The private key belongs to none of the certificates in the file.")


def _public(key: object) -> bytes:
    found: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    return found


def _content(leaf: x509.Certificate, chain: list[x509.Certificate], key: PrivateKeyTypes | None) -> Content:
    names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Content(
        pem=_text(leaf),
        chain_pem="".join(_text(one) for one in chain),
        private_key=_key_text(key),
        subject=leaf.subject.rfc4514_string()[:1000],
        common_name=str(names[0].value)[:300] if names else "",
        issuer=leaf.issuer.rfc4514_string()[:1000],
        serial_number=f"{leaf.serial_number:X}",
        # Not for security: it is the name under which Windows and Octopus know a certificate.
        thumbprint=leaf.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
    )


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def _key_text(key: PrivateKeyTypes | None) -> str:
    if key is None:
        return ""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
