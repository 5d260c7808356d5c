"""Starting runs by the names of things, as pipelines do: the same for deployments and runbooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from common.api import errors
from common.api.serializers import Body, Text, find
from domain.ids import IdKind
from domain.processes import ProcessDef
from environments.models import Environment
from projects.api.tenants import with_tags
from projects.models import Project, TenantLink
from projects.places import NoPlace, Place
from projects.services import runs
from projects.services.runs import Runnable, RunRefused
from projects.services.shown_plans import PlanChanged
from tasks.api.plans import PLAN_SCHEMA, plan_json
from tasks.services.options import Wishes
from tasks.services.tasks import BadStart, PlanHasErrors
from tasks.subjects import CannotRerun
from tenants.models import Tenant

errors.refuse(NoPlace, BadStart)
errors.refuse(CannotRerun, PlanChanged, code=409)
errors.refuse(PlanHasErrors, words=lambda error: _problems(error))


def _problems(error: Exception) -> list[str]:
    """Each problem once, with the place where it is one."""
    if isinstance(error, RunRefused):
        found = [
            f"{one.place.label}: {problem.message}" for one in error.plans for problem in one.plan.problems
        ]
        return list(dict.fromkeys(found))
    return [problem.message for problem in error.plan.problems] if isinstance(error, PlanHasErrors) else []


def _names(**kwargs: Any) -> serializers.ListField:
    child = serializers.CharField(max_length=300)
    return serializers.ListField(child=child, required=False, default=list, max_length=1000, **kwargs)


class AnswersField(serializers.DictField):
    """Answers to prompts by the name of the variable or the id of its value. Written, not read."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.CharField(allow_blank=True, max_length=100_000, trim_whitespace=False)
        super().__init__(**{"child": child, "required": False, "default": dict, **kwargs})

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            data = {name: str(value) if isinstance(value, bool) else value for name, value in data.items()}
        return super().to_internal_value(data)

    def get_attribute(self, instance: Any) -> dict[str, str]:
        return {}


class StartBody(Body):
    """What all starts share. Things are named by name, slug or id, in any case."""

    ProjectName = Text(source="project", required=True, allow_blank=False, max_length=200)
    SpaceId = Text(source="space_id", max_length=200)
    SpaceIdOrName = Text(source="space_name", max_length=200)
    Tenants = _names(source="tenants")
    TenantTags = _names(source="tags")
    UseGuidedFailure = serializers.BooleanField(
        source="guided_failure", required=False, allow_null=True, default=None
    )
    RunAt = serializers.DateTimeField(source="start_at", required=False, allow_null=True, default=None)
    NoRunAfter = serializers.DateTimeField(source="expires", required=False, allow_null=True, default=None)
    Priority = Text(source="priority", max_length=40)
    ForcePackageDownload = serializers.BooleanField(source="force_download", default=False)
    DebugMode = serializers.BooleanField(source="debug", required=False, allow_null=True, default=None)
    Variables = AnswersField(source="variables")
    SpecificMachineNames = _names(source="machines")
    ExcludedMachineNames = _names(source="excluded")
    SkipStepNames = _names(source="skipped")

    def validate(self, attrs: Any) -> Any:
        """What would change the run and cannot be done is refused, not overlooked."""
        for name, words in (
            ("machines", "SpecificMachineNames: the pool of a step decides which workers run it."),
            ("excluded", "ExcludedMachineNames: the pool of a step decides which workers run it."),
        ):
            if attrs[name]:
                raise ValidationError(words)
        return attrs


def wishes(data: dict[str, Any]) -> Wishes:
    start: datetime | None = data["start_at"]
    expires: datetime | None = data["expires"]
    timeout = expires - (start or timezone.now()) if expires else None
    if timeout is not None and timeout.total_seconds() <= 0:
        raise ValidationError({"NoRunAfter": "This is before the start."})
    return Wishes(
        start_at=start,
        queue_timeout=timeout,
        is_prioritised=data["priority"].casefold() in {"on", "true"},
        guided_failure=data["guided_failure"],
        answers=data["variables"],
    )


def left_out(
    process: Mapping[str, Any], words: Sequence[str], *, member: str = "SkipStepNames"
) -> frozenset[str]:
    """The actions of a frozen process that are named, by the name of the step or by their ids. A step that it
    does not have is refused: whoever misspells one does not want it to run."""
    known: dict[str, str] = {}
    for _, action in ProcessDef.from_json(dict(process)).actions() if words else ():
        known[action.name.casefold()] = known[f"{IdKind.ACTION.value}-{action.id}".casefold()] = action.id
    for word in words:
        if word.strip().casefold() not in known:
            raise ValidationError({member: f"The process has no step {word[:80]!r}: not found."})
    return frozenset(known[word.strip().casefold()] for word in words)


def environments_named(view: Any, names: Sequence[str]) -> list[Environment]:
    return [_named(view, Environment, IdKind.ENVIRONMENT, name) for name in dict.fromkeys(names)]


def tenants_named(
    view: Any,
    project: Project,
    names: Sequence[str],
    tags: Sequence[str],
    environments: Sequence[Environment],
) -> list[Tenant]:
    """Those that are named, and those with the tags that are connected to the project there."""
    found = [_named(view, Tenant, IdKind.TENANT, name) for name in dict.fromkeys(names)]
    if tags:
        links = TenantLink.objects.filter(project=project, environments__in=list(environments))
        rows = view.visible(Tenant).filter(pk__in=links.values("tenant_id"), is_disabled=False)
        found += list(with_tags(rows, list(tags)))
        if not found:
            raise ValidationError(
                {"TenantTags": "No tenant with these tags is connected to the project there."}
            )
    return list(dict.fromkeys(found))


PREVIEW = {"type": "object", "properties": {"Plans": {"type": "array", "items": PLAN_SCHEMA}}}


def previews(
    runnable: Runnable, places: Sequence[Place], data: Mapping[str, Any], *, user: Any
) -> dict[str, Any]:
    """The plans that a start with this body would freeze now."""
    skipped = left_out(runnable.process, data["skipped"])
    plans = runs.plan(runnable, places, left_out=skipped, answers=data["variables"], user=user)
    return {"Plans": [plan_json(one.plan) for one in plans]}


def project_named(view: Any, name: str) -> Project:
    rows = view.visible(Project).select_related("space", "lifecycle")
    found: Project | None = find(rows, IdKind.PROJECT, name)
    if found is None:
        raise ValidationError({"ProjectName": f"The project {name[:80]!r} was not found in this space."})
    return found


def _named(view: Any, model: Any, kind: IdKind, name: str) -> Any:
    row = find(view.visible(model), kind, name)
    if row is None:
        noun = str(model._meta.verbose_name)
        raise ValidationError(f"The {noun} {name[:80]!r} was not found in this space.")
    return row
