from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from octoworkers.conf import load_keys
from octoworkers.master_keys import MasterKeys


def test_keys_are_made_once_in_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "home" / "keys.json"

    first = load_keys(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert load_keys(path) == first
    assert len(first.master_key) == len(first.server_key) == 32
    assert len(first.secret_key) >= 50
    assert [one.name for one in path.parent.iterdir()] == ["keys.json"]


def test_two_installations_have_different_keys(tmp_path: Path) -> None:
    assert load_keys(tmp_path / "a.json") != load_keys(tmp_path / "b.json")


def test_keys_that_others_can_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    load_keys(path)
    path.chmod(0o640)

    with pytest.raises(ImproperlyConfigured, match="chmod 600"):
        load_keys(path)


@pytest.mark.parametrize("content", ["", "{}", "[]", json.dumps({"secret_key": "x", "master_key": "?"})])
def test_damaged_keys_are_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.touch(mode=0o600)
    path.write_text(content)

    with pytest.raises(ImproperlyConfigured, match="damaged"):
        load_keys(path)
    assert path.read_text() == content


def test_a_running_server_goes_on_with_what_it_knows_while_the_file_is_being_copied(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = MasterKeys(path)
    known = keys.current()
    whole = path.read_text()

    path.write_text(whole[:20])
    assert keys.current() == known
    path.unlink()
    assert keys.current() == known
    assert not path.exists()
    other = json.loads(whole) | {"master_key": base64.b64encode(b"n" * 32).decode()}
    path.touch(mode=0o600)
    path.write_text(json.dumps(other))
    assert keys.all() == (b"n" * 32, known)
