"""What several tests of the API build first, through the API."""

from __future__ import annotations

from typing import Any

from tests.api.client import Api

POOL_VARIABLE = "Project.WorkerPool"


def script(name: str, body: str = "echo hello", **where: Any) -> dict[str, Any]:
    """A step that runs a script; `where` is WorkerPoolId or WorkerPoolVariable."""
    properties = {
        "Octopus.Action.RunOnServer": "true",
        "Octopus.Action.Script.ScriptSource": "Inline",
        "Octopus.Action.Script.Syntax": "Bash",
        "Octopus.Action.Script.ScriptBody": body,
    }
    action = {"Id": "", "Name": name, "ActionType": "Octopus.Script", "Properties": properties, **where}
    return {"Id": "", "Name": name, "Condition": "Success", "Properties": {}, "Actions": [action]}


def named(api: Api, path: str, **body: Any) -> dict[str, Any]:
    made: dict[str, Any] = api.post(f"/api/{path}", body)
    return made


def a_project(api: Api, name: str = "Orders") -> dict[str, Any]:
    group = api.get("/api/projectgroups/all")[0]["Id"]
    lifecycle = api.get("/api/lifecycles/all")[0]["Id"]
    return named(api, "projects", Name=name, ProjectGroupId=group, LifecycleId=lifecycle)


def set_steps(api: Api, path: str, *steps: dict[str, Any]) -> dict[str, Any]:
    process = api.get(path)
    saved: dict[str, Any] = api.put(path, {**process, "Steps": list(steps)})
    return saved


class World:
    """Two environments, a pool for each, a project with a runbook whose one step picks its pool by variable,
    published."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.dev = named(api, "environments", Name="Development")
        self.live = named(api, "environments", Name="Production")
        self.dev_pool = named(api, "workerpools", Name="SQL - Dev")
        self.live_pool = named(api, "workerpools", Name="SQL - Production")
        self.project = a_project(api)
        self.runbook = api.post(
            f"/api/projects/{self.project['Id']}/runbooks", {"Name": "Back up", "Description": ""}
        )
        self.set_pool_variable()
        path = f"/api/projects/{self.project['Id']}/runbookProcesses/{self.runbook['RunbookProcessId']}"
        self.process = set_steps(api, path, script("Copy", WorkerPoolVariable=POOL_VARIABLE))
        self.snapshot = api.post(
            f"/api/projects/{self.project['Id']}/runbookSnapshots?publish=true",
            {"ProjectId": self.project["Id"], "RunbookId": self.runbook["Id"], "Name": "First", "Notes": ""},
        )

    def set_pool_variable(self) -> dict[str, Any]:
        path = self.project["Links"]["Variables"]
        found = self.api.get(path)
        found["Variables"] = [
            {
                "Id": "",
                "Name": POOL_VARIABLE,
                "Type": "WorkerPool",
                "Value": pool["Id"],
                "Scope": {"Environment": [environment["Id"]]},
            }
            for environment, pool in ((self.dev, self.dev_pool), (self.live, self.live_pool))
        ]
        saved: dict[str, Any] = self.api.put(path, found)
        return saved

    def channel_id(self, name: str) -> str:
        found: str = self.api.get(f"/api/projects/{self.project['Id']}/channels/{name}")["Id"]
        return found

    def run(self, *environments: str) -> list[dict[str, str]]:
        answer = self.api.post(
            "/api/runbook-runs/create/v1",
            {"projectName": "Orders", "runbookName": "back UP", "environmentNames": list(environments)},
        )
        found: list[dict[str, str]] = answer["RunbookRunServerTasks"]
        return found
