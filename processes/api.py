"""Processes as they travel: the same for deployments and runbooks, whose apps bring the addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.api import errors
from common.api.serializers import ANY_OBJECT, Always, Body, Ref, Refs, Text
from domain import ids
from domain.conditions import Applies
from domain.ids import IdKind
from domain.processes import (
    MANUAL_ACTION,
    MAX_PARALLELISM,
    MOST_IN_WINDOW,
    RUN_ON_SERVER,
    TARGET_ROLES,
    location_of,
    window_of,
)
from domain.step_rules import Condition, Start
from domain.targets import BadTag, tags_in
from environments.models import Environment
from pools.models import WorkerPool
from processes.models import Action, Location, PoolChoice, Process, Step
from processes.package_api import PackageBody, packages_json, plain_properties, with_packages
from processes.saving import SaveRefused
from processes.services import processes
from processes.services.processes import StaleProcess, StepFields, StepNameTaken, StepRow, UnknownSteps
from processes.services.steps import action_of, fields_of
from tenants.api import TagNames

LONGEST = 1_000_000
MOST_STEPS = 500
SUCCESS, DECIDES = Condition.SUCCESS.value, "LetOctopusDecide"
EXPRESSION = "Octopus.Step.ConditionVariableExpression"

errors.refuse(
    StaleProcess, code=409, words=lambda error: [f"{error} Read it again and send its new Version."]
)
errors.refuse(SaveRefused, words=lambda error: [str(error)])
errors.refuse(StepNameTaken, words=lambda error: [f"Two steps have the name {error}."])
errors.refuse(
    UnknownSteps, words=lambda error: ["A step has an Id that is not one of this process, or has it twice."]
)


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string", "nullable": True}})
class Properties(serializers.Field[Any, Any, Any, Any]):
    """Settings by their wire names, all texts. Null means not set; a sensitive value is not taken, because it
    would be stored as it is: that is what sensitive variables are for."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, Mapping):
            raise ValidationError("Send an object of names and texts.")
        return {str(name)[:200]: _text(str(name), value) for name, value in data.items() if value is not None}

    def to_representation(self, value: Any) -> Any:
        return dict(value)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "True" if value else "False"
    if isinstance(value, Mapping):
        raise ValidationError(f"{name}: put sensitive values into sensitive variables.")
    if not isinstance(value, (str, int, float)):
        raise ValidationError(f"{name}: send a text.")
    if len(str(value)) > LONGEST:
        raise ValidationError(f"{name}: longer than {LONGEST:,} characters.")
    return str(value)


def _nothing(**kwargs: Any) -> serializers.ListField:
    """A list that has to be empty, because nothing would look at what is in it."""
    return serializers.ListField(required=False, default=list, max_length=0, **kwargs)


def _environments(source: str) -> Refs:
    return Refs(IdKind.ENVIRONMENT, Environment, source=source, required=False, default=list)


class ActionBody(Body):
    Id = serializers.CharField(required=False, allow_blank=True, max_length=100, source="action_id")
    Name = Text(source="name", max_length=120, trim_whitespace=True)
    Slug = Text(source="slug", read_only=True)
    ActionType = Text(source="action_type", required=True, allow_blank=False, max_length=60)
    Notes = Text(source="notes")
    IsDisabled = serializers.BooleanField(source="is_disabled", default=False)
    IsRequired = serializers.BooleanField(source="is_required", default=False)
    CanBeUsedForProjectVersioning = Always(False)
    WorkerPoolId = Ref(IdKind.WORKER_POOL, WorkerPool, source="worker_pool", required=False, allow_null=True)
    WorkerPoolVariable = Text(source="worker_pool_variable", max_length=200, trim_whitespace=True)
    Container = Always({"FeedId": None, "Image": None, "GitUrl": None, "Dockerfile": None})
    Environments = _environments("environments")
    ExcludedEnvironments = _environments("excluded_environments")
    Channels = _nothing()
    TenantTags = TagNames(source="tenant_tags", required=False, default=list)
    Condition = serializers.ChoiceField([SUCCESS], default=SUCCESS)
    Properties = Properties(source="properties", required=False, default=dict)
    Packages = PackageBody(many=True, source="packages", required=False, default=list)
    GitDependencies = _nothing()


class StepBody(Body):
    Id = serializers.CharField(required=False, allow_blank=True, max_length=100, source="step_id")
    Name = Text(source="name", required=True, allow_blank=False, max_length=120, trim_whitespace=True)
    Slug = Text(source="slug", read_only=True)
    Condition = serializers.ChoiceField(list(Condition), source="condition", default=Condition.SUCCESS)
    StartTrigger = serializers.ChoiceField(list(Start), source="start", default=Start.AFTER_PREVIOUS)
    PackageRequirement = serializers.CharField(default=DECIDES, max_length=40)
    Properties = Properties(source="properties", required=False, default=dict)
    Actions = ActionBody(many=True, source="actions")

    def validate(self, attrs: Any) -> Any:
        if len(attrs["actions"]) != 1:
            raise ValidationError({"Actions": "A step has exactly one action here."})
        action = attrs["actions"][0]
        try:
            tags = tags_in(attrs["properties"].get(TARGET_ROLES, ""))
        except BadTag as error:
            raise ValidationError({"Properties": str(error)}) from error
        if _runs_on_target(action) and not tags and not _is_manual(action):
            raise ValidationError(NO_ROLES)
        return {**attrs, "target_tags": tags, "window": _window(attrs["properties"])}


def _window(properties: Mapping[str, str]) -> int:
    """How many targets at once; 0 where nothing is said."""
    window = window_of(properties.get(MAX_PARALLELISM, ""))
    if window is None:
        raise ValidationError({"Properties": f"{MAX_PARALLELISM}: send a number up to {MOST_IN_WINDOW}."})
    return window


NO_ROLES = (
    f"A step with {RUN_ON_SERVER} false runs on deployment targets: name their tags in the step's property "
    f"{TARGET_ROLES}, separated by commas."
)


def _runs_on_target(action: Mapping[str, Any]) -> bool:
    return str(action["properties"].get(RUN_ON_SERVER, "true")).casefold() == "false"


def _is_manual(action: Mapping[str, Any]) -> bool:
    return action["action_type"] == MANUAL_ACTION


class ProcessBody(Body):
    """What a PUT of a process says."""

    Version = serializers.IntegerField(source="version", min_value=0, max_value=2**31 - 1)
    Steps = StepBody(many=True, source="steps", max_length=MOST_STEPS)  # type: ignore[call-arg]  # of the list


EXAMPLE = OpenApiExample(
    "A step in the pool that a variable picks",
    {
        "Version": 1,
        "Steps": [
            {
                "Name": "Back up",
                "Actions": [
                    {
                        "Name": "Back up",
                        "ActionType": "Octopus.Script",
                        "WorkerPoolVariable": "Project.WorkerPool",
                        "Properties": {
                            "Octopus.Action.Script.Syntax": "Bash",
                            "Octopus.Action.Script.ScriptBody": "echo hello",
                        },
                    }
                ],
            }
        ],
    },
    request_only=True,
)
STEP_SCHEMA: dict[str, Any] = ANY_OBJECT


def save(process: Process, data: Mapping[str, Any], *, user: Any) -> None:
    """Stores a checked `ProcessBody`."""
    known = {step.pk for step in process.steps.all()}
    rows = [StepRow(_fields(row), id=_id(row.get("step_id", ""), known)) for row in data["steps"]]
    processes.replace_steps(process=process, version=data["version"], rows=rows, user=user)
    process.refresh_from_db()


def _id(text: str, known: set[int]) -> int | None:
    """An id of another process, as exports have it, makes a new step."""
    if not ids.is_id(IdKind.STEP, text):
        return None
    number = ids.decode(IdKind.STEP, text)
    return number if number in known else None


def _fields(row: Mapping[str, Any]) -> StepFields:
    action = row["actions"][0]
    by_variable = bool(action["worker_pool_variable"])
    return StepFields(
        name=row["name"],
        condition=Condition(row["condition"]),
        expression=row["properties"].get(EXPRESSION, ""),
        start=Start(row["start"]),
        location=Location(location_of(action["properties"], row["target_tags"]).value),
        target_tags=row["target_tags"],
        window=row["window"],
        is_required=action["is_required"],
        applies=Applies(
            environments=_pks(action["environments"]),
            excluded_environments=_pks(action["excluded_environments"]),
            tenant_tags=tuple(sorted({tag.canonical_name for tag in action["tenant_tags"]})),
        ),
        properties=with_packages(action["properties"], action["packages"]),
        action_type=action["action_type"],
        pool_choice=PoolChoice.VARIABLE if by_variable else PoolChoice.SPECIFIC,
        worker_pool=action.get("worker_pool"),
        worker_pool_variable=action["worker_pool_variable"],
        notes=action["notes"],
        is_disabled=action["is_disabled"],
    )


def _pks(rows: Sequence[Environment]) -> tuple[str, ...]:
    return tuple(sorted(str(row.pk) for row in rows))


def steps_of(process: Process) -> list[dict[str, Any]]:
    """The steps as they are read."""
    return [_step(step) for step in process.steps.prefetch_related("actions__worker_pool")]


def _step(step: Step) -> dict[str, Any]:
    applies = fields_of(step).applies
    return {
        "Id": ids.encode(IdKind.STEP, step.pk),
        "Name": step.name,
        "Slug": step.slug,
        "Condition": step.condition,
        "StartTrigger": step.start_trigger,
        "PackageRequirement": DECIDES,
        "Properties": _step_properties(step),
        "Actions": [_action(action_of(step), applies)],
    }


def _step_properties(step: Step) -> dict[str, str]:
    """Tags that are only kept are not told: to clients they would mean that the step runs for targets."""
    found = {EXPRESSION: step.expression} if step.expression else {}
    if step.target_tags and action_of(step).location != Location.WORKER:
        found[TARGET_ROLES] = ",".join(step.target_tags)
        if step.window:
            found[MAX_PARALLELISM] = str(step.window)
    return found


def _action(action: Action, applies: Applies) -> dict[str, Any]:
    is_fixed = action.pool_choice == PoolChoice.SPECIFIC
    pool = action.worker_pool_id if is_fixed else None
    return {
        "Id": ids.encode(IdKind.ACTION, action.pk),
        "Name": action.name,
        "Slug": action.slug,
        "ActionType": action.action_type,
        "Notes": action.notes,
        "IsDisabled": action.is_disabled,
        "IsRequired": action.is_required,
        "CanBeUsedForProjectVersioning": False,
        "WorkerPoolId": ids.encode(IdKind.WORKER_POOL, pool) if pool else None,
        "WorkerPoolVariable": None if is_fixed else action.worker_pool_variable,
        "Container": {"FeedId": None, "Image": None, "GitUrl": None, "Dockerfile": None},
        "Environments": _environment_ids(applies.environments),
        "ExcludedEnvironments": _environment_ids(applies.excluded_environments),
        "Channels": [],
        "TenantTags": list(applies.tenant_tags),
        "Packages": packages_json(action.properties),
        "GitDependencies": [],
        "Condition": SUCCESS,
        "Properties": _properties(action),
    }


def _environment_ids(pks: Sequence[str]) -> list[str]:
    return [ids.encode(IdKind.ENVIRONMENT, int(pk)) for pk in pks]


def _properties(action: Action) -> dict[str, str]:
    """Clients tell by the first one whether a step runs on a worker or on targets."""
    on_server = "false" if action.location == Location.TARGET else "true"
    return {**plain_properties(action.properties), RUN_ON_SERVER: on_server}


PROCESS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "Id": {"type": "string"},
        "SpaceId": {"type": "string"},
        "ProjectId": {"type": "string"},
        "RunbookId": {"type": "string", "description": "Of a runbook's process alone."},
        "Steps": {"type": "array", "items": STEP_SCHEMA},
        "Version": {"type": "integer"},
        "LastSnapshotId": {"type": "string", "nullable": True},
        "Links": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "required": ["Id", "SpaceId", "ProjectId", "Steps", "Version", "Links"],
}
