"""The page's table: values in groups of one name and type, as stored, as posted or as merged.

Every input is named by a key of its group (`g7-name`) or row (`r12-value`); the rows of a group are
listed in `g7-row`, the groups in `group`. Keys are the ids of stored values, or random for new ones.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.http import QueryDict

from domain.answers import for_type
from domain.labels import article
from domain.prompts import Prompt
from domain.scopes import Kind, Scope, UnknownScopeKind
from domain.variables import REFERENCES, TYPE_NOUN, VariableType, name_key
from variables import selectors
from variables.models import Type, Variable
from variables.references import Choices
from variables.scope_sources import REGISTERED, ScopeOption
from variables.services.prompts import prompt_of
from variables.services.rows import Row
from variables.values import Part, parts

LABELS = dict(Type.choices)
ICONS = {
    VariableType.STRING: "type",
    VariableType.SENSITIVE: "lock-keyhole",
    VariableType.WORKER_POOL: "boxes",
    VariableType.CERTIFICATE: "shield-check",
    VariableType.USERNAME_PASSWORD: "user",
    VariableType.SSH_KEY: "key-round",
    VariableType.TOKEN: "key-round",
}


@dataclass
class RowState:
    """One value in the table. `value` of a sensitive one is only what was typed anew; `stored` is
    None also for an `id` that somebody else deleted."""

    key: str
    id: int | None = None
    value: str = ""
    scope: tuple[str, ...] = ()
    stored: Variable | None = None
    is_open: bool = False
    is_gone: bool = False
    errors: dict[str, list[str]] = field(default_factory=dict)
    change: str = ""
    chips: list[ScopeOption] = field(default_factory=list)
    choice_name: str = ""

    @property
    def parts(self) -> list[Part]:
        return parts(self.value)

    @property
    def has_secret(self) -> bool:
        """Whether a secret is stored that stays unless another one is typed."""
        return self.stored is not None and self.stored.type == Type.SENSITIVE

    def add_error(self, name: str, message: str) -> None:
        self.errors.setdefault(name, []).append(message)
        self.is_open = True


@dataclass
class GroupState:
    """The values of one name and type. `used_by` counts the steps that refer to it."""

    key: str
    name: str
    type: VariableType
    description: str = ""
    is_open: bool = False
    rows: list[RowState] = field(default_factory=list)
    used_by: int = 0
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_reference(self) -> bool:
        """Whether its values are chosen from a list: `choices` are names by id."""
        return self.type in REFERENCES

    @property
    def noun(self) -> str:
        """ "a worker pool"."""
        return article(TYPE_NOUN[self.type])

    @property
    def label(self) -> str:
        return LABELS[self.type]

    @property
    def icon(self) -> str:
        return ICONS[self.type]

    @property
    def name_errors(self) -> list[str]:
        """Each once: the rows of a group share their name."""
        return list(dict.fromkeys(error for row in self.rows for error in row.errors.get("name", ())))

    @property
    def is_name_open(self) -> bool:
        return self.is_open or bool(self.name_errors)

    @property
    def is_new(self) -> bool:
        return all(row.stored is None for row in self.rows)

    @property
    def refers_to(self) -> int:
        """How many other variables its values refer to."""
        return len({part.text for row in self.rows for part in row.parts if part.is_reference})


class Grid:
    """Groups with everything that a template shows about them."""

    def __init__(
        self,
        groups: list[GroupState],
        *,
        options: Sequence[ScopeOption],
        choices: Choices,
        uses: Mapping[str, int],
    ) -> None:
        """`uses` are numbers of steps by `name_key` of the variable."""
        self.groups = groups
        self._options = {option.key: option for option in options}
        for group in groups:
            group.used_by = uses.get(name_key(group.name), 0)
            group.choices = choices.get(group.type, {})
            for row in group.rows:
                self._dress(group, row)

    def _dress(self, group: GroupState, row: RowState) -> None:
        row.chips = [self._options.get(key) or _unknown(key) for key in row.scope]
        row.choice_name = group.choices.get(row.value, "")
        row.change = _change(group, row)

    @property
    def rows(self) -> list[tuple[GroupState, RowState]]:
        """What is to be saved, in order; the index of a row here is the one in the service's errors."""
        return [(group, row) for group in self.groups for row in group.rows if not row.is_gone]

    def to_rows(self) -> list[Row]:
        return [to_row(group, row) for group, row in self.rows]


def to_row(group: GroupState, row: RowState) -> Row:
    keeps = group.type is VariableType.SENSITIVE and row.id is not None and not row.value
    return Row(
        id=row.id,
        name=group.name,
        type=group.type,
        value=None if keeps else row.value,
        scope=scope_from_keys(row.scope),
        description=group.description,
        prompt=_prompt(group, row),
    )


def _prompt(group: GroupState, row: RowState) -> Prompt | None:
    """The table shows that a value is asked for, and leaves what is asked to the value's own page."""
    prompt = prompt_of(row.stored.prompt) if row.stored else None
    return for_type(prompt, group.type) if prompt else None


def scope_from_keys(keys: Iterable[str]) -> Scope:
    """ "Environment:3", "TenantTag:Region/EU", … Raises UnknownScopeKind."""
    ids: dict[Kind, list[str]] = {}
    for key in keys:
        kind, _, one = key.partition(":")
        try:
            ids.setdefault(Kind(kind), []).append(one)
        except ValueError as error:
            raise UnknownScopeKind(kind) from error
    return Scope.of(ids)


def keys_of(scope: Scope) -> tuple[str, ...]:
    """In the order of the page: environments first."""
    order = [Kind.ENVIRONMENT, Kind.TENANT_TAG, Kind.TENANT, *REGISTERED]
    kinds = sorted(scope, key=order.index)
    return tuple(f"{kind.value}:{one}" for kind in kinds for one in sorted(scope[kind], key=_number_first))


def _number_first(one: str) -> tuple[int, str]:
    return (int(one), "") if one.isdigit() else (0, one)


def stored_groups(variables: Iterable[Variable]) -> list[GroupState]:
    """Groups as they are stored; prefetch `scope_values`."""
    groups: dict[tuple[str, str], GroupState] = {}
    for one in variables:
        kind = VariableType(one.type)
        group = groups.setdefault(
            (name_key(one.name), one.type), GroupState(str(one.pk), one.name, kind, one.description)
        )
        value = "" if kind is VariableType.SENSITIVE else one.value
        scope = keys_of(selectors.scope_of(one))
        group.rows.append(RowState(str(one.pk), id=one.pk, value=value, scope=scope, stored=one))
    return list(groups.values())


def posted_groups(post: QueryDict, stored: Mapping[int, Variable], *, only: str = "") -> list[GroupState]:
    """Groups as a browser sent them; `only` one of them."""
    keys = [key for key in post.getlist("group") if only in ("", key)]
    return [_posted_group(post, key, stored) for key in keys]


def _posted_group(post: QueryDict, key: str, stored: Mapping[int, Variable]) -> GroupState:
    kind = post.get(f"g{key}-type", "")
    return GroupState(
        key=key,
        name=post.get(f"g{key}-name", "").strip(),
        type=VariableType(kind) if kind in set(VariableType) else VariableType.STRING,
        description=post.get(f"g{key}-description", ""),
        is_open=bool(post.get(f"g{key}-open")),
        rows=[_posted_row(post, row, stored) for row in post.getlist(f"g{key}-row")],
    )


def _posted_row(post: QueryDict, key: str, stored: Mapping[int, Variable]) -> RowState:
    sent = post.get(f"r{key}-id", "")
    pk = int(sent) if sent.isascii() and sent.isdigit() else None
    return RowState(
        key=key,
        id=pk,
        value=post.get(f"r{key}-value", "").replace("\r\n", "\n"),
        scope=tuple(dict.fromkeys(post.getlist(f"r{key}-scope"))),
        stored=stored.get(pk or 0),
        is_open=bool(post.get(f"r{key}-open")),
        is_gone=bool(post.get(f"r{key}-gone")),
    )


def merged_groups(
    rows: Iterable[Row], stored: Mapping[int, Variable], *, gone: frozenset[int]
) -> list[GroupState]:
    """Groups of rows that two people wrote; `gone` are the ids that stay deleted."""
    groups: dict[tuple[str, str], GroupState] = {}
    for row in rows:
        key = str(row.id) if row.id else new_key()
        group = groups.setdefault(
            (name_key(row.name), row.type), GroupState(key, row.name, row.type, row.description)
        )
        group.rows.append(
            RowState(
                key,
                id=row.id,
                value=row.value or "",
                scope=keys_of(row.scope),
                stored=stored.get(row.id or 0),
                is_gone=row.id in gone,
            )
        )
    return list(groups.values())


def new_group(*, type: VariableType, name: str = "") -> GroupState:
    group = GroupState(new_key(), name, type, is_open=True)
    group.rows.append(RowState(new_key(), is_open=True))
    return group


def new_key() -> str:
    return f"n{secrets.token_hex(4)}"


def _unknown(key: str) -> ScopeOption:
    """What a scope names and is not there any more."""
    kind, _, one = key.partition(":")
    known = Kind(kind) if kind in set(Kind) else Kind.ACTION
    return ScopeOption(known, one, "deleted", group=known.value)


def _change(group: GroupState, row: RowState) -> str:
    """How the row differs from what is stored: add, chg, gone or nothing."""
    if row.is_gone:
        return "gone"
    if row.stored is None:
        return "add"
    return "chg" if _differs(group, row, row.stored) else ""


def _differs(group: GroupState, row: RowState, stored: Variable) -> bool:
    value = "" if stored.type == Type.SENSITIVE else stored.value
    return (
        group.name != stored.name
        or group.type != stored.type
        or group.description != stored.description
        or row.value != value
        or frozenset(row.scope) != frozenset(keys_of(selectors.scope_of(stored)))
    )
