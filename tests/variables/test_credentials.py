"""Accounts and certificates: sealed, written and not read, given to scripts, kept while in use."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Event
from accounts.permissions import NotAllowed
from common.usage import InUse, uses_of
from domain.accounts import ACCOUNT_KINDS
from domain.variables import VariableType
from tests.factories import ProjectFactory, SpaceFactory
from variables.models import Account, Certificate, OwnerKind, VariableSet
from variables.services import credentials, pem, variable_sets
from variables.services.rows import Row, RowsRefused
from variables.services.sealing import unseal

pytestmark = pytest.mark.django_db

LOGIN = ACCOUNT_KINDS["UsernamePassword"]
PASSWORD = "correct horse battery"
OPTIONAL = re.compile(r">([A-Za-z ]+) <span class=\"req\">optional")


@pytest.fixture(scope="module")
def authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _certificate("Test CA", key, issuer="Test CA", signer=key)


@pytest.fixture(scope="module")
def leaf(authority) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    return key, _certificate("orders.example", key, issuer="Test CA", signer=authority[0])


def _certificate(name: str, key, *, issuer: str, signer) -> x509.Certificate:
    def dn(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(dn(name)).issuer_name(dn(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + timedelta(days=3650))
    return builder.sign(signer, hashes.SHA256())


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def key_of(key, password: bytes | None = None) -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


@pytest.fixture
def account(space) -> Account:
    fields = {"Username": "sa", "Password": PASSWORD}
    return credentials.create_account(space=space, name="Orders login", kind=LOGIN, fields=fields)


@pytest.fixture
def variable_set(space) -> VariableSet:
    project = ProjectFactory(space=space, name="Orders")
    return variable_sets.get_or_create(owner_kind=OwnerKind.PROJECT, owner_id=project.pk, space=space)


def hold(variable_set: VariableSet, type: VariableType, value: object, user=None) -> None:
    variable_set.refresh_from_db()
    row = Row(name="Db", type=type, value=str(value))
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=[row], user=user)


# --- Accounts -------------------------------------------------------------------------------------


def test_secrets_of_an_account_are_sealed_and_the_rest_is_not(account):
    assert account.fields["Username"] == "sa"
    assert PASSWORD not in str(account.fields)
    assert unseal(account.fields["Password"], context=f"account-{account.pk}") == PASSWORD


def test_a_secret_that_is_not_typed_again_stays(account):
    sealed = account.fields["Password"]

    credentials.edit_account(
        account, name="Orders", description="", fields={"Username": "dbo", "Password": None}, user=None
    )

    account.refresh_from_db()
    assert account.fields == {"Username": "dbo", "Password": sealed}
    assert Event.objects.latest("id").details == {"fields": ["Username"]}


def test_a_password_that_cannot_be_masked_changes_nothing(account):
    with pytest.raises(credentials.BadFields, match="4 characters"):
        credentials.edit_account(
            account, name="X", description="", fields={"Username": "sa", "Password": "abc"}, user=None
        )

    account.refresh_from_db()
    assert account.name == "Orders login"


def test_an_account_in_use_is_kept_and_says_where(account, variable_set):
    hold(variable_set, VariableType.USERNAME_PASSWORD, account.pk)

    assert [use.label for use in uses_of(account)] == ["Db in Orders"]
    with pytest.raises(InUse):
        credentials.delete(account, user=None)
    hold(variable_set, VariableType.STRING, account.pk)
    credentials.delete(account, user=None)
    assert not Account.objects.exists()


def test_an_account_of_another_kind_or_another_space_is_refused(account, variable_set):
    other = credentials.create_account(
        space=SpaceFactory(), name="Other", kind=LOGIN, fields={"Username": "a", "Password": PASSWORD}
    )

    with pytest.raises(RowsRefused, match="Choose a username and password account of this space"):
        hold(variable_set, VariableType.USERNAME_PASSWORD, other.pk)
    with pytest.raises(RowsRefused, match="Choose a token account of this space"):
        hold(variable_set, VariableType.TOKEN, account.pk)


def test_holding_an_account_needs_the_right_to_use_it(account, variable_set, operator, editor):
    with pytest.raises(NotAllowed, match="use accounts and certificates"):
        hold(variable_set, VariableType.USERNAME_PASSWORD, account.pk, user=operator)

    hold(variable_set, VariableType.USERNAME_PASSWORD, account.pk, user=editor)


def test_only_who_may_edit_accounts_can_write_one(account, editor):
    with pytest.raises(NotAllowed):
        credentials.delete(account, user=editor)


def test_a_new_password_reaches_an_old_snapshot(account, variable_set):
    hold(variable_set, VariableType.USERNAME_PASSWORD, account.pk)
    frozen = variable_sets.freeze(variable_set)
    credentials.edit_account(
        account,
        name="Renamed",
        description="",
        fields={"Username": "sa", "Password": "another one"},
        user=None,
    )

    [candidate] = credentials.with_parts(variable_sets.candidates(frozen))

    assert candidate.label == "Renamed"
    assert {part.name: part.value for part in candidate.parts}["Username"] == "sa"
    assert unseal(candidate.parts[1].value) == "another one"


# --- Certificates ---------------------------------------------------------------------------------


def test_a_pem_file_with_key_and_chain_is_told_apart(leaf, authority):
    data = pem_of(authority[1]) + key_of(leaf[0]) + pem_of(leaf[1])

    content = pem.read(data)

    assert (content.common_name, content.issuer) == ("orders.example", "CN=Test CA")
    assert content.pem.encode() == pem_of(leaf[1])
    assert content.chain_pem.encode() == pem_of(authority[1])
    assert content.thumbprint == leaf[1].fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  # its public name
    assert "BEGIN PRIVATE KEY" in content.private_key


def test_a_pfx_file_is_read_with_its_password(leaf, authority):
    lock = BestAvailableEncryption(b"open sesame")
    data = pkcs12.serialize_key_and_certificates(b"orders", leaf[0], leaf[1], [authority[1]], lock)

    assert pem.read(data, password="open sesame").chain_pem.encode() == pem_of(authority[1])
    with pytest.raises(pem.BadCertificate, match="check the password"):
        pem.read(data, password="wrong")


def test_files_that_cannot_be_used_say_why(leaf, authority):
    locked = key_of(leaf[0], b"open sesame") + pem_of(leaf[1])
    for data, reason in (
        (b"", "empty"),
        (b"x" * (pem.MOST_BYTES + 1), "larger"),
        (b"hello", "neither as PEM nor as PFX"),
        (key_of(leaf[0]), "no certificate"),
        (locked, "Enter the password"),
        (key_of(authority[0]) + pem_of(leaf[1]), "belongs to none"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" + pem_of(leaf[1]), "damaged"),
    ):
        with pytest.raises(pem.BadCertificate, match=reason):
            pem.read(data)
    assert "BEGIN PRIVATE KEY" in pem.read(locked, password="open sesame").private_key


def test_a_certificate_gives_octopus_names_and_keeps_its_key_sealed(space, leaf):
    content = pem.read(key_of(leaf[0]) + pem_of(leaf[1]))
    certificate = credentials.create_certificate(space=space, name="Orders TLS", content=content)

    parts = {part.name: part for part in credentials.certificate_parts(certificate)}

    assert parts["Thumbprint"].value == content.thumbprint
    assert parts["NotAfter"].value.startswith("2035-12-30")
    assert parts["Pem"].value == parts["CertificatePem"].value == content.pem
    assert parts["PrivateKeyPem"].is_sensitive
    assert unseal(parts["PrivateKeyPem"].value) == content.private_key
    assert "PRIVATE KEY" not in certificate.private_key


# --- Pages ----------------------------------------------------------------------------------------


def test_an_account_is_made_on_its_page_and_its_secret_is_never_shown_again(space, as_user, administrator):
    client = as_user(administrator)
    typed = {"name": "Orders", "kind": "UsernamePassword", "UsernamePassword-Username": "sa"}

    refused = client.post("/library/accounts/new/", typed)
    saved = client.post("/library/accounts/new/", typed | {"UsernamePassword-Password": PASSWORD})
    page = client.get("/library/accounts/orders/")

    assert refused.status_code == 422
    assert refused.content.decode().count("Enter the password.") == 1
    assert saved.status_code == 302
    assert Account.objects.get().fields["Username"] == "sa"
    assert PASSWORD not in page.content.decode()
    assert "octo1:" not in page.content.decode()


def test_only_a_passphrase_is_told_to_be_optional(account, as_user, administrator):
    client = as_user(administrator)

    optional = {"Description", "Passphrase"}
    assert set(OPTIONAL.findall(client.get("/library/accounts/new/").content.decode())) == optional
    page = client.get(f"/library/accounts/{account.slug}/").content.decode()
    assert set(OPTIONAL.findall(page)) == {"Description", "Password"}


def test_an_account_is_edited_without_typing_its_secret_again(account, as_user, administrator):
    url = f"/library/accounts/{account.slug}/"
    answer = as_user(administrator).post(url, {"name": "Orders login", "UsernamePassword-Username": "dbo"})

    account.refresh_from_db()
    assert answer.status_code == 302
    assert account.fields["Username"] == "dbo"
    assert unseal(account.fields["Password"]) == PASSWORD


def test_an_editor_sees_accounts_and_cannot_change_them(account, as_user, editor):
    client, url = as_user(editor), f"/library/accounts/{account.slug}/"

    page = client.get(url).content.decode()

    assert "sa" in page
    assert "<form class=" not in page
    assert client.post(url, {"name": "X"}).status_code == 403
    assert client.post(f"{url}delete/").status_code == 403
    assert client.get("/library/accounts/new/").status_code == 403


def test_an_account_of_another_space_is_not_found(as_user, administrator):
    credentials.create_account(
        space=SpaceFactory(), name="Far", kind=LOGIN, fields={"Username": "a", "Password": PASSWORD}
    )

    assert as_user(administrator).get("/library/accounts/far/").status_code == 404


def test_deleting_an_account_in_use_is_refused_with_the_variable(
    account, variable_set, as_user, administrator
):
    hold(variable_set, VariableType.USERNAME_PASSWORD, account.pk)

    answer = as_user(administrator).post(f"/library/accounts/{account.slug}/delete/")

    assert answer.status_code == 409
    assert "Db in Orders" in answer.content.decode()


def test_a_certificate_is_uploaded_and_replaced_on_its_page(space, leaf, authority, as_user, administrator):
    client = as_user(administrator)
    file = SimpleUploadedFile("tls.pem", key_of(leaf[0]) + pem_of(leaf[1]))

    added = client.post("/library/certificates/new/", {"name": "Orders TLS", "file": file})
    wrong = client.post("/library/certificates/orders-tls/", {"name": "Orders TLS", "text": "hello"})
    page = client.get("/library/certificates/orders-tls/")
    replaced = client.post(
        "/library/certificates/orders-tls/", {"name": "Orders TLS", "text": pem_of(authority[1]).decode()}
    )

    assert (added.status_code, wrong.status_code, replaced.status_code) == (302, 422, 302)
    assert "PRIVATE KEY-----" not in page.content.decode()
    found = Certificate.objects.get()
    assert (found.common_name, found.private_key) == ("Test CA", "")


def test_a_new_certificate_needs_one(space, as_user, administrator):
    answer = as_user(administrator).post("/library/certificates/new/", {"name": "Empty"})

    assert answer.status_code == 422
    assert "Choose a file" in answer.content.decode()


def test_the_list_costs_the_same_however_many_there_are(space, as_user, administrator):
    client = as_user(administrator)
    counts = []
    for start in (0, 5):
        for number in range(start, start + 5):
            fields = {"Username": "a", "Password": PASSWORD}
            credentials.create_account(space=space, name=f"A{number}", kind=LOGIN, fields=fields)
        with CaptureQueriesContext(connection) as captured:
            client.get("/library/accounts/")
        counts.append(len(captured))
    assert counts[0] == counts[1]
