"""Runs for the engine's tests, made through the same services as real ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from domain.planning import RunPlan
from domain.processes import SCRIPT_ACTION, SCRIPT_BODY, SCRIPT_SYNTAX, ActionDef, ProcessDef, StepDef
from environments.models import Environment
from pools.models import WorkerPool
from tasks.models import Attempt, Kind, ServerTask
from tasks.services import planning, tasks
from tasks.services.options import RunOptions
from tests.factories import EnvironmentFactory, UserFactory
from variables.services import sealing


def process(
    *scripts: str,
    pool: WorkerPool,
    syntax: str = "Bash",
    action_type: str = SCRIPT_ACTION,
    properties: Mapping[str, str] | None = None,
) -> ProcessDef:
    """One step per script; `properties` are added to those of the first."""
    steps = []
    for number, script in enumerate(scripts, start=1):
        action = ActionDef(
            id=f"a{number}",
            name=f"Step {number}",
            action_type=action_type,
            properties={
                SCRIPT_BODY: script,
                SCRIPT_SYNTAX: syntax,
                **((properties or {}) if number == 1 else {}),
            },
            worker_pool_id=str(pool.pk),
            worker_pool_name=pool.name,
        )
        steps.append(StepDef(id=f"s{number}", name=f"Step {number}", number=number, actions=(action,)))
    return ProcessDef(tuple(steps))


NO_VARIABLES: dict[str, Any] = {"schema": 1, "variables": []}


def frozen_variables(rows: list[tuple[str, str, str]]) -> dict[str, Any]:
    """A snapshot's variables from names, types and plain values; sensitive ones are sealed."""
    return {
        "schema": 1,
        "variables": [
            {
                "id": str(number),
                "name": name,
                "type": type,
                "value": sealing.seal(value) if type == "Sensitive" else value,
                "scope": {},
                "label": "",
            }
            for number, (name, type, value) in enumerate(rows)
        ],
    }


def plan(
    *scripts: str,
    pool: WorkerPool,
    environment: Environment,
    variables: dict[str, Any] | None = None,
    **given: Any,
) -> RunPlan:
    """`given` as `process` takes it."""
    return planning.build(
        space=pool.space,
        process=process(*scripts, pool=pool, **given).to_json(),
        variables=variables or NO_VARIABLES,
        environment=environment,
        tenant=None,
        process_ref="runbook:1",
        process_label="A runbook",
    )


def queue(
    *scripts: str,
    pool: WorkerPool,
    environment: Environment | None = None,
    concurrency_key: str = "runbook:1",
    variables: dict[str, Any] | None = None,
    now: datetime | None = None,
    options: RunOptions = RunOptions(),  # noqa: B008 - frozen
    **given: Any,
) -> ServerTask:
    """A queued run with one step per script on a pool; `given` as `process` takes it."""
    environment = environment or EnvironmentFactory(space=pool.space)
    return tasks.create(
        space=pool.space,
        kind=Kind.RUNBOOK_RUN,
        name="A runbook",
        subject_kind="runbook-run",
        subject_id=1,
        subject_url="/",
        project_id=None,
        project_name="",
        runbook_id=1,
        environment=environment,
        tenant=None,
        plan=plan(*scripts, pool=pool, environment=environment, variables=variables, **given),
        concurrency_key=concurrency_key,
        user=UserFactory(),
        now=now or timezone.now(),
        options=options,
    )


def live_attempt(task: ServerTask) -> Attempt:
    return Attempt.objects.filter(execution__task=task).order_by("execution__number", "epoch").last()
