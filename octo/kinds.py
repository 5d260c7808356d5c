"""What there is to list and show, under the names that people type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from octo.failures import BadUsage

Columns = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Kind:
    """`path` is below the space, or below a project where `in_project`. `columns` are titles and members of
    the table; `filters` the options of `octo list` that it knows, by the parameter that each becomes."""

    name: str
    path: str
    columns: Columns
    in_project: bool = False
    filters: dict[str, str] = field(default_factory=dict)


NAMED: Columns = (("Id", "Id"), ("Name", "Name"), ("Slug", "Slug"), ("Description", "Description"))
TASK: Columns = (
    ("Id", "Id"),
    ("State", "State"),
    ("Description", "Description"),
    ("Queued", "QueueTime"),
    ("Duration", "Duration"),
)
RUN: Columns = (("Id", "Id"), ("Task", "TaskId"), ("Created", "Created"), ("By", "DeployedBy"))

KINDS = (
    Kind("spaces", "/api/spaces", NAMED),
    Kind("projects", "projects", NAMED),
    Kind("groups", "projectgroups", NAMED),
    Kind("lifecycles", "lifecycles", NAMED),
    Kind("environments", "environments", NAMED),
    Kind("tenants", "tenants", (*NAMED[:3], ("Tags", "TenantTags"))),
    Kind("tag-sets", "tagsets", (*NAMED[:2], ("Description", "Description"))),
    Kind("pools", "workerpools", (*NAMED[:3], ("Default", "IsDefault"), NAMED[3])),
    Kind(
        "workers",
        "workers",
        (*NAMED[:2], ("Health", "HealthStatus"), ("Disabled", "IsDisabled"), ("Summary", "StatusSummary")),
    ),
    Kind("runbooks", "runbooks", (*NAMED[:3], ("Published", "PublishedRunbookSnapshotId")), in_project=True),
    Kind(
        "snapshots",
        "runbookSnapshots",
        (*NAMED[:2], ("Runbook", "RunbookId"), ("Made", "Assembled")),
        in_project=True,
    ),
    Kind(
        "channels",
        "channels",
        (*NAMED[:2], ("Default", "IsDefault"), ("Lifecycle", "LifecycleId"), ("Tags", "TenantTags")),
        in_project=True,
    ),
    Kind(
        "releases",
        "releases",
        (("Id", "Id"), ("Version", "Version"), ("Made", "Assembled"), ("Notes", "ReleaseNotes")),
        in_project=True,
    ),
    Kind("runs", "runbookRuns", (*RUN[:1], ("Runbook", "RunbookName"), *RUN[1:])),
    Kind("deployments", "deployments", (*RUN[:1], ("Release", "ReleaseId"), *RUN[1:])),
    Kind("tasks", "tasks", TASK, filters={"state": "states", "environment": "environment"}),
    Kind(
        "interruptions",
        "interruptions",
        (("Id", "Id"), ("Title", "Title"), ("Task", "TaskId"), ("Asked", "Created"), ("Open", "IsPending")),
    ),
    Kind("accounts", "accounts", (*NAMED[:2], ("Type", "AccountType"), NAMED[3])),
    Kind(
        "certificates",
        "certificates",
        (*NAMED[:2], ("Subject", "SubjectCommonName"), ("Until", "NotAfter"), ("Thumbprint", "Thumbprint")),
    ),
    Kind("users", "/api/users", (("Id", "Id"), ("Name", "Username"), ("Display name", "DisplayName"))),
    Kind(
        "events",
        "events",
        (("When", "Occurred"), ("Category", "Category"), ("Who", "Username"), ("What", "Message")),
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def kind(name: str) -> Kind:
    """By its name, also in the singular. Raises BadUsage."""
    found = BY_NAME.get(name) or BY_NAME.get(f"{name}s") or BY_NAME.get(f"{name.removesuffix('y')}ies")
    if found is None:
        raise BadUsage(f"There is no list of {name!r}. There are: {', '.join(BY_NAME)}.")
    return found


def beginning_with(text: str) -> Iterator[str]:
    """For completion on the command line."""
    return (name for name in BY_NAME if name.startswith(text))
