"""Accounts and certificates over the API: written, never read, named by variables."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from accounts.models import Event
from tests.variables.test_credentials import authority, leaf, pem_of  # noqa: F401  # fixtures
from variables.models import Account, Certificate
from variables.services.sealing import unseal

SECRET = "correct horse battery"
LOGIN = {
    "Name": "Database login",
    "AccountType": "UsernamePassword",
    "Username": "orders",
    "Password": {"HasValue": True, "NewValue": SECRET},
}


def test_an_account_is_written_and_its_secret_is_never_read(api) -> None:
    made = api.post("/api/accounts", LOGIN)

    assert made["Id"].startswith("Accounts-")
    assert (made["AccountType"], made["Username"]) == ("UsernamePassword", "orders")
    assert made["Password"] == {"HasValue": True, "NewValue": None, "Hint": None}
    assert not {"Token", "PrivateKeyFile", "PrivateKeyPassphrase"} & set(made)
    assert api.get(made["Links"]["Self"]) == made
    assert api.get("/api/accounts?accountType=Token")["TotalResults"] == 0
    assert api.get("/api/accounts/all") == [made]
    assert unseal(Account.objects.get().fields["Password"]) == SECRET
    assert SECRET not in str(list(Event.objects.values()))


def test_what_was_read_can_be_sent_back(api) -> None:
    made = api.post("/api/accounts", LOGIN)

    changed = api.put(made["Links"]["Self"], {**made, "Username": "reports"})

    assert changed["Username"] == "reports"
    assert unseal(Account.objects.get().fields["Password"]) == SECRET
    api.put(made["Links"]["Self"], {"password": {"newValue": "battery staple"}})
    assert unseal(Account.objects.get().fields["Password"]) == "battery staple"
    assert Account.objects.get().fields["Username"] == "reports"


def test_an_ssh_key_with_and_without_a_passphrase(api) -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"
    body = {
        "Name": "Key",
        "AccountType": "SshKeyPair",
        "Username": "ops",
        "PrivateKeyFile": {"NewValue": key},
    }

    made = api.post("/api/accounts", body)

    assert made["PrivateKeyPassphrase"]["HasValue"] is False
    changed = api.put(made["Links"]["Self"], {"PrivateKeyPassphrase": {"NewValue": "open sesame"}})
    assert changed["PrivateKeyPassphrase"]["HasValue"] is True
    without = {**changed, "PrivateKeyPassphrase": {"HasValue": False, "NewValue": None}}
    assert api.put(made["Links"]["Self"], without)["PrivateKeyPassphrase"]["HasValue"] is False


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Password": {"NewValue": "abc"}}, "Password: It needs at least"),
        ({"Password": None}, "Password: Enter the password."),
        ({"Password": 5}, "Password"),
        ({"Password": {"NewValue": 5}}, "NewValue"),
        ({"Username": ""}, "Username: Enter the username."),
        ({"AccountType": "AmazonWebServices"}, "AccountType"),
        ({"Name": ""}, "Name"),
        ({"EnvironmentIds": ["Environments-1"]}, "EnvironmentIds"),
    ],
)
def test_bad_accounts(api, change, words) -> None:
    status, text = api.refused("POST", "/api/accounts", {**LOGIN, **change})

    assert (status, Account.objects.count()) == (400, 0)
    assert words in text


def test_an_account_keeps_its_kind_and_its_name_is_its_own(api) -> None:
    made = api.post("/api/accounts", LOGIN)

    assert api.refused("POST", "/api/accounts", LOGIN)[0] == 400
    assert "cannot be changed" in api.refused("PUT", made["Links"]["Self"], {"AccountType": "Token"})[1]


def test_viewers_look_and_do_not_touch(api, api_viewer) -> None:
    made = api.post("/api/accounts", LOGIN)

    assert api_viewer.get(made["Links"]["Self"])["Username"] == "orders"
    for method, path in (("POST", "/api/accounts"), ("PUT", made["Links"]["Self"])):
        assert api_viewer.refused(method, path, LOGIN)[0] == 403
    assert api_viewer.refused("DELETE", made["Links"]["Self"])[0] == 403


def test_variables_name_accounts_by_their_ids(api, world) -> None:
    made = api.post("/api/accounts", LOGIN)
    path = world.project["Links"]["Variables"]
    found = api.get(path)
    row = {"Name": "Login", "Type": "UsernamePasswordAccount", "Value": made["Id"]}

    saved = api.put(path, {**found, "Variables": [*found["Variables"], row]})

    assert [one["Value"] for one in saved["Variables"] if one["Name"] == "Login"] == [made["Id"]]
    assert api.refused("DELETE", made["Links"]["Self"])[0] == 409


def test_a_certificate_as_pem(api, leaf) -> None:  # noqa: F811
    body = {
        "Name": "Orders",
        "Notes": "Of the shop",
        "CertificateData": {"NewValue": pem_of(leaf[1]).decode()},
    }

    made = api.post("/api/certificates", body)

    assert made["SubjectCommonName"] == "orders.example"
    assert (made["Notes"], made["HasPrivateKey"], made["IsExpired"]) == ("Of the shop", False, False)
    assert made["CertificateData"] == {"HasValue": True, "NewValue": None, "Hint": None}
    assert api.put(made["Links"]["Self"], {**made, "Notes": "Changed"})["Thumbprint"] == made["Thumbprint"]
    api.delete(made["Links"]["Self"])
    assert Certificate.objects.count() == 0


def test_a_certificate_as_pfx_with_its_key(api, leaf, authority) -> None:  # noqa: F811
    lock = BestAvailableEncryption(b"open sesame")
    data = pkcs12.serialize_key_and_certificates(b"orders", leaf[0], leaf[1], [authority[1]], lock)
    body = {"Name": "Orders", "CertificateData": {"NewValue": base64.b64encode(data).decode()}}

    assert api.refused("POST", "/api/certificates", body)[0] == 400
    made = api.post("/api/certificates", {**body, "Password": {"NewValue": "open sesame"}})

    assert made["HasPrivateKey"] is True
    assert "PRIVATE KEY" not in str(made)


@pytest.mark.parametrize("data", [None, "", "no base64!", "aGVsbG8=", "-----BEGIN CERTIFICATE-----"])
def test_bad_certificates(api, data) -> None:
    status, text = api.refused(
        "POST", "/api/certificates", {"Name": "X", "CertificateData": {"NewValue": data}}
    )

    assert (status, Certificate.objects.count()) == (400, 0)
    assert "CertificateData" in text
