"""Prompts over the API: on variables, and answered by whoever starts a run."""

from __future__ import annotations

from domain.plans import RunPlan
from tasks.models import ServerTask
from tests.factories import MachineFactory

PROMPT = {
    "Label": "How much",
    "Description": "Of it",
    "Required": True,
    "DisplaySettings": {"Octopus.ControlType": "Select", "Octopus.SelectOptions": "s|Small\nl|Large"},
}


def ask(api, world, *variables) -> list:
    MachineFactory(pools=[int(world.dev_pool["Id"].rpartition("-")[2])])
    path = world.project["Links"]["Variables"]
    found = api.get(path)
    saved = api.put(path, {**found, "Variables": [*found["Variables"], *variables]})
    api.post("/api/runbookSnapshots?publish=true", {"RunbookId": world.runbook["Id"], "Name": "Asking"})
    return saved["Variables"]


def size_in(task_id: str) -> str:
    task = ServerTask.objects.get(pk=int(task_id.rpartition("-")[2]))
    return next(one.value for one in RunPlan.from_json(task.plan).candidates if one.name == "Size")


def start(**more) -> dict:
    return {"ProjectName": "Orders", "RunbookName": "Back up", "EnvironmentNames": ["Development"], **more}


def test_a_prompt_comes_back_as_it_was_sent(api, world):
    saved = ask(api, world, {"Name": "Size", "Value": "", "Prompt": PROMPT})

    assert saved[-1]["Prompt"] == PROMPT
    assert saved[0]["Prompt"] is None


def test_types_have_their_own_control_and_bad_ones_are_refused(api, world):
    saved = ask(api, world, {"Name": "Token", "Type": "Sensitive", "Value": "", "Prompt": {"Label": "T"}})
    assert saved[-1]["Prompt"]["DisplaySettings"] == {"Octopus.ControlType": "Sensitive"}

    path = world.project["Links"]["Variables"]
    found = api.get(path)
    for prompt, words in (
        ({"DisplaySettings": {"Octopus.ControlType": "Slider"}}, "There is no Octopus.ControlType Slider"),
        ({"DisplaySettings": {"Octopus.ControlType": "Select"}}, "one a line"),
    ):
        status, text = api.refused("PUT", path, {**found, "Variables": [{"Name": "A", "Prompt": prompt}]})
        assert (status, words in text) == (400, True)


def test_a_start_by_names_answers_by_name_or_id(api, world):
    variable = ask(api, world, {"Name": "Size", "Value": "", "Prompt": PROMPT})[-1]

    status, text = api.refused("POST", "/api/runbook-runs/create/v1", start())
    assert (status, "How much needs a value." in text) == (400, True)
    status, text = api.refused("POST", "/api/runbook-runs/create/v1", start(Variables={"Size": "x"}))
    assert (status, "not one of its choices" in text) == (400, True)
    status, text = api.refused(
        "POST", "/api/runbook-runs/create/v1", start(Variables={"Size": "l", "Other": "1"})
    )
    assert (status, "Nothing asks for a value of other" in text) == (400, True)

    for name in ("size", variable["Id"]):
        [made] = api.post("/api/runbook-runs/create/v1", start(Variables={name: "l"}))[
            "RunbookRunServerTasks"
        ]
        assert size_in(made["ServerTaskId"]) == "l"
    preview = api.post("/api/runbook-runs/preview/v1", start(Variables={"Size": "s"}))
    assert "needs a value" not in str(preview)


def test_a_run_as_a_resource_answers_in_form_values(api, world):
    variable = ask(api, world, {"Name": "Size", "Value": "", "Prompt": PROMPT})[-1]
    body = {"RunbookId": world.runbook["Id"], "EnvironmentId": world.dev["Id"]}

    assert api.refused("POST", "/api/runbookRuns", body)[0] == 400
    made = api.post("/api/runbookRuns", {**body, "FormValues": {variable["Id"]: "s"}})

    assert size_in(made["TaskId"]) == "s"
