"""A project of two thousand values: how long the server works at its pages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.test import Client

from benchmarks.report import Row as Line
from benchmarks.report import spread
from domain.scopes import Kind, Scope
from domain.variables import VariableType
from environments.models import Environment
from tests.harness import scenarios
from variables.services import variable_sets
from variables.services.rows import Row

if TYPE_CHECKING:
    from benchmarks.measures import Bench

VALUES, ASKED = 2_000, 9
BUDGET = "50 ms"


def variables(bench: Bench) -> list[Line]:
    space = bench.installation.space
    project = scenarios.project(space, "Two thousand values", routes={})
    for number in range(4 - Environment.objects.in_space(space).count()):
        scenarios.environment(space, f"Place {number}")
    places = list(Environment.objects.in_space(space)[:4])
    variable_set = variable_sets.get_or_create(owner_kind="project", owner_id=project.pk, space=space)
    _fill(variable_set, places)
    client = Client(HTTP_HOST="localhost")
    client.force_login(scenarios.administrator())
    page = f"/projects/{project.slug}/variables/"
    first = variable_set.variables.all()[0]
    group = {"group": first.pk, f"g{first.pk}-name": first.name, f"g{first.pk}-row": first.pk}
    edited = {**group, f"r{first.pk}-id": first.pk, "in": first.pk, "act": f"edit:{first.pk}"}
    return [
        _line("the variables", lambda: client.get(page)),
        _line("one value opened in the table", lambda: client.post(f"{page}group/", edited)),
        _line("the preview", lambda: client.get(f"{page}preview/", {"environment": places[0].pk})),
        _line("the history", lambda: client.get(f"{page}history/")),
        _line("the uses of a variable", lambda: client.get(f"{page}uses/", {"name": first.name})),
    ]


def _fill(variable_set: variable_sets.VariableSet, places: list[Environment]) -> None:
    rows = [
        Row(
            name=f"Settings.Group{number // 40}.Name{number // 4}",
            type=VariableType.SENSITIVE if number % 40 == 0 else VariableType.STRING,
            value=f"value {number}" if number % 3 else f"#{{Settings.Group0.Name1}}/{number}",
            scope=Scope.of({Kind.ENVIRONMENT: [places[number % len(places)].pk]}),
        )
        for number in range(VALUES)
    ]
    variable_sets.save(variable_set=variable_set, version=variable_set.version, rows=rows)


def _line(what: str, ask: Callable[[], object]) -> Line:
    ask()
    spans = []
    for _ in range(ASKED):
        began = time.process_time()
        answer = ask()
        spans.append((time.process_time() - began) * 1000)
        assert getattr(answer, "status_code", 0) == 200, answer
    return Line(f"Processor time for the page of {what}, {VALUES:,} values", spread(spans, "ms"), BUDGET)
