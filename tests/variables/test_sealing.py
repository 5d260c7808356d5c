"""Sensitive values at rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variables.services.sealing import CannotUnseal, is_sealed, key_id_of, reseal, seal, unseal


@given(st.text())
def test_what_is_sealed_comes_back(text):
    assert unseal(seal(text, context="set-1"), context="set-1") == text


def test_the_sealed_value_does_not_show_the_text_and_differs_every_time():
    one, other = seal("correct horse"), seal("correct horse")

    assert "correct" not in one
    assert one != other
    assert is_sealed(one)


def test_a_value_of_another_place_is_refused():
    with pytest.raises(CannotUnseal, match="another place"):
        unseal(seal("secret", context="set-1"), context="set-2")


def test_a_context_that_was_rewritten_is_found_out():
    moved = seal("secret", context="set-1").replace("set-1", "set-2")

    with pytest.raises(CannotUnseal):
        unseal(moved, context="set-2")


@pytest.mark.parametrize("at", [-3, -20])
def test_a_changed_byte_is_found_out(at):
    sealed = seal("a secret that is long enough")
    other = "A" if sealed[at] != "A" else "B"

    with pytest.raises(CannotUnseal):
        unseal(sealed[:at] + other + sealed[at + 1 :])


@pytest.mark.parametrize("sealed", ["", "plain", "octo1:", "octo1:00:x", "octo2:aa::AAAA", "a:b:c:d:e"])
def test_what_was_never_sealed_is_refused(sealed):
    with pytest.raises(CannotUnseal):
        unseal(sealed)


class Ring:
    """Master keys that come from no file."""

    def __init__(self, *keys: bytes) -> None:
        self._keys = keys

    def current(self) -> bytes:
        return self._keys[0]

    def all(self) -> tuple[bytes, ...]:
        return self._keys


OLD, NEW = b"o" * 32, b"n" * 32


def test_another_master_key_is_named_as_the_reason(settings):
    settings.MASTER_KEYS = Ring(OLD)
    sealed = seal("secret")
    settings.MASTER_KEYS = Ring(NEW)

    with pytest.raises(CannotUnseal, match=f"another master key .{key_id_of(sealed)}."):
        unseal(sealed)


def test_what_is_sealed_anew_is_read_with_the_new_key_alone(settings):
    settings.MASTER_KEYS = Ring(OLD)
    sealed = seal("secret", context="set-1")
    settings.MASTER_KEYS = Ring(NEW, OLD)
    anew = reseal(sealed)
    settings.MASTER_KEYS = Ring(NEW)

    assert unseal(anew, context="set-1") == "secret"
    assert reseal(anew) == anew


def test_the_same_sealed_value_becomes_the_same_one_and_another_does_not(settings):
    settings.MASTER_KEYS = Ring(OLD)
    one, other = seal("secret"), seal("secret")
    settings.MASTER_KEYS = Ring(NEW, OLD)

    assert reseal(one) == reseal(one)
    assert reseal(one) != reseal(other)
