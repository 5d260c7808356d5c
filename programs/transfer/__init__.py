"""Transfer a package: put its file into a folder of the worker, as it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from programs.kit import say
from programs.kit.given import Failed, Given
from programs.kit.packages import Cache, Package, packages_of


def main(given: Given) -> None:
    own = next((one for one in packages_of(given) if not one.name), None)
    if own is None:
        raise Failed("The step has no package to transfer.")
    folder = _folder(given.text("directory").strip())
    path = folder / own.file_name
    _copy(Cache.of(given).get(own), path, own)
    for name, value in (("FilePath", path), ("DirectoryPath", folder), ("FileName", path.name)):
        say.set_output(f"Package.{name}", str(value))
    say.highlight(f"{own.label} is in {path}.")


def _folder(text: str) -> Path:
    """Raises `Failed`."""
    path = Path(os.path.normpath(text)) if text else None
    if path is None or not path.is_absolute() or "#{" in text:
        raise Failed(f'The folder "{text}" is not absolute: it has to begin with a slash.')
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(f"The folder {path} cannot be made: {error.strerror}.") from error
    return path


def _copy(source: Path, target: Path, package: Package) -> None:
    """Whole or not at all, whatever was there before."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(source, part)
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Failed(f"{package.label} cannot be put into {target.parent}: {error.strerror}.") from error
