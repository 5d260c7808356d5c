"""The plan of a run as people may see it: steps, pools and why, problems. Never a value of a variable, since
sensitive ones stand in a plan as their ciphertext."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain import ids
from domain.ids import IdKind
from domain.plans import PlannedStep, PoolReason, Problem, ReasonRow, RunPlan
from domain.processes import Location

_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": "string", "nullable": True}
REASON_SCHEMA: dict[str, Any] = {
    "type": "object",
    "nullable": True,
    "properties": {
        "Kind": {"type": "string", "enum": ["fixed", "default", "variable"]},
        "Sentence": _TEXT,
        "Variable": _TEXT_OR_NULL,
        "Values": {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
    },
}
STEP_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "Number": {"type": "integer"},
        "Child": {"type": "integer", "description": "Of a child step: its place among the children, from 1."},
        "ParentName": _TEXT,
        "Name": _TEXT,
        "ActionType": _TEXT,
        "Skipped": _TEXT_OR_NULL,
        "WorkerPoolId": _TEXT_OR_NULL,
        "WorkerPoolName": _TEXT,
        "ExecutionLocation": {"type": "string", "enum": [one.value for one in Location]},
        "TargetRoles": {"type": "array", "items": _TEXT},
        "Targets": {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
        "TargetsWhy": _TEXT,
        "Why": REASON_SCHEMA,
        "Capacity": _TEXT_OR_NULL,
    },
}
PLAN_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "Environment": _TEXT,
        "Tenant": _TEXT_OR_NULL,
        "Process": _TEXT,
        "CanStart": {"type": "boolean"},
        "Steps": {"type": "array", "items": STEP_SCHEMA},
        "Problems": {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
    },
}


def plan_json(plan: RunPlan) -> dict[str, Any]:
    return {
        "Environment": plan.labels.environment,
        "Tenant": plan.labels.tenant or None,
        "Process": plan.labels.process,
        "CanStart": plan.can_start,
        "Steps": [step_json(step) for step in plan.steps],
        "Problems": [_problem(problem) for problem in plan.problems],
    }


def step_json(step: PlannedStep) -> dict[str, Any]:
    return {
        "Number": step.number,
        "Child": step.child,
        "ParentName": step.parent,
        "Name": step.name,
        "ActionType": step.action_type,
        "Skipped": step.skipped,
        "WorkerPoolId": _pool(step),
        "WorkerPoolName": step.pool_name,
        "ExecutionLocation": step.location.value,
        "TargetRoles": list(step.target_tags),
        "Targets": [
            {"Id": ids.encode(IdKind.MACHINE, int(one.id)), "Name": one.name, "Roles": list(one.tags)}
            for one in step.targets
        ],
        "TargetsWhy": step.targets_why,
        "Why": _reason(step.why),
        "Capacity": step.capacity.sentence if step.capacity else None,
    }


def _pool(step: PlannedStep) -> str | None:
    return ids.encode(IdKind.WORKER_POOL, int(step.pool_id)) if step.pool_id else None


def _reason(why: PoolReason | None) -> dict[str, Any] | None:
    """Each value of the variable, with what spoke for or against it."""
    if why is None:
        return None
    return {
        "Kind": why.kind.value,
        "Sentence": why.sentence,
        "Variable": why.variable,
        "Values": reason_rows(why.rows),
    }


def reason_rows(rows: Sequence[ReasonRow]) -> list[dict[str, Any]]:
    return [
        {
            "Value": row.value,
            "Scope": [{"Kind": label.kind.value, "Text": label.text} for label in row.labels],
            "Result": row.result,
            "IsUsed": row.used,
        }
        for row in rows
    ]


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "Code": problem.code.value,
        "Message": problem.message,
        "Severity": problem.severity.value,
        "Step": problem.step,
    }
