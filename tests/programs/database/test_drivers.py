"""Drivers that this Python has, and those that pip installs for the agent. pip is the real one, with the
packages of this environment as its index."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tasks.engine.programs import packed

NAMES = ("SQLAlchemy", "typing_extensions")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels, packed from what is installed here."""
    folder = tmp_path_factory.mktemp("index")
    for name in NAMES:
        installed = distribution(name)
        tag = next(
            line for line in (installed.read_text("WHEEL") or "").splitlines() if line.startswith("Tag:")
        )
        file_name = f"{name.lower()}-{installed.version}-{tag.split()[-1]}.whl"
        with zipfile.ZipFile(folder / file_name, "w") as wheel:
            for file in installed.files or ():
                if file.suffix != ".pyc" and not file.name.startswith("INSTALLER"):
                    wheel.write(file.locate(), str(file))
    return folder


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has nothing: not even pip, as Debian's."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"


def run(python: Path, home: Path, *, settings: str) -> subprocess.CompletedProcess[str]:
    """The program as an agent runs it, on a SQLite file; `settings` is the machine's pip.conf."""
    home.mkdir(exist_ok=True)
    (home / "pip.conf").write_text(settings)
    program, given = home / "program.zip", home / "inputs.json"
    program.write_bytes(base64.b64decode(packed("database")))
    inputs = {"do": "run", "kind": "SQLite", "name": str(home / "a.db"), "script": "select 41 + 1 as answer"}
    given.write_text(json.dumps({"inputs": inputs, "variables": {}, "home": str(home)}))
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment = {**plain, "PIP_CONFIG_FILE": str(home / "pip.conf")}
    return subprocess.run(
        [python, "-I", "-B", "-u", "-X", "utf8", str(program), str(given)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_they_are_installed_once_into_the_agents_folder(bare, index, tmp_path):
    settings = f"[global]\nno-index = true\nfind-links = {index}\n"

    first = run(bare, tmp_path, settings=settings)
    before = sorted((tmp_path / "drivers").iterdir())
    again = run(bare, tmp_path, settings="[global]\nno-index = true\n")

    assert first.returncode == 0, first.stdout + first.stderr
    assert "Installing SQLAlchemy>=2.0,<3 for the agent; this is done once." in first.stdout
    assert "answer\n------\n    42" in first.stdout
    assert again.returncode == 0, again.stdout
    assert "Installing" not in again.stdout
    assert sorted((tmp_path / "drivers").iterdir()) == before
    assert [path.name for path in before] == [
        f"sqlite-{sys.implementation.cache_tag}",
        f"sqlite-{sys.implementation.cache_tag}.lock",
    ]


def test_where_pip_finds_nothing_it_says_what_to_do(bare, tmp_path):
    done = run(bare, tmp_path, settings="[global]\nno-index = true\n")

    assert done.returncode == 1
    assert "The database drivers could not be installed. pip says: " in done.stdout
    assert "No matching distribution found for SQLAlchemy" in done.stdout
    assert f"install them beforehand: {bare} -m pip install 'SQLAlchemy>=2.0,<3'" in done.stdout
    assert not list((tmp_path / "drivers").glob("part-*"))


def test_nothing_is_installed_where_they_are(tmp_path):
    done = run(Path(sys.executable), tmp_path, settings="[global]\nno-index = true\n")

    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "drivers").exists()
