"""Steps that start other tasks: run a runbook, deploy a release."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from domain import ids
from domain.ids import BadId, IdKind
from domain.processes import DEPLOY_RELEASE_ACTION, RUNBOOK_ACTION, ActionDef
from domain.step_types.base import Fault, Properties, StepType, Text

_RUNBOOK = "Octoworkers.Action.Runbook."
RUNBOOK = f"{_RUNBOOK}RunbookId"
SNAPSHOT = f"{_RUNBOOK}Snapshot"
_RELEASE = "Octopus.Action.DeployRelease."
PROJECT = f"{_RELEASE}ProjectId"
CONDITION = f"{_RELEASE}DeploymentCondition"
VERSION = "Octoworkers.Action.DeployRelease.Version"
_BOTH = "Octoworkers.Action.Start."
ENVIRONMENT = f"{_BOTH}EnvironmentId"
TENANT = f"{_BOTH}Tenant"
ANSWERS = f"{_BOTH}PromptedValues"
WAIT = f"{_BOTH}Wait"

RUNBOOK_LABELS = {
    RUNBOOK: "Runbook",
    SNAPSHOT: "Snapshot",
    ENVIRONMENT: "Environment",
    TENANT: "Tenant",
    ANSWERS: "Prompted values",
    WAIT: "Waits for its end",
}
RELEASE_LABELS = {
    PROJECT: "Project",
    VERSION: "Release",
    CONDITION: "Deployed",
    ENVIRONMENT: "Environment",
    TENANT: "Tenant",
    ANSWERS: "Prompted values",
    WAIT: "Waits for its end",
}
NO_TENANT = "none"
MOST_ANSWERS = 100
MOST_SNAPSHOTS = 999_999


class When(StrEnum):
    """When a release is deployed, in Octopus's words: in any case, unless it is the current one, or if it is
    newer than the current one."""

    ALWAYS = "Always"
    IF_NOT_CURRENT = "IfNotCurrentVersion"
    IF_NEWER = "IfNewer"


class BadAnswers(ValueError):
    """Prompted values that cannot be read; the message is a sentence."""


def answers(properties: Properties) -> dict[str, str]:
    """The values for what the run asks, by the variable's name, as templates. Raises `BadAnswers`."""
    text = properties.get(ANSWERS, "").strip()
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadAnswers("The prompted values are not JSON.") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise BadAnswers("The prompted values are not an object of names and texts.")
    if len(found) > MOST_ANSWERS:
        raise BadAnswers(f"There are more than {MOST_ANSWERS} prompted values.")
    return found


def lines_of(given: Mapping[str, str]) -> str:
    """Answers as people write them, `Name = value`, one for each line."""
    return "\n".join(f"{name} = {value}" for name, value in given.items())


def to_json(given: Mapping[str, str]) -> str:
    """As a step stores them."""
    return json.dumps(dict(given), ensure_ascii=False)


def read_lines(text: str) -> dict[str, str]:
    """The same back. Raises `BadAnswers`."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, is_there, value = line.partition("=")
        name = name.strip()
        if not is_there or not name:
            raise BadAnswers(f'"{line[:40]}" is not a name, = and a value.')
        if name.casefold() in map(str.casefold, found):
            raise BadAnswers(f"{name} is there twice.")
        found[name] = value.strip()
    if len(found) > MOST_ANSWERS:
        raise BadAnswers(f"There are more than {MOST_ANSWERS} prompted values.")
    return found


def waits(properties: Properties) -> bool:
    """True where nothing is said."""
    return properties.get(WAIT, "True").strip().casefold() != "false"


def environment_of(properties: Properties) -> int | None:
    """None for that of the run itself, -1 for what is no id."""
    return _id(IdKind.ENVIRONMENT, properties.get(ENVIRONMENT, ""))


def snapshot_of(properties: Properties) -> int | None:
    """The number of a snapshot, None for the published one, -1 for what is no number."""
    text = properties.get(SNAPSHOT, "").strip()
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0
    return int(text) if is_number else -1


def runbook_of(properties: Properties) -> int | None:
    return _id(IdKind.RUNBOOK, properties.get(RUNBOOK, ""))


def project_of(properties: Properties) -> int | None:
    return _id(IdKind.PROJECT, properties.get(PROJECT, ""))


def is_without_tenant(properties: Properties) -> bool:
    return properties.get(TENANT, "").strip().casefold() == NO_TENANT


Origin = tuple[str, int]
"""A process that can be started, by the type of the action that starts it and the id of its runbook or
project."""


def starts(action: ActionDef) -> Origin | None:
    """What a step starts; None for one that starts nothing, or is disabled."""
    return None if action.is_disabled else started(action.action_type, action.properties)


def started(action_type: str, properties: Properties) -> Origin | None:
    """The same of an action that is not disabled."""
    of = {RUNBOOK_ACTION: runbook_of, DEPLOY_RELEASE_ACTION: project_of}.get(action_type)
    id = of(properties) if of else None
    return (action_type, id) if id is not None and id > 0 else None


def circle(own: Origin, started_by: Callable[[Origin], Iterable[Origin]]) -> list[Origin]:
    """A way from a process back to itself, with it at both ends; empty where there is none. Each process is
    looked at once."""
    came_from: dict[Origin, Origin] = {}
    waiting = [own]
    while waiting:
        one = waiting.pop(0)
        for following in started_by(one):
            if following == own:
                return [own, *_back(one, own, came_from), own] if one != own else [own, own]
            if following not in came_from:
                came_from[following] = one
                waiting.append(following)
    return []


def _back(one: Origin, own: Origin, came_from: Mapping[Origin, Origin]) -> list[Origin]:
    way = [one]
    while (before := came_from[way[-1]]) != own:
        way.append(before)
    return way[::-1]


def _id(kind: IdKind, text: str) -> int | None:
    if not text.strip():
        return None
    try:
        return ids.decode(kind, text)
    except BadId:
        return -1


def _texts(properties: Properties) -> Sequence[Text]:
    try:
        given = answers(properties)
    except BadAnswers:
        given = {}
    version = [Text("release", properties[VERSION])] if properties.get(VERSION) else []
    return [*version, *(Text(f"value of {name}", value) for name, value in given.items())]


def _shared_faults(properties: Properties) -> Iterator[Fault]:
    if environment_of(properties) == -1:
        yield Fault(f'names the environment "{properties[ENVIRONMENT][:40]}", which is no id of one.')
    if properties.get(TENANT, "").strip().casefold() not in ("", NO_TENANT):
        yield Fault(f'names the tenant "{properties[TENANT][:40]}", where only {NO_TENANT} can stand.')
    try:
        answers(properties)
    except BadAnswers as problem:
        yield Fault(f"cannot be read: {problem}")


def _runbook_faults(properties: Properties) -> Iterator[Fault]:
    if (runbook_of(properties) or -1) < 0:
        yield Fault("runs a runbook, but does not say which.")
    if snapshot_of(properties) == -1:
        yield Fault(f'names the snapshot "{properties[SNAPSHOT][:40]}", which is no number of one.')
    yield from _shared_faults(properties)


def _release_faults(properties: Properties) -> Iterator[Fault]:
    if (project_of(properties) or -1) < 0:
        yield Fault("deploys a release, but does not say of which project.")
    if (properties.get(CONDITION) or When.ALWAYS) not in tuple(When):
        yield Fault(f'deploys "{properties[CONDITION][:40]}", where only {", ".join(When)} can stand.')
    yield from _shared_faults(properties)


RUN_RUNBOOK = StepType(key=RUNBOOK_ACTION, texts=_texts, faults=_runbook_faults, labels=RUNBOOK_LABELS)
DEPLOY_RELEASE = StepType(
    key=DEPLOY_RELEASE_ACTION, texts=_texts, faults=_release_faults, labels=RELEASE_LABELS
)
