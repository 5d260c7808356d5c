"""The process editor with two hundred steps: how long the server works at its pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.test import Client

from benchmarks.report import Row, spread
from environments.models import Environment
from processes.models import OwnerKind
from processes.services import processes
from processes.services.steps import StepFields, StepRow
from tests.harness import scenarios

if TYPE_CHECKING:
    from benchmarks.measures import Bench

STEPS, ASKED = 200, 25
SCRIPT = (
    'set -eu\necho "#{Octopus.Environment.Name} #{Nobody.Knows} #{Octopus.Action[Step 7].Output.Made}"\n' * 10
)


def editor(bench: Bench) -> list[Row]:
    book = bench.runbook("Edited", "true")
    space = book.project.space
    for number in range(5 - Environment.objects.in_space(space).count()):
        Environment.objects.create(
            space=space, name=f"Place {number}", slug=f"place-{number}", sort_order=number
        )
    process = processes.get_or_create(owner_kind=OwnerKind.RUNBOOK, owner_id=book.pk, space=space)
    properties = {"Octopus.Action.Script.Syntax": "Bash", "Octopus.Action.Script.ScriptBody": SCRIPT}
    rows = [StepRow(StepFields(f"Step {number}", properties=properties)) for number in range(1, STEPS + 1)]
    processes.replace_steps(process=process, version=process.version, rows=rows)
    client = Client(HTTP_HOST="localhost")
    client.force_login(scenarios.administrator())
    page = f"/projects/{book.project.slug}/runbooks/{book.slug}/process/"
    return [
        _row("a step", "50 ms", lambda: client.get(f"{page}steps/step-100/")),
        _row("the process as YAML", "", lambda: client.get(f"{page}text/")),
        _row("the process as OCL", "", lambda: client.get(f"{page}text/?form=ocl")),
    ]


def _row(what: str, budget: str, ask: Callable[[], object]) -> Row:
    ask()
    spans = []
    for _ in range(ASKED):
        began = time.process_time()
        answer = ask()
        spans.append((time.process_time() - began) * 1000)
        assert getattr(answer, "status_code", 0) == 200, answer
    return Row(
        f"Processor time for the page of {what}, {STEPS} steps in 5 environments", spread(spans, "ms"), budget
    )
