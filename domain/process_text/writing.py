"""A process as plain tables, lists and texts; what is as usual is left out."""

from __future__ import annotations

from typing import Any

from domain.process_text.model import ActionText, ProcessText, StepText
from domain.processes import MAX_PARALLELISM, TARGET_ROLES, Location
from domain.step_rules import Condition, Start

EXPRESSION = "Octopus.Step.ConditionVariableExpression"

Document = dict[str, Any]


def document(process: ProcessText) -> Document:
    return {"steps": [_step(step) for step in process.steps]}


def _step(step: StepText) -> Document:
    return _said(
        {
            "slug": step.slug,
            "name": step.name,
            "condition": "" if step.condition is Condition.SUCCESS else step.condition.value,
            "start_trigger": "" if step.start is Start.AFTER_PREVIOUS else step.start.value,
            "properties": _said(_properties(step)),
            "actions": [_action(action) for action in step.actions],
        }
    )


def _properties(step: StepText) -> Document:
    """Tags that are only kept are not told: read again, they would mean that the step runs for targets."""
    for_targets = any(action.location.has_targets for action in step.actions)
    return {
        EXPRESSION: step.expression,
        TARGET_ROLES: ",".join(step.target_tags) if for_targets else "",
        MAX_PARALLELISM: str(step.window) if for_targets and step.window else "",
    }


def _action(action: ActionText) -> Document:
    found = _said(
        {
            "slug": action.slug,
            "name": action.name,
            "action_type": action.action_type,
            "is_disabled": action.is_disabled,
            "is_required": action.is_required,
            "location": "" if action.location is Location.WORKER else action.location.value,
            "worker_pool": action.worker_pool,
            "worker_pool_variable": action.worker_pool_variable,
            "environments": list(action.environments),
            "excluded_environments": list(action.excluded_environments),
            "channels": list(action.channels),
            "tenant_tags": list(action.tenant_tags),
            "notes": action.notes,
            "properties": dict(action.properties),
        }
    )
    if action.worker_pool_variable == "":
        # A variable that is still to be chosen is not the default pool.
        found["worker_pool_variable"] = ""
    return found


def _said(fields: Document) -> Document:
    return {name: value for name, value in fields.items() if value}
