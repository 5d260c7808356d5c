"""Every address that Octopus Deploy's clients know, with every verb that it has there, is answered: none is a
404 for want of a route, or a 405."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import Resolver404, resolve

from octoworkers.api.middleware import _space_and_rest, _spelled
from octoworkers.api.unknown import UnknownView

#: Verbs and address; {…} stands for an id, of which the word says the kind.
CONTRACT = """
GET          /api
GET          /api/capabilities
GET POST     /api/spaces
GET          /api/spaces/all
GET PUT DELETE /api/spaces/Spaces-1
GET          /api/Spaces-1
GET          /api/users
GET          /api/users/me
GET          /api/users/Users-1
GET          /api/users/Users-1/spaces
GET          /api/users/Users-1/permissions
GET          /api/users/Users-1/apikeys
GET          /api/configuration/certificates
GET          /api/configuration/certificates/certificate-global
GET POST     /api/Spaces-1/environments
GET          /api/Spaces-1/environments/all
GET PUT DELETE /api/Spaces-1/environments/Environments-1
PUT          /api/Spaces-1/environments/sortorder
GET          /api/Spaces-1/environments/summary
GET          /api/Spaces-1/environments/Environments-1/machines
GET          /api/Spaces-1/environments/v2
GET POST     /api/Spaces-1/projectgroups
GET          /api/Spaces-1/projectgroups/all
GET PUT DELETE /api/Spaces-1/projectgroups/ProjectGroups-1
GET          /api/Spaces-1/projectgroups/ProjectGroups-1/projects
GET POST     /api/Spaces-1/lifecycles
GET          /api/Spaces-1/lifecycles/all
GET PUT DELETE /api/Spaces-1/lifecycles/Lifecycles-1
GET          /api/Spaces-1/lifecycles/Lifecycles-1/projects
GET POST     /api/Spaces-1/projects
GET          /api/Spaces-1/projects/all
GET PUT DELETE /api/Spaces-1/projects/Projects-1
GET PUT      /api/Spaces-1/projects/Projects-1/variables
GET PUT      /api/Spaces-1/projects/Projects-1/deploymentprocesses
GET          /api/Spaces-1/projects/Projects-1/deploymentprocesses/template
GET          /api/Spaces-1/projects/Projects-1/deploymentsettings
GET          /api/Spaces-1/projects/Projects-1/releases
GET POST     /api/Spaces-1/projects/Projects-1/channels
GET POST     /api/Spaces-1/projects/Projects-1/runbooks
GET PUT DELETE /api/Spaces-1/projects/Projects-1/runbooks/Runbooks-1
GET PUT      /api/Spaces-1/projects/Projects-1/runbookProcesses/RunbookProcess-Runbooks-1
GET POST     /api/Spaces-1/projects/Projects-1/runbookSnapshots
GET PUT      /api/Spaces-1/deploymentprocesses/deploymentprocess-Projects-1
GET          /api/Spaces-1/runbooks
GET PUT DELETE /api/Spaces-1/runbooks/Runbooks-1
GET PUT      /api/Spaces-1/runbookprocesses/RunbookProcess-Runbooks-1
GET          /api/Spaces-1/runbookSnapshots
GET          /api/Spaces-1/runbookSnapshots/RunbookSnapshots-1
GET POST     /api/Spaces-1/runbookRuns
GET          /api/Spaces-1/runbookRuns/RunbookRuns-1
POST         /api/Spaces-1/runbook-runs/create/v1
POST         /api/Spaces-1/runbook-runs/git/create/v1
POST         /api/Spaces-1/releases/create/v1
POST         /api/Spaces-1/deployments/create/untenanted/v1
POST         /api/Spaces-1/deployments/create/tenanted/v1
GET POST     /api/Spaces-1/releases
GET PUT DELETE /api/Spaces-1/releases/Releases-1
GET          /api/Spaces-1/releases/Releases-1/deployments
GET POST     /api/Spaces-1/deployments
GET          /api/Spaces-1/deployments/Deployments-1
GET POST     /api/Spaces-1/channels
GET          /api/Spaces-1/channels/all
GET PUT DELETE /api/Spaces-1/channels/Channels-1
GET          /api/Spaces-1/channels/Channels-1/releases
GET POST     /api/Spaces-1/tenants
GET          /api/Spaces-1/tenants/all
GET PUT DELETE /api/Spaces-1/tenants/Tenants-1
GET          /api/Spaces-1/tenant/Tenants-1
GET          /api/Spaces-1/tenants/tag-test
GET          /api/Spaces-1/tenants/variables-missing
GET POST     /api/Spaces-1/tagsets
GET          /api/Spaces-1/tagsets/all
PUT          /api/Spaces-1/tagsets/sortorder
GET PUT DELETE /api/Spaces-1/tagsets/TagSets-1
GET PUT      /api/Spaces-1/variables/variableset-Projects-1
GET          /api/Spaces-1/variables/all
GET          /api/Spaces-1/variables/names
GET          /api/Spaces-1/variables/preview
GET POST     /api/Spaces-1/libraryvariablesets
GET          /api/Spaces-1/libraryvariablesets/all
GET PUT DELETE /api/Spaces-1/libraryvariablesets/LibraryVariableSets-1
GET POST     /api/Spaces-1/workerpools
GET          /api/Spaces-1/workerpools/all
PUT          /api/Spaces-1/workerpools/sortorder
GET          /api/Spaces-1/workerpools/summary
GET          /api/Spaces-1/workerpools/supportedtypes
GET          /api/Spaces-1/workerpools/dynamicworkertypes
GET PUT DELETE /api/Spaces-1/workerpools/WorkerPools-1
GET          /api/Spaces-1/workerpools/WorkerPools-1/workers
GET POST     /api/Spaces-1/workers
GET          /api/Spaces-1/workers/all
GET PUT DELETE /api/Spaces-1/workers/Workers-1
GET          /api/Spaces-1/machines
GET          /api/Spaces-1/machines/all
GET PUT DELETE /api/Spaces-1/machines/Machines-1
GET          /api/Spaces-1/machinepolicies
GET          /api/Spaces-1/machinepolicies/all
GET          /api/Spaces-1/machinepolicies/MachinePolicies-1
GET          /api/Spaces-1/proxies
GET          /api/Spaces-1/proxies/all
GET          /api/Spaces-1/tasks
GET          /api/Spaces-1/tasks/tasktypes
GET          /api/Spaces-1/tasks/ServerTasks-1
GET          /api/Spaces-1/tasks/ServerTasks-1/details
GET          /api/Spaces-1/tasks/ServerTasks-1/raw
POST         /api/Spaces-1/tasks/ServerTasks-1/cancel
POST         /api/Spaces-1/tasks/ServerTasks-1/state
POST         /api/Spaces-1/tasks/ServerTasks-1/prioritize
POST         /api/Spaces-1/tasks/rerun/ServerTasks-1
GET          /api/Spaces-1/tasks/ServerTasks-1/queued-behind
GET          /api/Spaces-1/interruptions
GET          /api/Spaces-1/interruptions/Interruptions-1
GET PUT      /api/Spaces-1/interruptions/Interruptions-1/responsible
POST         /api/Spaces-1/interruptions/Interruptions-1/submit
GET          /api/Spaces-1/artifacts
GET          /api/Spaces-1/artifacts/Artifacts-1
GET          /api/Spaces-1/artifacts/Artifacts-1/content
GET          /api/Spaces-1/feeds
GET          /api/Spaces-1/feeds/all
GET          /api/Spaces-1/feeds/Feeds-1
GET          /api/Spaces-1/packages
GET DELETE   /api/Spaces-1/packages/packages-Acme.Web.1.0.0
GET          /api/Spaces-1/packages/packages-Acme.Web.1.0.0/raw
POST         /api/Spaces-1/packages/raw
GET POST     /api/Spaces-1/build-information
GET DELETE   /api/Spaces-1/build-information/BuildInformation-1
GET POST     /api/Spaces-1/accounts
GET          /api/Spaces-1/accounts/all
GET PUT DELETE /api/Spaces-1/accounts/Accounts-1
GET POST     /api/Spaces-1/certificates
GET          /api/Spaces-1/certificates/all
GET PUT DELETE /api/Spaces-1/certificates/Certificates-1
GET          /api/Spaces-1/events
GET          /api/Spaces-1/events/Events-1
GET          /api/events/categories
GET          /api/events/groups
GET          /api/events/agents
GET          /api/events/documenttypes
"""

ROWS = [
    (verb, words[-1])
    for line in CONTRACT.strip().splitlines()
    if (words := line.split())
    for verb in words[:-1]
]


def _verbs(path: str) -> set[str]:
    """The verbs that an address answers, after the middleware has taken the space off it."""
    _, rest = _space_and_rest(path.removeprefix("/api").strip("/").split("/") if path != "/api" else [])
    try:
        view: Any = resolve("/".join(["/api", *_spelled(rest)])).func
    except Resolver404:
        return set()
    if getattr(view, "view_class", getattr(view, "cls", None)) is UnknownView:
        return set()
    actions = getattr(view, "actions", None)
    kind = getattr(view, "view_class", None) or view.cls
    names = actions or [name for name in ("get", "post", "put", "delete") if hasattr(kind, name)]
    return {name.upper() for name in names}


@pytest.mark.parametrize(("verb", "path"), ROWS)
def test_the_contract_is_answered(verb: str, path: str) -> None:
    assert verb in _verbs(path), f"{path} answers {sorted(_verbs(path)) or 'nothing'}"
