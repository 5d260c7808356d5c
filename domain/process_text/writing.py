"""A process as plain tables, lists and texts; what is as usual is left out."""

from __future__ import annotations

from typing import Any

from domain.process_text.model import ActionText, ProcessText, StepText
from domain.processes import MAX_PARALLELISM, TARGET_ROLES, Location
from domain.step_rules import Condition, Start

EXPRESSION = "Octopus.Step.ConditionVariableExpression"
CHILD_EXPRESSION = "Octopus.Action.ConditionVariableExpression"
"""Properties that Octopus keeps the expression of a condition in: of a step, and of a child step."""

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
            "actions": [_action(action, of_child=len(step.actions) > 1) for action in step.actions],
        }
    )


def _properties(step: StepText) -> Document:
    """Tags that are only kept are not told: read again, they would mean that the step runs for targets."""
    for_targets = len(step.actions) > 1 or any(action.location.has_targets for action in step.actions)
    return {
        EXPRESSION: step.expression,
        TARGET_ROLES: ",".join(step.target_tags) if for_targets else "",
        MAX_PARALLELISM: str(step.window) if for_targets and step.window else "",
    }


def _action(action: ActionText, *, of_child: bool) -> Document:
    # A child says its condition itself; of a single action it is that of the step.
    when = action.condition if of_child else Condition.SUCCESS
    expression = {CHILD_EXPRESSION: action.expression} if of_child and action.expression else {}
    found = _said(
        {
            "slug": action.slug,
            "name": action.name,
            "action_type": action.action_type,
            "condition": "" if when is Condition.SUCCESS else when.value,
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
            "properties": {**action.properties, **expression},
        }
    )
    if action.worker_pool_variable == "":
        # A variable that is still to be chosen is not the default pool.
        found["worker_pool_variable"] = ""
    return found


def _said(fields: Document) -> Document:
    return {name: value for name, value in fields.items() if value}
