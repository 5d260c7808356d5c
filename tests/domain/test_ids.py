from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import ids
from domain.ids import BadId, IdKind

KINDS = st.sampled_from(list(IdKind))
NUMBERS = st.integers(min_value=0, max_value=10**18 - 1)


@given(KINDS, NUMBERS)
def test_what_is_written_is_read(kind, number):
    text = ids.encode(kind, number)

    assert ids.decode(kind, text) == number
    assert ids.decode(kind, text.upper()) == number


@given(KINDS, KINDS, NUMBERS)
def test_an_id_is_of_one_kind(kind, other, number):
    assert ids.is_id(other, ids.encode(kind, number)) == (kind is other)


@given(st.text())
def test_any_text_is_read_or_refused(text):
    for kind in IdKind:
        try:
            number = ids.decode(kind, text)
        except BadId:
            continue
        assert ids.encode(kind, number).casefold()[: len(kind)] == kind.casefold()


@pytest.mark.parametrize(
    "text", ["", "Projects", "Projects-", "Projects--1", "Projects-1x", "-1", "Projects-²"]
)
def test_not_an_id(text):
    with pytest.raises(BadId):
        ids.decode(IdKind.PROJECT, text)


def test_derived_ids():
    text = ids.derived(ids.RUNBOOK_PROCESS, IdKind.RUNBOOK, 7)

    assert text == "RunbookProcess-Runbooks-7"
    assert ids.underived(ids.RUNBOOK_PROCESS, IdKind.RUNBOOK, text.lower()) == 7
    with pytest.raises(BadId):
        ids.underived(ids.VARIABLE_SET, IdKind.RUNBOOK, text)
    assert ids.frozen("variableset-Projects-1", 4, "1a2b3c") == "variableset-Projects-1-s-4-1A2B3"
