from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import factory
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from factory.django import DjangoModelFactory

from tests.factories.spaces import DefaultSpaceFactory, NamedInSpaceFactory
from tests.factories.tenants import TenantFactory
from variables.models import (
    Account,
    Certificate,
    LibraryVariableSet,
    OwnerKind,
    ScopeKind,
    ScopeValue,
    TenantValue,
    Variable,
    VariableSet,
    VariableTemplate,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=3650)


class LibraryVariableSetFactory(NamedInSpaceFactory):
    class Meta:
        model = LibraryVariableSet

    name = factory.Sequence(lambda n: f"Library set {n}")


class VariableSetFactory(DjangoModelFactory[VariableSet]):
    class Meta:
        model = VariableSet

    space = factory.SubFactory(DefaultSpaceFactory)
    owner_kind = OwnerKind.PROJECT
    owner_id = factory.Sequence(lambda n: n + 1)


class VariableFactory(DjangoModelFactory[Variable]):
    class Meta:
        model = Variable

    variable_set = factory.SubFactory(VariableSetFactory)
    name = factory.Sequence(lambda n: f"Name{n}")
    value = "value"


class VariableTemplateFactory(DjangoModelFactory[VariableTemplate]):
    class Meta:
        model = VariableTemplate

    variable_set = factory.SubFactory(VariableSetFactory)
    name = factory.Sequence(lambda n: f"Asked{n}")
    control = "SingleLineText"


class TenantValueFactory(DjangoModelFactory[TenantValue]):
    class Meta:
        model = TenantValue

    tenant = factory.SubFactory(TenantFactory)
    template = factory.SubFactory(VariableTemplateFactory)
    value = "value"


class ScopeValueFactory(DjangoModelFactory[ScopeValue]):
    class Meta:
        model = ScopeValue

    variable = factory.SubFactory(VariableFactory)
    kind = ScopeKind.ENVIRONMENT
    value = "1"


class AccountFactory(NamedInSpaceFactory):
    """A token account that holds no token yet."""

    class Meta:
        model = Account

    name = factory.Sequence(lambda n: f"Account {n}")
    kind = "Token"


@cache
def self_signed() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    signed = builder.not_valid_before(START).not_valid_after(END).sign(key, hashes.SHA256())
    return signed.public_bytes(Encoding.PEM).decode()


class CertificateFactory(NamedInSpaceFactory):
    class Meta:
        model = Certificate

    name = factory.Sequence(lambda n: f"Certificate {n}")
    pem = factory.LazyFunction(self_signed)
    subject = "CN=localhost"
    issuer = "CN=localhost"
    serial_number = "1"
    thumbprint = "00"
    not_before = START
    not_after = END
