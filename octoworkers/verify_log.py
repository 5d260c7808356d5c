"""`octoworkers verify-log`: compares what is stored of a log, or a file that was downloaded, with its check
sums."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octoworkers.launcher.children import say
from octoworkers.launcher.refusal import CannotStart
from protocol.log_file import BadLogFile, LogIndex, verify

if TYPE_CHECKING:
    from tasks.selectors.receipts import Receipt

COMMAND = "verify-log"


def add_to(commands: Any) -> None:
    """`commands` is what `add_subparsers` gave."""
    parser = commands.add_parser(COMMAND, help="compare a task's log, or a file of it, with its check sums")
    parser.add_argument(
        "what", metavar="TASK|FILE", help="the number of a task, or an .olog file, which needs no database"
    )


def run(chosen: argparse.Namespace) -> int:
    """0 if everything is as it was written. Raises `CannotStart` with a sentence."""
    if chosen.what.isdecimal():
        return _verify_task(int(chosen.what))
    return _verify_file(Path(chosen.what))


def _verify_file(path: Path) -> int:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            index = verify(lambda offset, length: os.pread(file.fileno(), length, offset), size)
    except OSError as error:
        raise CannotStart(f"{path}: {error.strerror or error}.") from error
    except BadLogFile as error:
        raise CannotStart(f"{path} is damaged. {error}") from error
    say(f"{path}: {described(index.lines, index.bytes, index.sha256)}{_gaps(index)}")
    return 1 if index.gaps else 0


def _verify_task(number: int) -> int:
    from octoworkers.launcher import prepare  # noqa: PLC0415  # a file needs none of this

    prepare.set_up_django()
    from tasks.models import ServerTask  # noqa: PLC0415
    from tasks.selectors import receipts  # noqa: PLC0415

    task = ServerTask.objects.filter(pk=number).first()
    if task is None:
        raise CannotStart(f"There is no task {number} in this database.")
    found = list(receipts.verified(task))
    for receipt in found:
        say(_sentence(receipt))
    if not found:
        say(f"Task {number} has written nothing.")
    return 0 if all(receipt.is_good for receipt in found) else 1


def _sentence(receipt: Receipt) -> str:
    name = f"Step {receipt.number}, attempt {receipt.nth}"
    if receipt.removed:
        return f"{name}: {receipt.removed}"
    words = f"{name}: {described(receipt.lines, receipt.bytes, receipt.sha256)}"
    return f"{words} {receipt.verdict}"


def described(lines: int, size: int, sha256: str) -> str:
    return f"{lines:,} lines, {size:,} bytes, sha256 {sha256}."


def _gaps(index: LogIndex) -> str:
    if not index.gaps:
        return " Complete."
    return " Missing: " + ", ".join(f"lines {first + 1} to {last + 1}" for first, last in index.gaps) + "."
