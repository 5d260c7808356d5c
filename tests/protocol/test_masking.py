"""Secrets never come through, however the stream is cut."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.masking import MASK, Masker, Patterns, TooShort, mask

SECRET = "p+ss/wörd 'x\" &1"


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def in_blocks(blocks: list[bytes], secrets: list[str]) -> bytes:
    masker = Masker(Patterns(secrets))
    return b"".join([*map(masker.feed, blocks), masker.close()])


# Few letters, so that secrets overlap each other and themselves.
words = st.text("ab", min_size=4, max_size=9)


@given(st.lists(words, max_size=4), st.text("ab\n", max_size=120), st.lists(st.integers(0, 200), max_size=12))
def test_blocks_give_the_same_as_the_whole(secrets, text, places):
    data = text.encode()

    assert in_blocks(cut(data, places), secrets) == mask(data, secrets)


@given(st.lists(words, min_size=1, max_size=3), st.lists(st.text("abc ", max_size=6), min_size=2, max_size=6))
def test_no_secret_comes_through(secrets, around):
    data = secrets[0].join(around).encode()

    shown = in_blocks([bytes([byte]) for byte in data], secrets)

    assert not any(secret.encode() in shown for secret in secrets)


@given(st.binary(max_size=300))
def test_without_secrets_nothing_changes(data):
    assert in_blocks([data], []) == data


@pytest.mark.parametrize("ahead", ["", "x", "xy", "user:"])
@pytest.mark.parametrize("behind", ["", "z", "@host"])
@pytest.mark.parametrize("alphabet", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_masked_at_every_alignment(ahead, behind, alphabet):
    encoded = alphabet((ahead + SECRET + behind).encode())

    shown = mask(b"token " + encoded + b"\n", [SECRET])

    around = b"token " + alphabet((ahead + behind).encode()) + b"\n"
    assert MASK in shown
    # At either side one character may hold bits of the secret and of its neighbour.
    assert len(shown.replace(MASK, b"")) <= len(around) + 2


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        SECRET.replace("'", "'\\''"),
    ],
)
def test_secret_is_masked_as_tools_print_it(form):
    assert mask(f"<{form}>".encode(), [SECRET]) == b"<" + MASK + b">"


def test_each_line_of_a_secret_of_several_lines_is_masked():
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n"

    shown = mask(b"  hkiG9w0BAQEFAASC  \n", [key])

    assert shown == b"  " + MASK + b"  \n"


def test_base64_in_lines_is_masked():
    secret = "0123456789abcdef" * 20
    wrapped = base64.encodebytes(secret.encode())

    shown = mask(wrapped, [secret])

    assert not any(line in shown for line in wrapped.splitlines())


def test_longest_of_several_secrets_wins():
    assert mask(b"secret-long secret", ["secret", "secret-long"]) == MASK + b" " + MASK


def test_only_what_may_begin_a_secret_is_held_back():
    masker = Masker(Patterns(["hunter22"]))

    assert masker.feed(b"password: hunt") == b"password: "
    assert masker.feed(b"ing\n") == b"hunting\n"


@pytest.mark.parametrize("secret", ["a", "abc", "äöü"])
def test_short_secret_is_refused(secret):
    with pytest.raises(TooShort):
        Patterns([secret])


def test_empty_secret_hides_nothing():
    assert mask(b"text", [""]) == b"text"
