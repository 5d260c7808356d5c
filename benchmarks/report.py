from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True)
class Row:
    """One figure with its unit, and the budget it is held against (empty where there is none)."""

    what: str
    value: str
    budget: str = ""


def spread(values: Iterable[float], unit: str) -> str:
    """Median and 95th percentile."""
    ordered = sorted(values)
    cuts = quantiles(ordered, n=20)
    return f"{cuts[9]:.1f} / {cuts[18]:.1f} {unit}"


def table(rows: Iterable[Row]) -> str:
    lines = [
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}",
        "",
        "| What | Measured | Budget |",
        "|---|---|---|",
    ]
    return "\n".join(lines + [f"| {row.what} | {row.value} | {row.budget} |" for row in rows])
