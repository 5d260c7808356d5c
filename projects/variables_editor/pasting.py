"""Many variables from one text: first what would become of the table, then the table with them, unsaved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django import forms

from domain import value_lists
from domain.value_lists import CannotRead, Pasted
from domain.variables import VariableType, name_key
from variables.grid import GroupState, RowState, new_group, new_key

LONGEST = 200_000


class PasteForm(forms.Form):
    text = forms.CharField(
        label="Variables",
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 10, "spellcheck": "false", "autocomplete": "off"}),
        help_text="A NAME=value on each line, a JSON object, or CSV with the columns name and value.",
        error_messages={"required": "Paste a text."},
    )

    pasted: tuple[Pasted, ...] = ()

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        try:
            self.pasted = value_lists.parse(text)
        except CannotRead as error:
            raise forms.ValidationError(str(error)) from error
        return text


@dataclass(frozen=True)
class Change:
    """What adding one value does: "new", "changed", "same" or "refused"; `before` is what it replaces."""

    pasted: Pasted
    what: str
    before: str = ""

    @property
    def is_change(self) -> bool:
        return self.what in ("new", "changed")


def add(groups: list[GroupState], pasted: Sequence[Pasted]) -> list[Change]:
    """Put the values into the groups: each takes the place of the unscoped text of its name, or is added."""
    return [_add(groups, one) for one in pasted]


def _add(groups: list[GroupState], one: Pasted) -> Change:
    if one.problem:
        return Change(one, "refused")
    named = [group for group in groups if name_key(group.name) == name_key(one.name)]
    if any(group.type is not VariableType.STRING for group in named):
        return Change(_with_problem(one, "There is a variable of this name that is no text."), "refused")
    if not named:
        group = new_group(type=VariableType.STRING, name=one.name)
        group.description, group.is_open = one.description, False
        group.rows[0].value, group.rows[0].is_open = one.value, False
        groups.append(group)
        return Change(one, "new")
    return _into(named[0], one)


def _into(group: GroupState, one: Pasted) -> Change:
    row = next((row for row in group.rows if not row.scope), None)
    if row is None:
        group.rows.append(RowState(new_key(), value=one.value))
        return Change(one, "new")
    before, row.value = row.value, one.value
    return Change(one, "same" if before == one.value else "changed", before)


def _with_problem(one: Pasted, problem: str) -> Pasted:
    return Pasted(one.name, one.value, one.description, problem)
