"""Step programs as they travel: each a zip archive of Python in base64, with what all programs share."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import programs

_SHARED = "kit"
_ROOT = Path(programs.__file__).parent.parent
#: Scripts start the same way, whether the agent or a program starts them.
_SCRIPTS = ("agent/__init__.py", "agent/powershell.py", "agent/scripts.py")
_BORROWED = {
    "script": _SCRIPTS,
    "deploy": (*_SCRIPTS, "domain/__init__.py", "domain/octostache/**/*.py"),
}
_MAIN = "from programs.{name} import main\nfrom programs.kit.start import start\n\nstart(main)\n"

#: The same sources give the same bytes.
_TIME = (1980, 1, 1, 0, 0, 0)


@cache
def packed(name: str) -> str:
    """The program of this name, read once: it changes with the server's version only."""
    return base64.b64encode(archive(Path(programs.__file__).parent, name)).decode()


def archive(folder: Path, name: str) -> bytes:
    """A program that is a package with a function `main` in `folder`, beside the package `kit`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr(zipfile.ZipInfo("__main__.py", _TIME), _MAIN.format(name=name))
        for path in _sources(folder, name):
            name_inside = f"programs/{path.relative_to(folder).as_posix()}"
            target.writestr(_info(name_inside), path.read_bytes())
        for path in _borrowed(name):
            target.writestr(_info(path.relative_to(_ROOT).as_posix()), path.read_bytes())
    return buffer.getvalue()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _sources(folder: Path, name: str) -> Iterator[Path]:
    yield folder / "__init__.py"
    for package in (_SHARED, name):
        yield from sorted((folder / package).rglob("*.py"))


def _borrowed(name: str) -> Iterator[Path]:
    """What a program uses of the agent and of the rules, as this server has it."""
    for pattern in _BORROWED.get(name, ()):
        yield from sorted(_ROOT.glob(pattern))
