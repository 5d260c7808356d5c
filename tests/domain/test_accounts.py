"""Accounts as values of several names: what a variable gives, and which one of several accounts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.accounts import ACCOUNT_KINDS, kind_of, problems, sub_values
from domain.scopes import UNSCOPED, Context, Kind, Scope
from domain.variables import Candidate, SubValue, VariableType, expanded, resolve_all

LOGIN, TOKEN = ACCOUNT_KINDS["UsernamePassword"], ACCOUNT_KINDS["Token"]
IN_PROD = Scope.of({Kind.ENVIRONMENT: ["1"]})


def login(id: str, scope: Scope = UNSCOPED) -> Candidate:
    parts = sub_values(LOGIN, {"Username": "sa", "Password": "octo1:x"})
    return Candidate(id, "Db", LOGIN.type, "7", scope, label="Database", parts=parts)


def token(id: str, scope: Scope = UNSCOPED) -> Candidate:
    return Candidate(id, "Db", TOKEN.type, "8", scope, parts=sub_values(TOKEN, {"Token": "octo1:y"}))


def values_in(context: Context, *candidates: Candidate) -> dict[str, Candidate]:
    found = resolve_all(candidates, context)
    return expanded(one.winner for one in found.values() if one.winner is not None)


def test_an_account_gives_its_parts_under_the_name_of_the_variable():
    values = values_in(Context(), login("1"))

    assert list(values) == ["Db", "Db.Username", "Db.Password"]
    assert values["Db.Username"].value == "sa"
    assert values["Db.Password"].type is VariableType.SENSITIVE


def test_parts_of_an_account_that_lost_are_not_there():
    production, elsewhere = Context(environment="1"), Context(environment="2")

    assert "Db.Token" not in values_in(production, login("1", IN_PROD), token("2"))
    assert "Db.Username" not in values_in(elsewhere, login("1", IN_PROD), token("2"))


def test_a_variable_that_is_spelled_out_goes_before_a_part():
    own = Candidate("3", "db.USERNAME", VariableType.STRING, "me")

    values = values_in(Context(), login("1"), own)

    assert values["db.USERNAME"].value == "me"
    assert "Db.Username" not in values


def test_a_secret_part_does_not_show_in_a_trace_of_an_error():
    assert "octo1" not in repr(SubValue("Password", "octo1:x", is_sensitive=True))


def test_what_is_missing_or_cannot_be_masked_is_said_of_its_field():
    found = dict(problems(LOGIN, {"Username": " ", "Password": "abc"}))

    assert set(found) == {"Username", "Password"}
    assert "4 characters" in found["Password"]


def test_a_key_without_a_passphrase_gives_an_empty_one_that_is_no_secret():
    ssh = ACCOUNT_KINDS["SshKeyPair"]
    values = {"Username": "deploy", "PrivateKeyFile": "-----BEGIN PRIVATE KEY-----"}

    assert list(problems(ssh, values)) == []
    assert sub_values(ssh, values)[2] == SubValue("Passphrase", "", is_sensitive=False)


def test_something_else_than_a_key_is_refused():
    ssh = ACCOUNT_KINDS["SshKeyPair"]

    assert dict(problems(ssh, {"Username": "u", "PrivateKeyFile": "ssh-rsa AAAA"})) == {
        "PrivateKeyFile": "This is not a private key: it has no line BEGIN … PRIVATE KEY."
    }


@given(st.sampled_from(list(ACCOUNT_KINDS.values())), st.dictionaries(st.text(), st.text()))
def test_every_kind_gives_all_its_names_whatever_is_stored(kind, values):
    parts = sub_values(kind, values)

    assert [one.name for one in parts] == kind.field_names
    assert kind_of(kind.type) is kind
    assert any(one.is_secret for one in kind.fields)
