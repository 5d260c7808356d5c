from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.versions import BadVersion, problem_with, sort_key


def test_versions_sort_as_semantic_versioning_says() -> None:
    rising = [
        "0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.1.0", "1.0.0-alpha.beta", "1.0.0-alpha-1",
        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.0.1", "1.0.1", "1.9.0",
        "1.10.0", "2", "10.0",
    ]  # fmt: skip

    for older, newer in pairwise(rising):
        assert sort_key(older) < sort_key(newer), f"{older} < {newer}"


def test_what_says_the_same_sorts_the_same() -> None:
    assert sort_key("1") == sort_key("1.0.0.0") == sort_key("1.0+build.5")
    assert sort_key("1.0-RC.1") == sort_key("1.0-rc.01")


IDENTIFIERS = st.from_regex(r"[0-9A-Za-z-]{1,8}", fullmatch=True)
NUMBERS = st.lists(st.integers(0, 999_999_999), min_size=1, max_size=4)


def _reference(numbers: list[int], pre: list[str]) -> tuple[object, ...]:
    """Semantic Versioning's order, written as a tuple."""
    parts = tuple((0, int(one), "") if one.isdecimal() else (1, 0, one.lower()) for one in pre)
    return ([*numbers, 0, 0, 0][:4], not pre, parts)


def _text(numbers: list[int], pre: list[str]) -> str:
    return ".".join(map(str, numbers)) + ("-" + ".".join(pre) if pre else "")


VERSIONS = st.tuples(NUMBERS, st.lists(IDENTIFIERS, max_size=4))


@given(VERSIONS, VERSIONS)
def test_keys_sort_as_the_reference_does(
    one: tuple[list[int], list[str]], other: tuple[list[int], list[str]]
) -> None:
    keys = sort_key(_text(*one)), sort_key(_text(*other))
    references = _reference(*one), _reference(*other)

    assert (keys[0] < keys[1]) == (references[0] < references[1])
    assert set(keys[0]) <= set("0123456789abcdef")


@given(st.text(max_size=30))
def test_any_text_is_judged(text: str) -> None:
    if problem_with(text):
        with pytest.raises(BadVersion):
            sort_key(text)
    else:
        sort_key(text)
