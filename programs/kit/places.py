"""Puts the packages of a step into the folder that it works in, and says where each is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from programs.kit import say
from programs.kit.extract import extract
from programs.kit.given import Failed
from programs.kit.packages import Cache, Package


def place_all(packages: Iterable[Package], cache: Cache, folder: Path) -> dict[str, str]:
    """The step's own package is unpacked into the folder itself, each other one into a folder of its name;
    one that is not to be unpacked becomes a file there. The variables that say where. Raises `Failed`."""
    found = {}
    for package in sorted(packages, key=lambda one: one.name):
        part = "ExtractedPath" if package.extract else "PackageFilePath"
        path = _unpacked(package, cache, folder) if package.extract else _copied(package, cache, folder)
        found[f"{variable_of(package)}.{part}"] = str(path)
    return found


def variable_of(package: Package) -> str:
    """What the names of its variables begin with."""
    return f"Octopus.Action.Package[{package.name}]" if package.name else "Octopus.Action.Package"


def _unpacked(package: Package, cache: Cache, folder: Path) -> Path:
    target = folder / package.name if package.name else folder
    if package.name:
        _refuse_taken(target, package)
        target.mkdir()
    done = extract(cache.get(package), target, extension=package.extension)
    where = f"./{package.name}" if package.name else "the working folder"
    say.verbose(f"Unpacked {package.label} into {where}: {done.entries:,} entries, {done.size:,} bytes.")
    return target


def _copied(package: Package, cache: Cache, folder: Path) -> Path:
    target = folder / package.file_name
    _refuse_taken(target, package)
    shutil.copyfile(cache.get(package), target)
    return target


def _refuse_taken(target: Path, package: Package) -> None:
    if target.exists():
        raise Failed(
            f"{package.label} cannot be put into ./{target.name}: another package has a file or a folder of "
            "that name. Give the reference another name."
        )


def filled(text: str, paths: Mapping[str, str]) -> str:
    """A text with the places put in where it refers to them, which nobody but this machine knows."""
    known = {name.lower(): path for name, path in paths.items()}
    return _REFERENCE.sub(lambda found: known.get(found[1].strip().lower(), found[0]), text)


_REFERENCE = re.compile(r"#\{([^{}|]+)\}")
