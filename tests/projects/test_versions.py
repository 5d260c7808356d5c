from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects import versions


@pytest.mark.parametrize(
    "version", ["1.0", "1.4.0", "2026.11.2", "1.2.3.4", "2.0.0-rc.1", "1.0.0+build.7", "1.0-x"]
)
def test_accepts_what_people_call_versions(version):
    assert versions.problem_with(version) is None


@pytest.mark.parametrize(
    "version",
    ["", "1", "v1.0", "1.0.", "1..0", "1.0 ", "1.0/2", "1.2.3.4.5", "latest", "1.0\n", "١.٠", "1.0-"],
)
def test_refuses_what_is_none(version):
    assert "such as 1.4.0" in (versions.problem_with(version) or "")


def test_refuses_what_is_too_long():
    assert "100 characters" in (versions.problem_with("1.0-" + "x" * 100) or "")


@pytest.mark.parametrize(
    ("version", "following"),
    [
        (None, "0.0.1"),
        ("1.4.9", "1.4.10"),
        ("2026.11.2", "2026.11.3"),
        ("2.0.0-rc.1", "2.0.0-rc.2"),
        ("2.0.0-beta", "2.0.0"),
        ("1.0.0+build.7", "1.0.1"),
        ("odd", "0.0.1"),
    ],
)
def test_suggests_the_next_one(version, following):
    assert versions.next_after(version) == following


@given(st.lists(st.integers(0, 10**8), min_size=2, max_size=4))
def test_what_follows_a_version_is_one(numbers):
    version = ".".join(map(str, numbers))

    assert versions.problem_with(versions.next_after(version)) is None
