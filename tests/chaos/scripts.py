"""Scripts that count themselves, and print bytes that are known beforehand."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass
from pathlib import Path

#: Seconds between two bursts of output, so that they travel in chunks of their own.
_PAUSE = 0.08
_LINES = 12


@dataclass(frozen=True)
class Script:
    """A Bash script and what it prints, byte for byte. `gate` is a file that it waits for in its middle;
    `before_gate` is what it has printed to stdout by then."""

    text: str
    stdout: bytes
    stderr: bytes
    before_gate: bytes
    gate: Path | None

    def open_gate(self) -> None:
        assert self.gate is not None
        self.gate.touch()


@dataclass(frozen=True)
class Entry:
    """`attempt_id` from the folder in which the script ran."""

    task_id: int
    step: int
    word: str
    attempt_id: str


class Ledger:
    """A file in which each script enters its beginning and its end. A short line that is appended
    reaches a file in one piece, whoever else writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def begun(self, task_id: int, step: int = 1) -> bool:
        return self._has(task_id, step, "begin")

    def ended(self, task_id: int, step: int = 1) -> bool:
        return self._has(task_id, step, "end")

    def entries(self) -> list[Entry]:
        return [_read(line) for line in self.path.read_text().splitlines()]

    def _has(self, task_id: int, step: int, word: str) -> bool:
        return any((one.task_id, one.step, one.word) == (task_id, step, word) for one in self.entries())


def _read(line: str) -> Entry:
    task, step, word, folder = line.split()
    return Entry(int(task), int(step), word, Path(folder).parent.name)


def make(ledger: Ledger, *, step: int, seed: int, gate: Path | None = None, bursts: int = 3) -> Script:
    """A script of three or more bursts of numbered lines with random bytes in them."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    out, errors = [_burst(chance) for _ in range(bursts)], _burst(chance)
    middle = [f"while [ ! -e {gate} ]; do sleep 0.02; done"] if gate else [f"sleep {_PAUSE}"]
    lines = [_entry(ledger, step, "begin"), _print(out[0])]
    lines += [*middle, _print(errors, ">&2")]
    for burst in out[1:]:
        lines += [f"sleep {_PAUSE}", _print(burst)]
    lines.append(_entry(ledger, step, "end"))
    return Script("\n".join(lines) + "\n", b"".join(out), errors, out[0], gate)


def _entry(ledger: Ledger, step: int, word: str) -> str:
    return f'echo "$OCTOWORKERS_TASK_ID {step} {word} $PWD" >> {ledger.path}'


def _burst(chance: random.Random) -> bytes:
    """Numbered lines with any bytes in them: no proper UTF-8, NUL, carriage returns, line feeds."""
    return b"".join(
        b"%d " % number + chance.randbytes(chance.randrange(1, 80)) + b"\n" for number in range(_LINES)
    )


def _print(data: bytes, where: str = "") -> str:
    return f"base64 -d {where} <<'.'\n{base64.b64encode(data).decode()}\n."
