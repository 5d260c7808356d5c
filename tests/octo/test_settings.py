"""Which server is asked, with which key, and who may read it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from octo import settings
from octo.failures import BadUsage, NotAllowed
from octo.settings import Login

KEPT = Login("https://ops.example.org", "API-KEPT", "Databases")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "octo" / "login.json"


def environment(file: Path, **more: str) -> dict[str, str]:
    return {"OCTO_CONFIG": str(file), **more}


def test_what_is_kept_is_read_again(file: Path) -> None:
    settings.keep(file, KEPT)

    assert settings.current(environment(file)) == KEPT


def test_only_the_owner_may_read_the_key(file: Path) -> None:
    settings.keep(file, KEPT)
    settings.keep(file, KEPT)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["login.json"]


def test_the_environment_goes_first(file: Path) -> None:
    settings.keep(file, KEPT)
    given = environment(
        file, OCTOPUS_URL="http://localhost:8000/", OCTOPUS_API_KEY="API-B", OCTOPUS_SPACE="x"
    )

    assert settings.current(given) == Login("http://localhost:8000", "API-B", "x")


def test_a_kept_key_goes_to_no_other_server(file: Path) -> None:
    settings.keep(file, KEPT)

    with pytest.raises(NotAllowed):
        settings.current(environment(file, OCTOPUS_URL="https://elsewhere.example.org"))


def test_a_key_of_the_environment_is_enough_for_the_kept_server(file: Path) -> None:
    settings.keep(file, KEPT)

    assert settings.current(environment(file, OCTOPUS_API_KEY="API-B")).key == "API-B"


def test_nothing_is_kept(file: Path) -> None:
    with pytest.raises(NotAllowed, match="octo login"):
        settings.current(environment(file))


@pytest.mark.parametrize("text", ["", "[]", '{"url": "http://x"}', "nonsense"])
def test_a_broken_file_is_named(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)

    with pytest.raises(BadUsage, match=r"login\.json"):
        settings.current(environment(file))


def test_forgetting(file: Path) -> None:
    settings.keep(file, KEPT)

    assert settings.forget(file)
    assert not settings.forget(file)


@pytest.mark.parametrize("url", ["ops.example.org", "ftp://x", "https://", "https://me:secret@x", ""])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadUsage):
        settings.clean_url(url)
