from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.packages import (
    BadPackage,
    PackageName,
    parse_file_name,
)


@pytest.mark.parametrize(
    ("file_name", "package_id", "version", "extension"),
    [
        ("Acme.Web.1.4.0.zip", "Acme.Web", "1.4.0", "zip"),
        ("Acme.Web.1.4.0.12.nupkg", "Acme.Web", "1.4.0.12", "nupkg"),
        ("acme-web.2.0.0-rc.1.tar.gz", "acme-web", "2.0.0-rc.1", "tar.gz"),
        ("acme_web.1.TGZ", "acme_web", "1", "tgz"),
        ("Lib2.3.4.0+build.7.jar", "Lib2", "3.4.0+build.7", "jar"),
        ("A.B.C.1.0-beta.2.tar.bz2", "A.B.C", "1.0-beta.2", "tar.bz2"),
        ("web.2026.11.25.101500.zip", "web", "2026.11.25.101500", "zip"),
    ],
)
def test_names_are_taken_apart(file_name: str, package_id: str, version: str, extension: str) -> None:
    assert parse_file_name(file_name) == PackageName(package_id, version, extension)


@pytest.mark.parametrize(
    "file_name",
    ["", ".zip", "web.zip", "web.1.0.0", "web.1.0.0.exe", "1.0.0.zip.", "../web.1.0.zip", "we b.1.0.zip",
     "web.1.0.0-.zip", "web..1.0.zip", "a/b.1.0.zip", "web.1.0.0\n.zip", f"{'x' * 101}.1.0.zip"],
)  # fmt: skip
def test_other_names_are_refused(file_name: str) -> None:
    with pytest.raises(BadPackage):
        parse_file_name(file_name)


def test_a_refusal_says_how_a_file_is_named() -> None:
    with pytest.raises(BadPackage, match=r"Acme\.Web\.1\.4\.0\.zip"):
        parse_file_name("web.zip")


@given(
    st.from_regex(r"[A-Za-z_]{1,10}([._-][A-Za-z_]{1,10}){0,3}", fullmatch=True),
    st.lists(st.integers(0, 999_999_999), min_size=1, max_size=4),
    st.lists(st.from_regex(r"[0-9A-Za-z-]{1,8}", fullmatch=True), max_size=4),
    st.sampled_from(["zip", "nupkg", "tar.gz", "tgz", "jar"]),
)
def test_a_name_that_was_put_together_comes_apart(
    package_id: str, numbers: list[int], pre: list[str], extension: str
) -> None:
    version = ".".join(map(str, numbers)) + ("-" + ".".join(pre) if pre else "")
    name = PackageName(package_id, version, extension)

    assert parse_file_name(name.file_name) == name
