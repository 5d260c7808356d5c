"""The relations of the root and of a space's home: addresses as RFC 6570 templates."""

from __future__ import annotations

_PLAIN = "{/id}{?skip,take,ids,partialName}"
_RUNS = "{{/id}}{{?skip,take,ids,projects,environments,tenants,{},taskState,partialName}}"
_NAMED = "{/id}{?name,skip,ids,take,partialName}"

#: Name of a relation to its template below the space.
SPACE_TEMPLATES = {
    "WorkerPools": f"workerpools{_NAMED}",
    "WorkerPoolsSortOrder": "workerpools/sortorder",
    "WorkerPoolsSummary": "workerpools/summary{?ids,partialName}",
    "WorkerPoolsSupportedTypes": "workerpools/supportedtypes",
    "WorkerPoolsDynamicWorkerTypes": "workerpools/dynamicworkertypes",
    "Workers": "workers{/id}{?skip,take,name,ids,partialName,isDisabled,healthStatuses,commStyles,"
    "workerPoolIds,thumbprint,shellNames}",
    "Tasks": "tasks{/id}{?skip,active,environment,tenant,runbook,project,name,node,running,states,"
    "hasPendingInterruptions,hasWarningsOrErrors,take,ids,partialName,spaces,includeSystem}",
    "TaskTypes": "tasks/tasktypes",
    "Projects": "projects{/id}{?name,skip,ids,clone,take,partialName,clonedFromProjectId}",
    "Environments": f"environments{_NAMED}",
    "EnvironmentSortOrder": "environments/sortorder",
    "Tenants": "tenants{/id}{?skip,projectId,name,tags,take,ids,clone,partialName}",
    "TagSets": f"tagsets{_PLAIN}",
    "TagSetSortOrder": "tagsets/sortorder",
    "RunbookRuns": f"runbookRuns{_RUNS.format('runbooks')}",
    "Deployments": f"deployments{_RUNS.format('channels')}",
    "RunbookSnapshots": "runbookSnapshots{/id}{?skip,take,ids,publish}",
    "Variables": "variables{/id}{?ids}",
    "LibraryVariables": "libraryvariablesets{/id}{?skip,contentType,take,ids,partialName}",
    "Artifacts": "artifacts{/id}{?skip,take,regarding,ids}",
    "Interruptions": "interruptions{/id}{?skip,take,regarding,pendingOnly,ids}",
    "Runbooks": f"runbooks{_PLAIN}",
    "RunbookProcesses": f"runbookProcesses{_PLAIN}",
    "DeploymentProcesses": f"deploymentprocesses{_PLAIN}",
    "Feeds": f"feeds{_PLAIN}",
    "Packages": "packages{/id}{?nuGetPackageId,filter,latest,skip,take,includeNotes}",
    "PackageUpload": "packages/raw{?replace,overwriteMode}",
    "BuildInformation": "build-information{/id}{?packageId,filter,latest,skip,take,overwriteMode}",
    "Releases": f"releases{_PLAIN}",
    "Accounts": "accounts{/id}{?skip,take,ids,partialName,accountType}",
    "Certificates": f"certificates{_PLAIN}",
    "Lifecycles": f"lifecycles{_PLAIN}",
    "ProjectGroups": f"projectgroups{_PLAIN}",
    "Channels": f"channels{_PLAIN}",
    "Machines": "machines{/id}{?skip,take,name,ids,partialName,roles,isDisabled,healthStatuses,"
    "commStyles,tenantIds,environmentIds,thumbprint}",
    "MachineRoles": "machineroles/all",
    "MachinePolicies": f"machinepolicies{_PLAIN}",
    "Proxies": f"proxies{_NAMED}",
    "ActionTemplates": f"actiontemplates{_NAMED}",
    "Events": "events{/id}{?skip,take,regarding,user,eventCategories}",
}

ROOT = {
    "Self": "/api",
    "Web": "/app",
    "Spaces": "/api/spaces{/id}{?name,skip,ids,take,partialName}",
    "SpaceHome": "/api/{spaceId}",
    "CurrentUser": "/api/users/me",
    "Users": "/api/users{/id}{?skip,take,ids,filter}",
    "CertificateConfiguration": "/api/configuration/certificates{/id}{?skip,take,ids,partialName}",
    "Capabilities": "/api/capabilities",
    "OpenApi": "/api/openapi",
    "Documentation": "/api/docs",
}


def space_home(space_id: str) -> dict[str, str]:
    """What a space has, with its id in every address."""
    base = f"/api/{space_id}"
    return {"Self": base, **{name: f"{base}/{template}" for name, template in SPACE_TEMPLATES.items()}}
