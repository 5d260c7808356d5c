"""Where packages are deployed to, and which of the earlier ones are kept."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from programs.kit import say
from programs.kit.given import Failed, Given
from programs.kit.packages import Package

_JOURNAL = "deployed.json"
_UNSAFE = re.compile(r"[^\w.+ -]")


def folder_for(given: Given, package: Package) -> Path:
    """All deployments of a package to one place: environment, and tenant where there is one."""
    tenant = given.variable("Octopus.Deployment.Tenant.Name")
    environment = given.variable("Octopus.Environment.Name") or "No environment"
    parts = [_safe(part) for part in (tenant, environment, package.package_id) if part]
    return given.home.joinpath("applications", *parts)


def _safe(name: str) -> str:
    """As the name of a folder."""
    return _UNSAFE.sub("_", name).strip(" .")[:100] or "_"


def checked_directory(text: str) -> Path:
    """Raises `Failed` for what no package should be copied over."""
    path = Path(os.path.normpath(text))
    if not path.is_absolute():
        raise Failed(f"The installation directory {text} is not absolute: it has to begin with a slash.")
    if len(path.parts) < 3 or "#{" in text:
        raise Failed(f"{text} is no installation directory: name a folder at least two levels deep.")
    return path


def emptied(folder: Path) -> None:
    """The folder itself stays. Links in it are removed, never followed."""
    if folder.is_symlink() or not folder.exists():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    say.info(f"Emptied {folder}.")


class History:
    """The deployments of one package to one place, oldest first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)

    def new_folder(self, version: str) -> Path:
        """Its name is the version, with a number where that was deployed before."""
        name = _safe(version)
        for number in range(1, 10_000):
            path = self._folder / (name if number == 1 else f"{name}_{number}")
            with contextlib.suppress(FileExistsError):
                path.mkdir()
                return path
        raise Failed(f"{version} has been deployed to {self._folder} too often.")

    def add(self, folder: Path, version: str, *, is_whole: bool) -> None:
        with self._locked() as rows:
            rows.append({"folder": folder.name, "version": version, "is_whole": is_whole})

    def keep(self, count: int, *, besides: Path) -> None:
        """Removes all but so many that came to their end, and what failed before these; 0 keeps all."""
        if not count:
            return
        with self._locked() as rows:
            whole = [row["folder"] for row in rows if row["is_whole"]]
            first = whole[-count] if len(whole) > count else None
            if first is None:
                return
            at = next(index for index, row in enumerate(rows) if row["folder"] == first)
            for row in rows[:at]:
                self._remove(row, besides)
            del rows[:at]

    def _remove(self, row: dict[str, Any], besides: Path) -> None:
        path = self._folder / row["folder"]
        if path != besides:
            shutil.rmtree(path, ignore_errors=True)
            say.info(f"Removed the earlier deployment of {row['version']} in {path}.")

    @contextlib.contextmanager
    def _locked(self) -> Iterator[list[dict[str, Any]]]:
        """What was deployed, to be changed; steps of this machine take turns."""
        with (self._folder / f".{_JOURNAL}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self._folder / f".{_JOURNAL}"
            rows: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
            rows = [row for row in rows if (self._folder / row["folder"]).is_dir()]
            yield rows
            fresh = path.with_name(f".{_JOURNAL}.new")
            fresh.write_text(json.dumps(rows))
            fresh.replace(path)
