"""Fetching packages: once, whole, resumed, checked, and within the room that there is."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from programs.kit import packages
from programs.kit.given import Failed
from programs.kit.packages import Cache, Package
from tests.programs.package_server import TOKEN, Behaviour, serving

ROOT = Path(__file__).parent.parent.parent
CONTENT = os.urandom(3_000_000)


def package_of(content: bytes = CONTENT, version: str = "1.0", *, token: str = TOKEN) -> Package:
    return Package(
        name="",
        package_id="Acme.Web",
        version=version,
        file_name=f"Acme.Web.{version}.zip",
        extension="zip",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        path="/api/agents/packages/1",
        token=token,
        extract=True,
        acquired=True,
    )


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_PAUSES", (0, 0, 0))


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour(CONTENT)


@pytest.fixture
def cache(tmp_path: Path, behaviour: Behaviour):
    with serving(behaviour) as address:
        (tmp_path / "agent.json").write_text(json.dumps({"server": address}))
        yield Cache(tmp_path, most=100_000_000)


def files(cache: Cache) -> list[str]:
    return sorted(path.name for path in cache.folder.iterdir() if path.suffix != ".lock")


def test_a_package_is_fetched_once(cache: Cache, behaviour: Behaviour) -> None:
    path = cache.get(package_of())

    assert path.read_bytes() == CONTENT
    assert cache.get(package_of()) == path
    assert behaviour.ranges == [""]
    assert cache.folder.stat().st_mode & 0o077 == 0


def test_a_transfer_that_breaks_off_goes_on_where_it_was(cache: Cache, behaviour: Behaviour) -> None:
    behaviour.cuts = [1_000_000, 500_000]

    assert cache.get(package_of()).read_bytes() == CONTENT
    assert behaviour.ranges == ["", "bytes=1000000-", "bytes=1500000-"]


def test_a_later_step_goes_on_where_an_earlier_one_was_killed(cache: Cache, behaviour: Behaviour) -> None:
    behaviour.cuts = [1_000_000, 0, 0, 0]
    with pytest.raises(Failed, match="could not be fetched"):
        cache.get(package_of())

    assert cache.get(package_of()).read_bytes() == CONTENT
    assert behaviour.ranges[-1] == "bytes=1000000-"


def test_a_server_that_is_away_for_a_moment_is_asked_again(cache: Cache, behaviour: Behaviour) -> None:
    behaviour.statuses = [503, 429]

    assert cache.get(package_of()).read_bytes() == CONTENT


def test_what_arrives_changed_is_fetched_again_and_then_refused(cache: Cache, behaviour: Behaviour) -> None:
    behaviour.lies = 1
    assert cache.get(package_of()).read_bytes() == CONTENT

    behaviour.lies = 2
    behaviour.content = other = os.urandom(1000)
    with pytest.raises(Failed, match="another check sum"):
        cache.get(package_of(other, "2.0"))
    assert len(files(cache)) == 1


def test_a_copy_that_somebody_changed_is_not_used(cache: Cache, behaviour: Behaviour) -> None:
    path = cache.get(package_of())
    path.write_bytes(bytes(len(CONTENT)))

    assert cache.get(package_of()).read_bytes() == CONTENT
    assert behaviour.ranges == ["", ""]


@pytest.mark.parametrize("status", [401, 403, 404, 409])
def test_a_refusal_is_told_in_the_server_s_words(cache: Cache, behaviour: Behaviour, status: int) -> None:
    behaviour.statuses = [status] * 9

    with pytest.raises(Failed, match=f"Refused with {status}"):
        cache.get(package_of())
    assert len(behaviour.ranges) == 1


def test_the_token_follows_no_redirect(cache: Cache, behaviour: Behaviour) -> None:
    elsewhere = Behaviour(CONTENT)
    with serving(elsewhere) as address:
        behaviour.statuses, behaviour.location = [302] * 9, f"{address}/api/agents/packages/1"
        with pytest.raises(Failed):
            cache.get(package_of())

    assert elsewhere.ranges == []


def test_a_wrong_token_gets_nothing(cache: Cache) -> None:
    with pytest.raises(Failed, match="Refused with 401"):
        cache.get(package_of(token="guessed"))


def test_the_oldest_make_room(tmp_path: Path, cache: Cache, behaviour: Behaviour) -> None:
    for number, version in enumerate(("1.0", "2.0", "3.0")):
        behaviour.content = content = os.urandom(1_000_000)
        earlier = Cache(tmp_path, most=100_000_000)
        path = earlier.get(package_of(content, version))
        earlier.close()
        os.utime(path, (number, number))
    before = files(cache)

    behaviour.content = content = os.urandom(1_000_000)
    small = Cache(tmp_path, most=2_500_000)
    kept = small.get(package_of(content, "4.0"))

    assert kept.name in files(cache)
    assert len(files(cache)) == 2
    assert len(before) == 3


def test_what_is_in_use_is_not_removed(tmp_path: Path, cache: Cache, behaviour: Behaviour) -> None:
    used = cache.get(package_of())
    behaviour.content = content = os.urandom(1_000_000)

    Cache(tmp_path, most=1).get(package_of(content, "2.0"))

    assert used.exists()


def test_no_room_is_said(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_SPARE", 10**15)

    with pytest.raises(Failed, match="no room"):
        cache.get(package_of())


def test_steps_that_want_the_same_wait_for_one_transfer(
    tmp_path: Path, cache: Cache, behaviour: Behaviour
) -> None:
    code = (
        "import json, sys; from pathlib import Path; from programs.kit.packages import Cache, Package; "
        "package = Package(**json.loads(sys.argv[2])); "
        "print(Cache(Path(sys.argv[1]), most=10**9).get(package).stat().st_size)"
    )
    command = [sys.executable, "-c", code, str(tmp_path), json.dumps(asdict(package_of()))]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(5)]

    outputs = [process.communicate(timeout=60)[0] for process in running]

    assert [process.returncode for process in running] == [0] * 5
    assert all("3000000" in output for output in outputs)
    assert behaviour.ranges == [""]
