"""Processes as they travel: the same for deployments and runbooks, whose apps bring the addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.api import errors
from common.api.serializers import ANY_OBJECT, Always, Body, Ref, Refs, Text
from domain import ids
from domain.conditions import Applies
from domain.containers import LONGEST_IMAGE
from domain.ids import IdKind
from domain.process_text.writing import CHILD_EXPRESSION, EXPRESSION
from domain.processes import (
    CONTAINER_IMAGE,
    MANUAL_ACTION,
    MAX_PARALLELISM,
    MOST_IN_WINDOW,
    PARENT_STEP,
    RUN_ON_SERVER,
    TARGET_ROLES,
    child_location,
    location_of,
    window_of,
)
from domain.processes import Location as Runs
from domain.step_rules import Condition, Start
from domain.targets import BadTag, tags_in
from environments.models import Environment
from pools.models import WorkerPool
from processes import channels
from processes.channels import ChannelOption
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


@extend_schema_field({"type": "array", "items": {"type": "string", "x-references": IdKind.CHANNEL.value}})
class ChannelIds(serializers.ListField):
    """Channels of the project by id, slug or name."""

    child = serializers.CharField(max_length=200)


@extend_schema_field({"type": "object", "nullable": True, "additionalProperties": {"nullable": True}})
class ContainerField(serializers.Field[Any, Any, Any, Any]):
    """The image that a step runs in, with its registry; the account for it is the property
    Octoworkers.Action.Container.AccountVariable."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, Mapping):
            raise ValidationError("Send an object with an Image.")
        if any(data.get(name) for name in ("FeedId", "GitUrl", "Dockerfile")):
            raise ValidationError("There are no feeds of images here: write the registry into Image.")
        image = str(data.get("Image") or "").strip()
        if len(image) > LONGEST_IMAGE:
            raise ValidationError(f"Image: longer than {LONGEST_IMAGE} characters.")
        return image

    def to_representation(self, value: Any) -> Any:
        return container_json(str(value))


def container_json(image: str) -> dict[str, str | None]:
    return {"FeedId": None, "Image": image or None, "GitUrl": None, "Dockerfile": None}


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
    Container = ContainerField(source="container", required=False, allow_null=True, default="")
    Environments = _environments("environments")
    ExcludedEnvironments = _environments("excluded_environments")
    Channels = ChannelIds(source="channels", required=False, default=list)
    TenantTags = TagNames(source="tenant_tags", required=False, default=list)
    Condition = serializers.ChoiceField(list(Condition), source="condition", default=Condition.SUCCESS)
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
        _check_actions(attrs["actions"])
        try:
            tags = tags_in(attrs["properties"].get(TARGET_ROLES, ""))
        except BadTag as error:
            raise ValidationError({"Properties": str(error)}) from error
        if not tags and any(_runs_on_target(one) and not _is_manual(one) for one in attrs["actions"]):
            raise ValidationError(NO_ROLES)
        return {**attrs, "target_tags": tags, "window": _window(attrs["properties"])}


def _check_actions(actions: Sequence[Mapping[str, Any]]) -> None:
    if not actions:
        raise ValidationError({"Actions": "A step needs an action."})
    if len(actions) == 1 and actions[0]["condition"] != SUCCESS:
        # Octopus has it there too, and does not look at it.
        raise ValidationError(
            {"Actions": "The condition of a single action is that of its step: set that one."}
        )
    if len(actions) > 1 and not all(one.get("name") for one in actions):
        raise ValidationError({"Actions": "Each of several actions needs a Name."})


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
    stored = list(process.steps.prefetch_related("actions"))
    known = _Known(
        parents={step.pk for step in stored if step.is_parent},
        singles={step.pk for step in stored if not step.is_parent},
        of_actions={action.pk: step.pk for step in stored for action in step.actions.all()},
        channels=channels.of(process),
    )
    rows = [known.row(row) for row in data["steps"]]
    processes.replace_steps(process=process, version=data["version"], rows=rows, user=user)
    process.refresh_from_db()


@dataclass(frozen=True)
class _Known:
    """What a process has, by id. An id of another process, as exports have it, makes a new step."""

    parents: set[int]
    singles: set[int]
    of_actions: Mapping[int, int]
    channels: Sequence[ChannelOption]

    def row(self, row: Mapping[str, Any]) -> StepRow:
        actions, id = row["actions"], _number(IdKind.STEP, row.get("step_id", ""))
        if len(actions) == 1:
            of_action = self._of_action(actions[0])
            return StepRow(
                _fields(row, actions[0], self.channels), id=id if id in self.singles else of_action
            )
        children = tuple(
            StepRow(_child_fields(row, one, self.channels), id=self._of_action(one)) for one in actions
        )
        return StepRow(_parent_fields(row), id=id if id in self.parents else None, children=children)

    def _of_action(self, action: Mapping[str, Any]) -> int | None:
        return self.of_actions.get(_number(IdKind.ACTION, action.get("action_id", "")) or 0)


def _number(kind: IdKind, text: str) -> int | None:
    return ids.decode(kind, text) if ids.is_id(kind, text) else None


def _parent_fields(row: Mapping[str, Any]) -> StepFields:
    return StepFields(
        name=row["name"],
        action_type=PARENT_STEP,
        condition=Condition(row["condition"]),
        expression=row["properties"].get(EXPRESSION, ""),
        start=Start(row["start"]),
        target_tags=row["target_tags"],
        window=row["window"],
    )


def _child_fields(
    row: Mapping[str, Any], action: Mapping[str, Any], options: Sequence[ChannelOption]
) -> StepFields:
    """What the step says of all its children, the child only keeps."""
    properties = dict(action["properties"])
    expression = properties.pop(CHILD_EXPRESSION, "")
    return replace(
        _fields(row, {**action, "properties": properties}, options),
        name=action["name"],
        condition=Condition(action["condition"]),
        expression=expression,
        start=Start.AFTER_PREVIOUS,
    )


def _fields(
    row: Mapping[str, Any], action: Mapping[str, Any], options: Sequence[ChannelOption]
) -> StepFields:
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
            channels=tuple(sorted({_channel(name, options) for name in action["channels"]})),
            tenant_tags=tuple(sorted({tag.canonical_name for tag in action["tenant_tags"]})),
        ),
        properties={
            **with_packages(action["properties"], action["packages"]),
            **({CONTAINER_IMAGE: action["container"]} if action["container"] else {}),
        },
        action_type=action["action_type"],
        pool_choice=PoolChoice.VARIABLE if by_variable else PoolChoice.SPECIFIC,
        worker_pool=action.get("worker_pool"),
        worker_pool_variable=action["worker_pool_variable"],
        notes=action["notes"],
        is_disabled=action["is_disabled"],
    )


def _channel(text: str, options: Sequence[ChannelOption]) -> str:
    """By id, slug or name."""
    for one in options:
        if text.casefold() in (f"{IdKind.CHANNEL.value}-{one.id}".casefold(), one.slug, one.name.casefold()):
            return one.id
    raise ValidationError(
        {"Channels": f"The project has no channel {text[:80]}, or this is no deployment process."}
    )


def _pks(rows: Sequence[Environment]) -> tuple[str, ...]:
    return tuple(sorted(str(row.pk) for row in rows))


def steps_of(process: Process) -> list[dict[str, Any]]:
    """The steps as they are read."""
    steps = list(process.steps.prefetch_related("actions__worker_pool"))
    children: dict[int, list[Step]] = {}
    for step in steps:
        if step.parent_id:
            children.setdefault(step.parent_id, []).append(step)
    return [_step(step, children.get(step.pk, ())) for step in steps if not step.parent_id]


def _step(step: Step, children: Sequence[Step]) -> dict[str, Any]:
    return {
        "Id": ids.encode(IdKind.STEP, step.pk),
        "Name": step.name,
        "Slug": step.slug,
        "Condition": step.condition,
        "StartTrigger": step.start_trigger,
        "PackageRequirement": DECIDES,
        "Properties": _step_properties(step),
        "Actions": [_child(one, of=step) for one in children] if step.is_parent else [_action(step)],
    }


def _step_properties(step: Step) -> dict[str, str]:
    """Tags that are only kept are not told: to clients they would mean that the step runs for targets."""
    found = {EXPRESSION: step.expression} if step.expression else {}
    if step.target_tags and (step.is_parent or action_of(step).location != Location.WORKER):
        found[TARGET_ROLES] = ",".join(step.target_tags)
        if step.window:
            found[MAX_PARALLELISM] = str(step.window)
    return found


def _child(step: Step, *, of: Step) -> dict[str, Any]:
    found = _action(step)
    location = child_location(Runs(action_of(step).location), of.target_tags)
    expression = {CHILD_EXPRESSION: step.expression} if step.expression else {}
    on_server = {RUN_ON_SERVER: "false" if location is Runs.TARGET else "true"}
    properties = {**found["Properties"], **expression, **on_server}
    return {**found, "Condition": step.condition, "Properties": properties}


def _action(step: Step) -> dict[str, Any]:
    action, applies = action_of(step), fields_of(step).applies
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
        "Container": container_json(action.properties.get(CONTAINER_IMAGE, "")),
        "Environments": _environment_ids(applies.environments),
        "ExcludedEnvironments": _environment_ids(applies.excluded_environments),
        "Channels": [ids.encode(IdKind.CHANNEL, int(pk)) for pk in applies.channels],
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
    plain = {name: text for name, text in action.properties.items() if name != CONTAINER_IMAGE}
    return {**plain_properties(plain), RUN_ON_SERVER: on_server}


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
