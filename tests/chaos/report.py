"""What the chaos tests did and found, for people: a table at the end, and a file if one is wanted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tests.chaos.checks import Tally


@dataclass
class Case:
    """One case: what was done to how many runs, and what was seen. `harm` counts faults and kills."""

    group: str
    name: str
    seed: int
    tally: Tally = field(default_factory=Tally)
    harm: dict[str, int] = field(default_factory=dict)
    held: bool = False
    seconds: float = 0.0

    def did(self, what: str, times: int = 1) -> None:
        if times:
            self.harm[what] = self.harm.get(what, 0) + times

    @property
    def kills(self) -> int:
        return sum(times for what, times in self.harm.items() if what.startswith("kill"))


class Report:
    def __init__(self) -> None:
        self.cases: list[Case] = []
        self._lock = threading.Lock()

    @contextmanager
    def case(self, group: str, name: str, *, seed: int = 0) -> Iterator[Case]:
        """Held if nothing was raised within."""
        case = Case(group, name, seed)
        with self._lock:
            self.cases.append(case)
        began = time.monotonic()
        try:
            yield case
            case.held = True
        except pytest.skip.Exception:
            self.cases.remove(case)
            raise
        finally:
            case.seconds = round(time.monotonic() - began, 1)

    def lines(self) -> list[str]:
        """A Markdown table, one row per case, after one sentence."""
        total = Tally()
        for case in self.cases:
            total += case.tally
        held = sum(case.held for case in self.cases)
        harm = sum(sum(case.harm.values()) for case in self.cases)
        kills = sum(case.kills for case in self.cases)
        once = "none twice" if held == len(self.cases) else "see below for those that did not hold"
        heads = ("Group", "Case", "Seed", "Runs", "Steps", "Attempts", "Executed", "Unknown", "Log lines")
        return [
            f"{held} of {len(self.cases)} cases held: {total.runs:,} runs with {total.steps:,} steps in "
            f"{total.attempts:,} attempts, {total.begun:,} of which were executed, {once}; "
            f"{harm:,} faults, of which {kills:,} kills; {total.unknown:,} outcomes unknown; "
            f"{total.lines:,} log lines ({total.bytes:,} bytes) compared byte for byte.",
            "",
            f"| {' | '.join(heads)} | Done to it | Seconds | Held |",
            f"|{'---|' * (len(heads) + 3)}",
            *(_row(case) for case in self.cases),
        ]

    def save(self, path: Path, *, title: str) -> None:
        """Adds a section to a Markdown file, and a line of JSON for each case to the file beside it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(f"## {title}\n\n" + "\n".join(self.lines()) + "\n\n")
        with path.with_suffix(".jsonl").open("a") as file:
            file.writelines(json.dumps({"title": title, **asdict(case)}) + "\n" for case in self.cases)


def _row(case: Case) -> str:
    tally = case.tally
    numbers = (tally.runs, tally.steps, tally.attempts, tally.begun, tally.unknown, tally.lines)
    harm = ", ".join(f"{what} × {times}" for what, times in sorted(case.harm.items()))
    cells = (case.group, case.name, case.seed, *numbers, harm, case.seconds, "yes" if case.held else "NO")
    return f"| {' | '.join(str(cell) for cell in cells)} |"
