import pytest

from domain.plans import PlannedStep
from domain.scopes import Context
from domain.system_variables import Ref, ReleaseHistory, RunFacts, known_names, system_variables

STEP = PlannedStep(2, "s2", "a2", "Migrate", "Octopus.Script")
ANY_RUN = {
    "space": Ref("Spaces-1", "Default"),
    "project": Ref("Projects-1", "Orders"),
    "project_group": Ref("ProjectGroups-1", "Default Project Group"),
    "environment": Ref("Environments-1", "Production"),
    "task": Ref("ServerTasks-9", "Run"),
    "pool": Ref("WorkerPools-1", "SQL"),
    "machine": Ref("Workers-1", "sql-1"),
    "environment_order": 3,
    "created": "2026-11-24T10:00:00+00:00",
    "server_uri": "http://127.0.0.1:8000",
}
RUNBOOK = {
    "runbook": Ref("Runbooks-1", "Back up"),
    "snapshot": Ref("RunbookSnapshots-1", "Snapshot 1"),
    "runbook_run": Ref("RunbookRuns-1", "Back up"),
}
DEPLOYMENT = {
    "release": Ref("Releases-1", "1.2.0"),
    "release_notes": "Faster",
    "release_created": "2026-11-23T09:00:00+00:00",
    "channel": Ref("Channels-1", "Default"),
    "deployment": Ref("Deployments-1", "Deploy to Production"),
    "history": ReleaseHistory("1.1.0", "1.0.0", "1.2.0"),
    "release_link": "/projects/orders/releases/1.2.0/",
    "run_link": "/tasks/9/",
}
TENANT = {"tenant": Ref("Tenants-1", "Acme"), "tenant_tags": frozenset({"Tier/Gold", "Region/EU"})}


def test_a_script_finds_where_it_runs():
    variables = system_variables(RunFacts(**ANY_RUN, **DEPLOYMENT, **TENANT), STEP)
    assert variables["Octopus.Environment.Name"] == "Production"
    assert variables["Octopus.Release.Number"] == "1.2.0"
    assert variables["Octopus.Deployment.Tenant.Tags"] == "Region/EU,Tier/Gold"
    assert variables["Octopus.Step.Number"] == "2"
    assert variables["Octopus.Environment.SortOrder"] == "3"
    assert variables["Octopus.Task.QueueTime"] == "2026-11-24T10:00:00+00:00"
    assert variables["Octopus.Release.Created"] == "2026-11-23T09:00:00+00:00"
    assert variables["Octopus.Action.IsSkipped"] == "False"
    assert variables["Octopus.Release.Previous.Number"] == "1.1.0"
    assert variables["Octopus.Release.PreviousForEnvironment.Number"] == "1.0.0"
    assert variables["Octopus.Release.CurrentForEnvironment.Number"] == "1.2.0"
    assert variables["Octopus.Web.DeploymentLink"] == "/tasks/9/"
    assert "Octopus.Runbook.Name" not in variables


@pytest.mark.parametrize("name", ["", "Nightly"])
def test_a_script_finds_what_started_it(name):
    variables = system_variables(RunFacts(**ANY_RUN, **RUNBOOK, trigger=name), STEP)

    assert variables["Octopus.Deployment.Trigger.Name"] == name


@pytest.mark.parametrize(
    ("facts", "context"),
    [
        (RUNBOOK, Context(process="runbook:1")),
        (DEPLOYMENT, Context(process="deployment")),
        ({**RUNBOOK, **TENANT}, Context(process="runbook:1", tenant="1")),
        ({**DEPLOYMENT, **TENANT}, Context(process="deployment", tenant="1")),
    ],
)
def test_the_plan_knows_exactly_the_names_that_the_step_will_find(facts, context):
    assert known_names(context) == set(system_variables(RunFacts(**ANY_RUN, **facts), STEP))
