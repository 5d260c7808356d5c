"""The kinds of account: what each asks for, and the values that it gives to scripts.

A kind is one entry here: the model stores its fields by name, the form and the variables follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.variables import SHORTEST_SECRET, SubValue, VariableType


@dataclass(frozen=True, slots=True)
class AccountField:
    """One thing that an account holds. `name` is the end of the variable: `#{Login.Password}`."""

    name: str
    label: str
    is_secret: bool = False
    is_long: bool = False
    is_required: bool = True
    help: str = ""


@dataclass(frozen=True, slots=True)
class AccountKind:
    """`wire` is its name in the REST API, `type` that of variables which hold one."""

    wire: str
    type: VariableType
    label: str
    fields: tuple[AccountField, ...]

    @property
    def field_names(self) -> list[str]:
        return [one.name for one in self.fields]


ACCOUNT_KINDS: dict[str, AccountKind] = {
    kind.wire: kind
    for kind in (
        AccountKind(
            "UsernamePassword",
            VariableType.USERNAME_PASSWORD,
            "Username and password",
            (AccountField("Username", "Username"), AccountField("Password", "Password", is_secret=True)),
        ),
        AccountKind(
            "SshKeyPair",
            VariableType.SSH_KEY,
            "SSH key",
            (
                AccountField("Username", "Username"),
                AccountField(
                    "PrivateKeyFile",
                    "Private key",
                    is_secret=True,
                    is_long=True,
                    help="The whole file, from BEGIN to END. Scripts get its text.",
                ),
                AccountField(
                    "Passphrase",
                    "Passphrase",
                    is_secret=True,
                    is_required=False,
                    help="Leave it empty for a key without one.",
                ),
            ),
        ),
        AccountKind(
            "Token",
            VariableType.TOKEN,
            "Token",
            (AccountField("Token", "Token", is_secret=True, is_long=True),),
        ),
    )
}
"""By their name on the wire."""


def kind_of(type: VariableType) -> AccountKind | None:
    """The kind of account that variables of a type hold; None for other types."""
    return next((one for one in ACCOUNT_KINDS.values() if one.type is type), None)


def sub_values(kind: AccountKind, values: Mapping[str, str]) -> tuple[SubValue, ...]:
    """What a variable gives that holds the account; secrets as the ciphertext that they came as."""
    return tuple(
        SubValue(one.name, values.get(one.name, ""), one.is_secret and bool(values.get(one.name)))
        for one in kind.fields
    )


def problems(kind: AccountKind, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(field, what is wrong with it) for values in the clear."""
    for one in kind.fields:
        value = values.get(one.name, "")
        if not value.strip():
            if one.is_required:
                yield one.name, f"Enter the {one.label.lower()}."
        elif one.is_secret and len(value) < SHORTEST_SECRET:
            yield (
                one.name,
                f"It needs at least {SHORTEST_SECRET} characters: a shorter one cannot be masked in logs.",
            )
        elif one.name == "PrivateKeyFile" and "PRIVATE KEY" not in value:
            yield one.name, "This is not a private key: it has no line BEGIN … PRIVATE KEY."
