"""Builds `octoworker.pyz`, the agent as one file that needs nothing but Python, from what is installed.

Not part of the file itself: the server calls `build` and serves what comes out.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import agent

_SHEBANG = b"#!/usr/bin/env python3\n"
_MAIN = b"""\
import sys

if sys.version_info < (3, 9):
    sys.exit("octoworker needs Python 3.9 or newer; this is Python %d.%d." % sys.version_info[:2])

from agent.cli import main

sys.exit(main(sys.argv[1:]))
"""

#: Packages and what of each is left out: tests, servers, and whatever needs a compiler.
_PACKAGES = {
    "agent": r"build\.py",
    "protocol": "",
    "six": "",
    "ecdsa": r"test_.*",
    "websockets": r"(legacy|sync)/.*|(asyncio/)?(server|router|auth|cli|http|__main__)\.py",
}
_LICENCES = ("websockets", "ecdsa", "six")

#: The same sources must give the same bytes, whenever they are built.
_TIME = (1980, 1, 1, 0, 0, 0)


def build(target: Path) -> str:
    """Write the file, replacing an earlier one at once; its version and digest, such as 0.1.0+4f0c2a91d3b7.

    Raises OSError, and `ModuleNotFoundError` if a package is not installed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(_SHEBANG)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, data in sorted(_contents().items()):
                info = zipfile.ZipInfo(name, _TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, data)
    temporary.chmod(0o755)
    digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
    temporary.replace(target)
    return f"{agent.__version__}+{digest[:12]}"


def _contents() -> dict[str, bytes]:
    files = {"__main__.py": _MAIN}
    for package, left_out in _PACKAGES.items():
        files.update(_package(package, re.compile(left_out)))
    for package in _LICENCES:
        files.update(_licences(package))
    return files


def _package(name: str, left_out: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed.")
    origin = Path(spec.origin)
    # Not by submodule_search_locations: six, once imported, says that it has some.
    if origin.name != "__init__.py":
        yield origin.name, origin.read_bytes()
        return
    for path in origin.parent.rglob("*.py"):
        inside = path.relative_to(origin.parent).as_posix()
        if not left_out.fullmatch(inside):
            yield f"{name}/{inside}", path.read_bytes()


def _licences(package: str) -> Iterator[tuple[str, bytes]]:
    for path in importlib.metadata.files(package) or []:
        if path.name.upper().startswith(("LICENSE", "COPYING")):
            yield f"licences/{package}/{path.name}", path.read_binary()
