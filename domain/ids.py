"""Ids as the REST API spells them: the kind in the plural, a hyphen, a number (Projects-1)."""

from __future__ import annotations

import re
from enum import StrEnum

#: Digits of the largest number that every database keeps.
_DIGITS = 18
_NUMBER = re.compile(rf"[0-9]{{1,{_DIGITS}}}")


class IdKind(StrEnum):
    """What can have an id; the value stands before the hyphen. The spelling is Octopus Deploy's."""

    SPACE = "Spaces"
    USER = "Users"
    API_KEY = "ApiKeys"
    WORKER_POOL = "WorkerPools"
    WORKER = "Workers"
    MACHINE = "Machines"
    MACHINE_POLICY = "MachinePolicies"
    ENVIRONMENT = "Environments"
    PROJECT_GROUP = "ProjectGroups"
    PROJECT = "Projects"
    LIFECYCLE = "Lifecycles"
    CHANNEL = "Channels"
    RUNBOOK = "Runbooks"
    RUNBOOK_SNAPSHOT = "RunbookSnapshots"
    RUNBOOK_RUN = "RunbookRuns"
    RELEASE = "Releases"
    DEPLOYMENT = "Deployments"
    TASK = "ServerTasks"
    TENANT = "Tenants"
    TAG_SET = "TagSets"
    TAG = "Tags"
    LIBRARY_VARIABLE_SET = "LibraryVariableSets"
    VARIABLE = "Variables"
    VARIABLE_TEMPLATE = "VariableTemplates"
    TENANT_VARIABLE = "TenantVariables"
    FEED = "Feeds"
    PACKAGE = "packages"
    BUILD_INFORMATION = "BuildInformation"
    ACCOUNT = "Accounts"
    INTERRUPTION = "Interruptions"
    ARTIFACT = "Artifacts"
    EVENT = "Events"
    CERTIFICATE = "Certificates"
    STEP = "Steps"
    ACTION = "Actions"
    ACTION_TEMPLATE = "ActionTemplates"
    ATTEMPT = "Attempts"


class BadId(ValueError):
    """The text is not an id of the kind that is asked for."""

    def __init__(self, kind: IdKind, text: str) -> None:
        super().__init__(f"{text[:80]!r} is not an id of the form {kind.value}-1.")
        self.kind = kind


def encode(kind: IdKind, number: int) -> str:
    """For example Projects-1."""
    return f"{kind.value}-{number}"


def decode(kind: IdKind, text: str) -> int:
    """The number of an id, whose letters may stand in any case. Raises `BadId`."""
    prefix, _, number = text.strip().rpartition("-")
    if prefix.casefold() != kind.value.casefold() or not _NUMBER.fullmatch(number):
        raise BadId(kind, text)
    return int(number)


def is_id(kind: IdKind, text: str) -> bool:
    """Whether `decode` would read it."""
    try:
        decode(kind, text)
    except BadId:
        return False
    return True


RUNBOOK_PROCESS = "RunbookProcess"
DEPLOYMENT_PROCESS = "deploymentprocess"
VARIABLE_SET = "variableset"


def derived(word: str, kind: IdKind, number: int) -> str:
    """The id of what belongs to something and has no id of its own, such as variableset-Projects-1."""
    return f"{word}-{encode(kind, number)}"


def underived(word: str, kind: IdKind, text: str) -> int:
    """The number of the owner in a derived id. Raises `BadId`."""
    first, _, rest = text.strip().partition("-")
    if first.casefold() != word.casefold():
        raise BadId(kind, text)
    return decode(kind, rest)


def frozen(base: str, number: int, digest: str) -> str:
    """The id of a frozen copy: variableset-Projects-1-s-4-1A2B3."""
    return f"{base}-s-{number}-{digest[:5].upper()}"
