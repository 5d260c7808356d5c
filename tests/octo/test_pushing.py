from __future__ import annotations

import json
from pathlib import Path

import pytest

from packages.models import Package
from tests.api.client import Api
from tests.octo.conftest import Run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Acme.Web.1.0.0.zip"
    path.write_bytes(b"PK one" * 50_000)
    return path


def test_a_package_is_pushed_and_compared(octo: Run, file: Path) -> None:
    code, said = octo("push", str(file))

    package = Package.objects.get()
    assert code == 0, said
    assert package.sha256 in said
    assert package.size == file.stat().st_size


def test_a_second_push_does_what_its_mode_says(octo: Run, file: Path) -> None:
    octo("push", str(file))
    before = Package.objects.get().sha256
    file.write_bytes(b"PK two")

    code, said = octo("push", str(file))
    ignored, words = octo("push", str(file), "--overwrite-mode", "IgnoreIfExists")

    assert code == 5
    assert "already exists" in said
    assert ignored == 0, words
    assert Package.objects.get().sha256 == before
    assert octo("push", str(file), "--overwrite-mode", "overwriteexisting")[0] == 0
    assert Package.objects.get().sha256 != before


def test_a_file_that_is_not_there_is_wrong_usage(octo: Run, tmp_path: Path) -> None:
    code, said = octo("push", str(tmp_path / "Nothing.1.0.zip"))

    assert code == 2
    assert "There is no file" in said


def test_build_information_is_pushed_for_several_packages(octo: Run, api: Api, tmp_path: Path) -> None:
    path = tmp_path / "build.json"
    path.write_text(json.dumps({"Branch": "main", "Commits": [{"Id": "abc", "Comment": "Adds"}]}))
    packages = ["--package-id", "Acme.Web", "--package-id", "Acme.Api"]

    code, said = octo("build-information", "push", *packages, "--version", "1.0.0", "--file", str(path))

    assert code == 0, said
    found = api.get("/api/build-information")["Items"]
    assert [(one["PackageId"], one["Branch"]) for one in found] == [
        ("Acme.Api", "main"),
        ("Acme.Web", "main"),
    ]


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_file_that_is_no_build_is_wrong_usage(octo: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "build.json"
    path.write_text(text)

    code, _ = octo("build-information", "push", "--package-id", "A", "--version", "1.0", "--file", str(path))

    assert code == 2
