"""The drivers: those that this Python has, or those that are installed for it into the agent's folder.

What is installed stands in a folder of its own, `drivers` in the agent's home, which nothing else looks into.
pip finds the packages where this machine tells it to.
"""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from programs.database.lexing import MYSQL, POSTGRESQL, SQL_SERVER, SQLITE
from programs.kit import say
from programs.kit.given import Failed, Given

_SECONDS = 600
_PIP = [
    "install",
    "--no-input",
    "--disable-pip-version-check",
    "--no-warn-script-location",
    "--prefer-binary",
]


@dataclass(frozen=True)
class Package:
    """What pip calls it, what Python imports, the oldest version that will do and the first that may not."""

    name: str
    module: str
    oldest: tuple[int, int]
    below: int
    extra: str = ""

    @property
    def requirement(self) -> str:
        extra = f"[{self.extra}]" if self.extra else ""
        return f"{self.name}{extra}>={self.oldest[0]}.{self.oldest[1]},<{self.below}"

    @property
    def is_here(self) -> bool:
        try:
            numbers = tuple(map(int, re.findall(r"\d+", version(self.name))[:2]))
            importlib.import_module(self.module)
        except (PackageNotFoundError, ImportError):
            return False
        return self.oldest <= numbers < (self.below, 0)


_SQLALCHEMY = Package("SQLAlchemy", "sqlalchemy", (2, 0), 3)
_NEEDED = {
    POSTGRESQL: [_SQLALCHEMY, Package("psycopg", "psycopg", (3, 1), 4, "binary")],
    MYSQL: [_SQLALCHEMY, Package("PyMySQL", "pymysql", (1, 2), 2, "rsa")],
    SQL_SERVER: [_SQLALCHEMY, Package("pymssql", "pymssql", (2, 3), 3)],
    SQLITE: [_SQLALCHEMY],
}


def provide(kind: str, given: Given) -> None:
    """Makes sure that the drivers of this database can be imported. Raises `Failed`."""
    needed = _NEEDED[kind]
    if all(package.is_here for package in needed):
        return
    root = given.home / "drivers"
    root.mkdir(mode=0o700, exist_ok=True)
    folder = root / f"{kind.lower()}-{sys.implementation.cache_tag}"
    with _locked(folder):
        _use(folder)
        if not all(package.is_here for package in needed):
            _install(folder, needed)
            _use(folder)
    missing = [package.name for package in needed if not package.is_here]
    if missing:
        raise Failed(
            f"{' and '.join(missing)} cannot be loaded by this worker's Python, although pip installed it."
        )


def _use(folder: Path) -> None:
    """From now on the folder is looked into first."""
    if not folder.is_dir():
        return
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    for package in (name.module for needed in _NEEDED.values() for name in needed):
        for name in [one for one in sys.modules if one == package or one.startswith(f"{package}.")]:
            del sys.modules[name]


def _install(folder: Path, needed: list[Package]) -> None:
    """As a whole: the folder is there once everything is in it."""
    requirements = [package.requirement for package in needed]
    say.info(f"Installing {', '.join(requirements)} for the agent; this is done once.")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="part-") as part:
        target = Path(part) / "packages"
        _run([*_pip(Path(part)), *_PIP, "--target", str(target), *requirements], requirements)
        shutil.rmtree(folder, ignore_errors=True)
        target.rename(folder)


def _pip(part: Path) -> list[str]:
    """This Python's pip, or one from Python's own store of it."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    venv = part / "venv"
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True)
    if made.returncode:
        say.verbose(made.stdout + made.stderr)
        raise Failed(
            f"The Python of this worker ({sys.executable}) has neither pip nor the means to get it, so that "
            "database drivers cannot be installed. Install pip for it, or python3-venv."
        )
    return [str(venv / "bin" / "python"), "-m", "pip"]


def _run(command: list[str], requirements: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            errors="replace",
        )
    except subprocess.TimeoutExpired as expired:
        raise Failed(f"pip did not come to an end in {_SECONDS} s.") from expired
    say.verbose(done.stdout.strip())
    if done.returncode:
        raise Failed(
            f"The database drivers could not be installed. pip says: {_reason(done.stdout)} Let pip on this "
            f"worker reach a package index (pip.conf), or install them beforehand: {sys.executable} -m pip "
            f"install {' '.join(repr(one) for one in requirements)}"
        )


def _reason(output: str) -> str:
    lines = [line for line in output.splitlines() if line.startswith("ERROR:")] or output.splitlines()[-1:]
    return " ".join(line.replace("ERROR: ", "", 1) for line in lines)[:1000] or "nothing."


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One step at a time installs."""
    descriptor = os.open(f"{folder}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
