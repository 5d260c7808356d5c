"""Puts the values of variables into files. What has no value stays as it is written."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from domain.octostache import TemplateError, evaluate_detailed
from programs.kit import say
from programs.kit.given import Failed

#: Bytes of a file that values are put into.
LARGEST = 20_000_000
_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def substitute(patterns: Sequence[str], folder: Path, variables: Mapping[str, str]) -> None:
    """Into the files below `folder` that match; `**` stands for any folders. Raises `Failed`."""
    done: set[Path] = set()
    for pattern in patterns:
        found = list(_matching(pattern, folder))
        if not found:
            say.warning(f"No file of the package matches {pattern}, so nothing was put into any.")
        for path in found:
            if path not in done:
                _fill(path, path.relative_to(folder).as_posix(), variables)
                done.add(path)


def _matching(pattern: str, folder: Path) -> Iterator[Path]:
    plain = pattern.replace("\\", "/")
    if plain.startswith("/") or ".." in plain.split("/"):
        raise Failed(f"{pattern} leads out of the package. Name files by their path in it.")
    try:
        paths = sorted(folder.glob(plain))
    except ValueError as error:
        raise Failed(f"{pattern} is no pattern of files: {error}.") from error
    return (path for path in paths if path.is_file() and not path.is_symlink())


def _fill(path: Path, name: str, variables: Mapping[str, str]) -> None:
    data = path.read_bytes()
    if len(data) > LARGEST:
        raise Failed(f"{name} has {len(data):,} bytes; values are put into files of at most {LARGEST:,}.")
    encoding = next((one for bom, one in _BOMS.items() if data.startswith(bom)), "utf-8")
    # What is no text in this encoding comes out as it went in.
    text = data.decode(encoding, "surrogateescape" if encoding == "utf-8" else "replace")
    try:
        result = evaluate_detailed(text, variables)
    except TemplateError as error:
        raise Failed(f"Values cannot be put into {name}: {error}.") from error
    if result.errors:
        raise Failed(f"Values cannot be put into {name}: {result.errors[0]}.")
    for missing in result.missing:
        say.warning(f"{name} refers to #{{{missing}}}, which has no value. It stays as it is written.")
    if result.text != text:
        path.write_bytes(result.text.encode(encoding, "surrogateescape" if encoding == "utf-8" else "strict"))
        say.info(f"Put values into {name}.")
