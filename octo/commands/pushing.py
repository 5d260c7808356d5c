"""Packages into the built-in feed, and what their builds say about them."""

from __future__ import annotations

import hashlib
import io
import json
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from octo import options
from octo.failures import BadUsage, Failure
from octo.output import Format, err, say, show

PIECE = 1024 * 1024
COLUMNS = (("Id", "Id"), ("Version", "Version"), ("Size", "PackageSizeBytes"), ("SHA-256", "Hash"))
BUILD_COLUMNS = (("Id", "Id"), ("Package", "PackageId"), ("Version", "Version"), ("Build", "BuildNumber"))


class Overwrite(StrEnum):
    """What happens where the version is there already, in the words of the API."""

    FAIL = "FailIfExists"
    REPLACE = "OverwriteExisting"
    IGNORE = "IgnoreIfExists"


Mode = Annotated[
    Overwrite,
    typer.Option("--overwrite-mode", help="Where the version is there already.", case_sensitive=False),
]


def push(
    file: Annotated[list[Path], typer.Argument(help="Named ID.Version.extension.", show_default=False)],
    overwrite_mode: Mode = Overwrite.FAIL,
    output: options.Output = Format.TABLE,
    space: options.Space = "",
) -> None:
    """Push packages into the built-in feed. Each is compared with what the server stored."""
    missing = [str(one) for one in file if not one.is_file()]
    if missing:
        raise BadUsage(f"There is no file {missing[0]}.")
    with options.server(space) as server:
        found = [_push(server, one, overwrite_mode) for one in file]
    show(found, output, COLUMNS)


def _push(server: Any, path: Path, mode: Overwrite) -> dict[str, Any]:
    digest = _sha256(path)
    with path.open("rb") as file, _progress() as progress:
        task = progress.add_task(path.name, total=path.stat().st_size)
        stream = Watched(file, lambda sent: progress.update(task, completed=sent))
        stored: dict[str, Any] = server.upload("packages/raw", path.name, stream, overwriteMode=mode.value)
    if stored["Hash"].casefold() == digest:
        return stored
    if mode is Overwrite.IGNORE:
        say(f"{path.name} is there already with other content, and was left as it is.", "yellow")
        return stored
    raise Failure(f"The server stored {path.name} with the SHA-256 {stored['Hash']}; the file has {digest}.")


class Watched(io.RawIOBase):
    """A file that says how far it was read, to be sent without being held in memory."""

    def __init__(self, file: IO[bytes], told: Any) -> None:
        self._file, self._told = file, told

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self._told(self._file.tell())
        return piece

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        """So that its length is known before it is read."""
        return self._file.fileno()


def _progress() -> Progress:
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def push_build_information(
    package_id: Annotated[
        list[str], typer.Option("--package-id", help="May be repeated.", show_default=False)
    ],
    version: Annotated[str, typer.Option("--version", help="Of the packages.", show_default=False)],
    file: Annotated[Path, typer.Option("--file", help="JSON, as Octopus Deploy has it.", show_default=False)],
    overwrite_mode: Mode = Overwrite.FAIL,
    output: options.Output = Format.TABLE,
    space: options.Space = "",
) -> None:
    """Push what a build says: branch, number, address, commits, work items."""
    build = _build(file)
    with options.server(space) as server:
        found = [
            server.post(
                "build-information",
                {"PackageId": one, "Version": version, "OctopusBuildInformation": build},
                overwriteMode=overwrite_mode.value,
            )
            for one in package_id
        ]
    show(found, output, BUILD_COLUMNS)


def _build(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise BadUsage(f"{path} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise BadUsage(f'{path} has to hold an object, such as {{"Branch": "main", "Commits": []}}.')
    return found
