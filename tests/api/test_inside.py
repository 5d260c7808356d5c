"""What only Octoworkers has: plans, traces, attempts, ranges of logs, pauses, exports."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from protocol.log import Level, Run, Stream
from tasks.models import Attempt as AttemptModel
from tasks.models import AttemptState, Interruption, InterruptionKind, Pause, ServerTask, StepState, TaskState
from tasks.services import artifacts, retention
from tests.api.flows import POOL_VARIABLE
from tests.factories import AttemptFactory, MachineFactory
from tests.tasks.builders import write


@pytest.fixture
def machine(world, space):
    return MachineFactory(space=space, name="db-1", pools=[int(world.dev_pool["Id"].rpartition("-")[2])])


@pytest.fixture
def task(api, world, machine) -> dict:
    [started] = world.run("Development")
    return api.get(f"/api/tasks/{started['ServerTaskId']}")


def row_of(task) -> ServerTask:
    return ServerTask.objects.get(pk=int(task["Id"].rpartition("-")[2]))


BODY = {"ProjectName": "Orders", "RunbookName": "Back up"}


def test_a_preview_shows_the_pools_and_starts_nothing(api, world, machine):
    body = {**BODY, "EnvironmentNames": ["Development", "Production"]}

    dev, live = api.post("/api/runbook-runs/preview/v1", body)["Plans"]

    assert (dev["CanStart"], live["CanStart"]) == (True, False)
    assert dev["Steps"][0]["WorkerPoolId"] == world.dev_pool["Id"]
    assert live["Problems"][0]["Code"] == "pool-without-workers"
    assert ServerTask.objects.count() == 0


def test_the_frozen_plan_and_why_a_step_has_its_pool(api, world, task):
    plan, trace = api.get(task["Links"]["Plan"]), api.get(task["Links"]["PoolTrace"])

    assert plan["Environment"] == "Development"
    assert [step["Name"] for step in plan["Steps"]] == ["Copy"]
    why = trace[0]["Why"]
    assert (why["Kind"], why["Variable"]) == ("variable", POOL_VARIABLE)
    assert [(value["Value"], value["IsUsed"]) for value in why["Values"]] == [
        ("SQL - Dev", True),
        ("SQL - Production", False),
    ]


def test_a_plan_shows_no_secret(api, world, machine):
    path = world.project["Links"]["Variables"]
    found = api.get(path)
    secret = {"Name": "Password", "Value": "correct horse", "IsSensitive": True}
    api.put(path, {**found, "Variables": [*found["Variables"], secret]})
    api.post("/api/runbookSnapshots?publish=true", {"RunbookId": world.runbook["Id"], "Name": "Secret"})
    [started] = world.run("Development")

    for word in ("plan", "pool-trace", "details", "raw"):
        _, text = api.send("GET", f"/api/tasks/{started['ServerTaskId']}/{word}")
        assert "octo1:" not in str(text)


class TestAttempts:
    @pytest.fixture
    def attempt(self, task, machine):
        execution = row_of(task).executions.get()
        return AttemptFactory(execution=execution, machine=machine, state=AttemptState.RUNNING)

    @pytest.fixture
    def own(self, task, attempt) -> str:
        return f"{task['Links']['Attempts']}/Attempts-{attempt.pk}"

    def test_the_list(self, api, task, attempt):
        [found] = api.get(task["Links"]["Attempts"])

        assert found["Id"] == f"Attempts-{attempt.pk}"
        assert (found["Step"], found["WorkerName"], found["Status"]) == (1, "db-1", "Running")

    def test_an_empty_log(self, api, own):
        found = api.get(f"{own}/log")

        assert (found["Total"], found["Next"], found["IsComplete"], found["Lines"]) == (0, 0, False, [])

    def test_ranges_join_without_gaps(self, api, own, task, attempt):
        write(attempt, *([Run(n, Stream.STDOUT, Level.INFO, b"line %d\n" % n)] for n in range(25)))

        found, following = [], 0
        while len(found) < 25:
            page = api.get(f"{own}/log?first={following}&count=10")
            found += [line["MessageText"] for line in page["Lines"]]
            following = page["Next"]

        assert found == [f"line {n}" for n in range(25)]
        assert page["IsComplete"] is False
        [root] = api.get(f"{task['Links']['Details']}?tail=3")["ActivityLogs"]
        lines = root["Children"][0]["Children"][0]["LogElements"]
        assert [line["Number"] for line in lines] == [22, 23, 24]
        assert "Info     |   line 24" in api.send("GET", task["Links"]["Raw"])[1]

    def test_the_whole_log_is_searched(self, api, task, attempt):
        write(attempt, *([Run(n, Stream.STDOUT, Level.INFO, b"line %d\n" % n)] for n in range(25)))
        write(attempt, [Run(30, Stream.STDERR, Level.ERROR, b"Line 3 was refused\n")])
        own = f"{task['Links']['Self']}/log/search"

        found = api.get(f"{own}?query=line+3")
        assert (found["Count"], found["IsWhole"]) == (2, True)
        [group] = found["Attempts"]
        assert (group["AttemptId"], group["Step"]) == (f"Attempts-{attempt.pk}", 1)
        assert [line["MessageText"] for line in group["Lines"]] == ["line 3", "Line 3 was refused"]
        assert api.get(f"{own}?query=line+3&case=true")["Count"] == 1
        assert api.get(f"{own}?query=line&levels=error")["Count"] == 1
        assert api.get(f"{own}?query=line+1%5Cd&regex=true&take=2")["Count"] == 10
        assert api.get(f"{own}?query=line&step=2")["Attempts"] == []

    @pytest.mark.parametrize("query", ["", "query=", "query=(&regex=true", "query=x&regex=maybe"])
    def test_what_cannot_be_searched_for_is_refused(self, api, task, attempt, query):
        assert api.refused("GET", f"{task['Links']['Self']}/log/search?{query}")[0] == 400

    def test_a_log_that_retention_removed_breaks_nothing(self, api, own, task, attempt):
        write(attempt, [Run(1, Stream.STDOUT, Level.INFO, b"gone\n")])
        now = timezone.now()
        AttemptModel.objects.filter(pk=attempt.pk).update(state=AttemptState.FINISHED, finished_at=now)
        ServerTask.objects.update(state=TaskState.FAILED, completed_at=now)
        retention.enforce(retention.Policy(days=1, runs=0), now=now + timedelta(days=2))

        assert api.send("GET", f"{own}/log")[0] in (200, 404)
        [root] = api.get(task["Links"]["Details"])["ActivityLogs"]
        assert root["Children"][0]["Children"][0]["LogElements"] == []
        assert "gone" not in api.send("GET", task["Links"]["Raw"])[1]
        assert api.get(f"{task['Links']['Self']}/log/search?query=gone")["Count"] == 0

    def test_bad_ranges(self, api, own, task):
        assert api.refused("GET", f"{own}/log?first=x")[0] == 400
        assert api.get(f"{own}/log?first=99999999999999999999&count=99999")["Lines"] == []
        assert api.refused("GET", f"{task['Links']['Attempts']}/junk/log")[0] == 404

    def test_only_an_unknown_outcome_is_settled_and_once(self, api, own, task, attempt, operator):
        assert api.refused("POST", f"{own}/settle", {"Outcome": "Succeeded"})[0] == 409
        execution = attempt.execution
        execution.state = StepState.INTERRUPTED
        execution.save()
        ServerTask.objects.filter(pk=execution.task_id).update(
            state=TaskState.EXECUTING, started_at=timezone.now()
        )
        attempt.state, attempt.finished_at = AttemptState.UNKNOWN, timezone.now()
        attempt.save()
        question = Interruption.objects.create(
            task=execution.task,
            execution=execution,
            kind=InterruptionKind.SETTLE,
            text="The worker was restarted.",
            choices=["Succeeded", "Failed", "Retry"],
            opened_at=timezone.now(),
        )
        assert api.refused("POST", f"{own}/settle", {"Outcome": "Whatever"})[0] == 400
        [asked] = api.get(f"/api/interruptions?regarding={task['Id']}&pendingOnly=true")["Items"]
        assert (asked["Type"], asked["Question"], asked["IsPending"]) == ("GuidedFailure", "Settle", True)
        assert api.get(task["Links"]["Self"])["HasPendingInterruptions"] is True
        assert api.put(f"{asked['Links']['Responsible']}")["Username"] == "ada"

        api.post(f"{own}/settle", {"outcome": "Succeeded", "notes": "Looked at it"})

        question.refresh_from_db()
        assert (question.answer, question.notes) == ("Succeeded", "Looked at it")
        assert api.get(task["Links"]["Self"])["State"] == "Success"
        assert api.refused("POST", asked["Links"]["Submit"], {"Guidance": "Failed"})[0] == 409
        assert api.refused("POST", asked["Links"]["Submit"], {"Guidance": "Nonsense"})[0] == 400


NOBODY = "6f1c0f0e-3a52-4b8e-9a0e-7a1d5c1b2f10"


class TestArtifacts:
    def test_they_are_listed_and_read(self, api, task):
        made = artifacts.create(row_of(task), name="report.txt", content=[b"all\0good"], now=timezone.now())

        [found] = api.get(task["Links"]["Artifacts"])["Items"]

        assert (found["Id"], found["Filename"], found["Size"]) == (f"Artifacts-{made.pk}", "report.txt", 8)
        assert found["ServerTaskId"] == task["Id"]
        assert api.get(found["Links"]["Self"]) == found
        assert api.get(f"/api/artifacts?ids={found['Id']}")["TotalResults"] == 1
        answer = api.response("GET", found["Links"]["Content"])
        assert answer.getvalue() == b"all\0good"
        assert answer["Content-Type"] == "application/octet-stream"
        assert 'attachment; filename="report.txt"' in answer["Content-Disposition"]

    @pytest.mark.parametrize(
        "ref", ["Artifacts-1", "junk", "Artifacts-", f"Tasks-{NOBODY}", f"Artifacts-{NOBODY}"]
    )
    def test_what_is_not_there_is_not_found(self, api, task, ref):
        assert api.refused("GET", f"/api/artifacts/{ref}")[0] == 404

    def test_one_that_was_not_taken_has_no_content(self, api, task):
        made = artifacts.create(row_of(task), name="a", content=[b"x"], now=timezone.now())
        made.state, made.message = "Refused", "It was too large."
        made.save()

        assert api.refused("GET", f"/api/artifacts/Artifacts-{made.pk}/content")[0] == 404
        assert api.get(f"/api/artifacts/Artifacts-{made.pk}")["Message"] == "It was too large."


class TestPools:
    def test_pause_and_resume(self, api, world, task, api_viewer):
        own = world.dev_pool["Links"]["Self"]

        paused = api.post(f"{own}/pause", {"mode": "Drain", "reason": "New disks"})

        assert paused["Pause"]["Mode"] == "Drain"
        assert Pause.objects.get().reason == "New disks"
        states = {one["Name"]: one for one in api.get("/api/workerpools/summary")}
        assert states["SQL - Dev"]["Workers"] == 1
        assert states["SQL - Dev"]["Pause"]["By"] == "ada"
        assert api.refused("POST", f"{own}/pause", {})[0] == 400
        assert api_viewer.refused("POST", f"{own}/resume")[0] == 403
        assert api.post(f"{own}/resume")["Pause"] is None


def test_an_export_has_the_filters_of_the_list_and_no_formulas(api, world, task):
    ServerTask.objects.update(error_message='=HYPERLINK("x")')

    status, text = api.send("GET", "/api/tasks/export?format=csv&states=Queued")
    rows = list(csv.DictReader(io.StringIO(text)))

    assert status == 200
    assert [row["Id"] for row in rows] == [task["Id"]]
    assert rows[0]["ErrorMessage"] == '\'=HYPERLINK("x")'
    assert len(api.send("GET", "/api/tasks/export?states=Failed")[1].splitlines()) == 1
    assert api.refused("GET", "/api/tasks/export?format=xml")[0] == 400
