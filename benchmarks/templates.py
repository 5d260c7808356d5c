"""How long templates take. Parsed anew each time: nothing is kept of a template of a megabyte."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from statistics import median

from benchmarks.report import Row
from domain import octostache

MEGABYTE = 1_000_000
_VALUES = {"A": "value", "B": "k", "A[k]": "2", "Items": "1,2,3"}
_TEMPLATES = {
    "1 MB of text with a name in each line": ("a line of a script that has #{A} in it\n", "100 ms"),
    "1 MB of `#{A}` and nothing else": ("#{A}", "100 ms"),
    "1 MB of `#{A}` with a filter": ("#{A | ToUpper}", "100 ms"),
    "1 MB of `#{A[#{B}]}`": ("#{A[#{B}]}", "100 ms"),
    "1 MB of conditions": ('#{if A == "x"}y#{else}z#{/if}', "100 ms"),
    "1 MB of repetitions": ("#{each x in Items}#{x}#{/each}", "100 ms"),
    "1 MB of names without an end": ("#{A", ""),
}


def measured() -> list[Row]:
    """The median of seven runs each."""
    rows = [Row(what, _milliseconds(_rendering(unit)), budget) for what, (unit, budget) in _TEMPLATES.items()]
    return [*rows, Row("1,000 variables, half of them with templates", _milliseconds(_resolving()), "20 ms")]


def _rendering(unit: str) -> Callable[[], object]:
    template = unit * (MEGABYTE // len(unit))
    return lambda: octostache.evaluate_detailed(template, _VALUES)


def _resolving() -> Callable[[], object]:
    runs = count()

    def resolve() -> object:
        name = f"Run{next(runs)}.Name"
        values = {
            f"{name}{one}": f"#{{{name}{one + 1}}} and #{{{name}{one + 1} | ToUpper}}"
            if one % 2 == 0
            else "text"
            for one in range(1_000)
        }
        return octostache.expand_all(values)

    return resolve


def _milliseconds(work: Callable[[], object]) -> str:
    times = []
    for _ in range(7):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return f"{median(times) * 1000:.0f} ms"
