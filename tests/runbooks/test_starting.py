"""Steps that start runbooks and deployments: once for each try, awaited, cancelled along, in no circle."""

from __future__ import annotations

import pytest
from django.db import DatabaseError
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from domain.processes import DEPLOY_RELEASE_ACTION, RETRIES, RUNBOOK_ACTION
from domain.prompts import Prompt
from domain.step_types import starting as names
from domain.variables import VariableType
from pools.models import WorkerPool
from processes.saving import SaveRefused
from processes.services import processes
from processes.services.steps import StepFields
from projects.services import releases
from projects.services.runs import RunRefused
from protocol import frames
from runbooks.services import runs, snapshots
from tasks.engine import jobs
from tasks.models import Attempt, AttemptState, Child, OutputVariable, ServerTask, TaskState
from tasks.selectors import log_frames
from tasks.services import children, tasks
from tasks.services.options import Wishes
from tests.factories import UserFactory
from tests.projects import scenarios
from tests.tasks.engine.test_attempts import finish, fresh, run_step
from variables.services.rows import Row

pytestmark = pytest.mark.django_db


def sweep() -> None:
    """Until nothing more comes of it."""
    for _ in range(3):
        jobs.sweep(now=timezone.now())


def add(owner, action_type: str, properties: dict[str, str], name: str = "Start it", **fields) -> None:
    process = scenarios.process_of(owner)
    step = StepFields(name=name, action_type=action_type, properties=properties, **fields)
    processes.add_step(process=process, version=process.version, fields=step)


def start(runbook, environment, user, **given) -> ServerTask:
    runbook.refresh_from_db()
    [task] = runs.run(
        runbook=runbook,
        snapshot=runbook.published,
        environments=[environment],
        user=user,
        now=timezone.now(),
        **given,
    )
    sweep()
    return fresh(task)


def parent_of(project, properties: dict[str, str], action_type: str = RUNBOOK_ACTION):
    parent = scenarios.runbook(project, name="Night")
    add(parent, action_type, properties)
    snapshots.publish(runbook=parent, user=None)
    return parent


def run_child(child: ServerTask, **given) -> None:
    sweep()
    finish(run_step(child), **given)
    sweep()


@pytest.fixture
def parent(project, published):
    return parent_of(project, {names.RUNBOOK: f"Runbooks-{published.pk}"})


@pytest.fixture
def environment(environments):
    return environments[0]


def child_of(task: ServerTask) -> ServerTask:
    return Child.objects.get(attempt__execution__task=task).task


class TestWaiting:
    def test_the_step_ends_as_the_task_does_and_hands_on_its_outputs(self, parent, environment, operator):
        task = start(parent, environment, operator)
        child = child_of(task)
        assert (child.environment, child.created_by, child.name) == (environment, operator, "Back up")
        assert task.executions.get().state == "Running"

        run_child(
            child, outputs=[frames.OutputValue("File", "a.dump"), frames.OutputValue("Key", "s3cret", True)]
        )

        task = fresh(task)
        assert task.state == TaskState.SUCCESS
        found = {
            one.name: (one.value, one.is_sensitive)
            for one in OutputVariable.objects.filter(execution__task=task)
        }
        assert found["File"] == found["Check free space.File"] == ("a.dump", False)
        assert found["TaskId"] == (f"ServerTasks-{child.pk}", False)
        assert found["Key"][1]
        assert found["Key"][0] != "s3cret"

    def test_a_failed_task_fails_the_step_and_says_why(self, parent, environment, operator):
        task = start(parent, environment, operator)

        run_child(child_of(task), code=3)

        task = fresh(task)
        assert task.state == TaskState.FAILED
        assert "Back up, failed. The script ended with exit code 3." in task.error_message

    def test_a_retry_starts_another_task(self, project, published, environment, operator):
        parent = parent_of(project, {names.RUNBOOK: f"Runbooks-{published.pk}", RETRIES: "1"})
        task = start(parent, environment, operator)

        run_child(child_of(task), code=1)
        second = Child.objects.filter(attempt__execution__task=task).latest("task_id").task
        run_child(second)

        assert fresh(task).state == TaskState.SUCCESS
        assert Child.objects.filter(attempt__execution__task=task).count() == 2

    def test_without_waiting_the_step_ends_at_once(self, project, published, environment, operator):
        parent = parent_of(project, {names.RUNBOOK: f"Runbooks-{published.pk}", names.WAIT: "False"})

        task = start(parent, environment, operator)

        assert task.state == TaskState.SUCCESS
        assert child_of(task).state != TaskState.SUCCESS

    def test_cancelling_the_run_cancels_the_task_that_it_waits_for(self, parent, environment, operator):
        task = start(parent, environment, operator)
        child = child_of(task)
        sweep()
        attempt = run_step(child)

        tasks.cancel(task, user=operator, now=timezone.now())
        sweep()
        assert fresh(child).state == TaskState.CANCELLING
        assert fresh(child).cancel_requested_by == f"task {task.pk}"
        finish(attempt, outcome="canceled", code=None)
        sweep()

        assert (fresh(task).state, fresh(child).state) == (TaskState.CANCELED, TaskState.CANCELED)

    def test_a_waiting_run_takes_no_room_of_the_node(self, parent, environment, operator, settings):
        settings.TASK_CAP = 1

        task = start(parent, environment, operator)
        sweep()

        assert fresh(child_of(task)).state == TaskState.EXECUTING


class TestOnce:
    def test_a_server_that_dies_before_the_commit_leaves_no_task(
        self, parent, environment, operator, monkeypatch
    ):
        real = Child.objects.create

        def dies(**given):
            real(**given)
            raise DatabaseError("The server is gone.")

        monkeypatch.setattr(Child.objects, "create", dies)
        with pytest.raises(DatabaseError):
            start(parent, environment, operator)
        assert not Attempt.objects.exists()
        assert ServerTask.objects.count() == 1

        monkeypatch.undo()
        sweep()
        sweep()

        assert Child.objects.count() == 1
        assert ServerTask.objects.count() == 2

    def test_a_server_that_dies_after_it_finds_the_task_again(self, parent, environment, operator):
        task = start(parent, environment, operator)
        Attempt.objects.update(served_by="a node that is gone")

        run_child(child_of(task))

        assert fresh(task).state == TaskState.SUCCESS
        assert Attempt.objects.get(execution__task=task).state == AttemptState.FINISHED


class TestWhatItStarts:
    def test_where_and_what_it_is_told(self, project, runbook, environments, operator):
        prompt = Prompt(label="Table", required=True)
        rows = [Row(name="Table", type=VariableType.STRING, value="", prompt=prompt)]
        scenarios.route(
            project, dict(zip(environments, [p for p in _pools(project)], strict=True)), others=rows
        )
        snapshots.publish(runbook=runbook, user=None)
        told = names.to_json({"Table": "t_#{Octopus.Environment.Name}"})
        properties = {
            names.RUNBOOK: f"Runbooks-{runbook.pk}",
            names.ENVIRONMENT: f"Environments-{environments[1].pk}",
            names.ANSWERS: told,
        }
        parent = scenarios.runbook(project, name="Night")
        add(parent, RUNBOOK_ACTION, properties)
        snapshots.publish(runbook=parent, user=None)

        task = start(parent, environments[0], operator, wishes=_answers(Table="x"))

        child = child_of(task)
        assert child.environment == environments[1]
        values = {one["name"]: one["value"] for one in child.plan["candidates"]}
        assert values["Table"] == f"t_{environments[0].name}"

    def test_a_chosen_snapshot(self, project, published, environment, operator):
        snapshots.publish(runbook=published, user=None)
        parent = parent_of(project, {names.RUNBOOK: f"Runbooks-{published.pk}", names.SNAPSHOT: "1"})

        task = start(parent, environment, operator)

        assert child_of(task).runbook_run.snapshot.number == 1


def _pools(project):
    return WorkerPool.objects.filter(name__startswith="SQL").order_by("name")


def _answers(**given):
    return Wishes(answers=given)


class TestPlanning:
    def refusal(self, parent, environment, user) -> str:
        with pytest.raises(RunRefused) as refused:
            start(parent, environment, user)
        return str(refused.value)

    def test_what_is_not_published_is_said_before_the_run(self, project, runbook, environment, operator):
        parent = parent_of(project, {names.RUNBOOK: f"Runbooks-{runbook.pk}"})

        assert "Back up has no published snapshot." in self.refusal(parent, environment, operator)

    def test_what_is_gone_is_said_before_the_run(self, project, environment, operator):
        parent = parent_of(project, {names.RUNBOOK: "Runbooks-999999"})

        assert "runs a runbook that has been deleted" in self.refusal(parent, environment, operator)

    def test_whoever_starts_it_needs_the_right_to(self, project, parent, environment):
        stranger = UserFactory(role=Role.VIEWER)

        assert "does not have the right to run" in self.refusal(parent, environment, stranger)

    def test_the_right_is_asked_again_when_the_step_runs(self, parent, environment, operator):
        parent.refresh_from_db()
        [task] = runs.run(
            runbook=parent,
            snapshot=parent.published,
            environments=[environment],
            user=operator,
            now=timezone.now(),
        )
        operator.role = Role.VIEWER
        operator.save()

        sweep()

        assert fresh(task).state == TaskState.FAILED
        assert "does not have the right" in fresh(task).error_message

    @pytest.mark.parametrize(
        ("properties", "words"),
        [
            ({}, "does not say which"),
            ({names.RUNBOOK: "Projects-1"}, "does not say which"),
            ({names.RUNBOOK: "Runbooks-999999", names.SNAPSHOT: "-1"}, "is no number"),
            ({names.RUNBOOK: "Runbooks-999999", names.ENVIRONMENT: "here"}, "no id of one"),
            ({names.RUNBOOK: "Runbooks-999999", names.TENANT: "Tenants-1"}, "where only none can stand"),
            ({names.RUNBOOK: "Runbooks-999999", names.ANSWERS: "{"}, "not JSON"),
            ({names.RUNBOOK: "Runbooks-999999", names.ANSWERS: "[1]"}, "not an object"),
        ],
    )
    def test_settings_that_make_no_sense(self, project, environment, operator, properties, words):
        assert words in self.refusal(parent_of(project, properties), environment, operator)

    def test_values_that_nothing_asks_for(self, project, published, environment, operator):
        properties = {names.RUNBOOK: f"Runbooks-{published.pk}", names.ANSWERS: names.to_json({"Nope": "1"})}

        refusal = self.refusal(parent_of(project, properties), environment, operator)

        assert "a value of Nope, which it does not ask for" in refusal


class TestCircles:
    def test_runbooks_that_would_run_each_other_are_not_saved_and_the_way_is_said(self, project):
        one, two, three = (scenarios.runbook(project, name=name) for name in ("One", "Two", "Three"))
        add(one, RUNBOOK_ACTION, {names.RUNBOOK: f"Runbooks-{two.pk}"})
        add(two, RUNBOOK_ACTION, {names.RUNBOOK: f"Runbooks-{three.pk}"})

        with pytest.raises(SaveRefused, match="Three → One → Two → Three"):
            add(three, RUNBOOK_ACTION, {names.RUNBOOK: f"Runbooks-{one.pk}"})
        add(three, RUNBOOK_ACTION, {names.RUNBOOK: f"Runbooks-{one.pk}"}, is_disabled=True)

    def test_also_through_a_deployment_and_of_a_runbook_with_itself(self, project):
        runbook = scenarios.runbook(project)
        add(project, RUNBOOK_ACTION, {names.RUNBOOK: f"Runbooks-{runbook.pk}"})

        with pytest.raises(SaveRefused, match="Back up → deployment of Orders database → Back up"):
            add(runbook, DEPLOY_RELEASE_ACTION, {names.PROJECT: f"Projects-{project.pk}"})
        with pytest.raises(SaveRefused, match="Back up → Back up"):
            add(runbook, RUNBOOK_ACTION, {names.RUNBOOK: f"Runbooks-{runbook.pk}"})

    def test_what_is_published_is_looked_at_before_a_run(self, project, runbook, environment, operator):
        """The drafts have no circle any more, the snapshots have one."""
        parent = parent_of(project, {names.RUNBOOK: f"Runbooks-{runbook.pk}"})
        process = scenarios.process_of(parent)
        processes.delete_step(step=process.steps.get(), version=process.version)
        add(runbook, RUNBOOK_ACTION, {names.RUNBOOK: f"Runbooks-{parent.pk}"})
        snapshots.publish(runbook=runbook, user=None)

        with pytest.raises(RunRefused, match="Night → Back up → Night"):
            start(parent, environment, operator)

    def test_the_editor_says_it_above_the_form(self, as_user, editor, project):
        runbook = scenarios.runbook(project)
        url = reverse("runbook_process", args=[project.slug, runbook.slug])
        version = scenarios.process_of(runbook).version
        data = {
            "version": version,
            "name": "Again",
            "runbook": f"Runbooks-{runbook.pk}",
            "is_enabled": "on",
            "waits": "on",
        }

        response = as_user(editor).post(f"{url}new/run-a-runbook/", data)

        assert response.status_code == 422
        assert "would start each other for ever" in response.content.decode()


class TestStandstill:
    def test_a_task_that_could_never_start_is_refused(self, project, published, environment, operator):
        rows = [Row(name="Octopus.Task.ConcurrencyTag", type=VariableType.STRING, value="one")]
        scenarios.route(project, {environment: _pools(project)[0]}, others=rows)
        snapshots.publish(runbook=published, user=None)
        parent = parent_of(project, {names.RUNBOOK: f"Runbooks-{published.pk}"})

        task = start(parent, environment, operator)

        assert task.state == TaskState.FAILED
        assert "It would wait for itself" in task.error_message
        assert ServerTask.objects.count() == 1

    def test_tasks_do_not_start_each_other_without_an_end(self, parent, environment, operator, monkeypatch):
        monkeypatch.setattr(children, "DEEPEST", 0)

        task = start(parent, environment, operator)

        assert "would have started each other" in task.error_message


class TestReleases:
    @pytest.fixture
    def release(self, project):
        return releases.create(project=project, version="1.0.0", user=None)

    def deploy(self, project, environment, user, **properties: str) -> ServerTask:
        other = scenarios.project(project.space, name=f"Ops {len(properties)}")
        parent = parent_of(
            other, {names.PROJECT: f"Projects-{project.pk}", **properties}, DEPLOY_RELEASE_ACTION
        )
        return start(parent, environment, user)

    def test_the_newest_or_the_one_that_is_named(self, project, release, environment, operator):
        releases.create(project=project, version="1.1.0", user=None)

        newest = self.deploy(project, environment, operator)
        named = self.deploy(project, environment, operator, **{names.VERSION: "#{Nope}1.0.0"})

        assert child_of(newest).name == "Deploy Orders database 1.1.0"
        assert named.executions.get().state in ("Running", "Failed")

    def test_a_version_that_is_not_there_is_said_before_the_run(
        self, project, release, environment, operator
    ):
        with pytest.raises(RunRefused, match=r"Orders database, which has no release 9\.9\.9"):
            self.deploy(project, environment, operator, **{names.VERSION: "9.9.9"})

    def test_what_is_deployed_already_is_not_deployed_again(self, project, release, environment, operator):
        first = self.deploy(project, environment, operator)
        run_child(child_of(first))
        before = ServerTask.objects.count()

        for number, condition in enumerate(("IfNotCurrentVersion", "IfNewer")):
            task = self.deploy(
                project,
                environment,
                operator,
                **{names.CONDITION: condition, **{f"x{n}": "" for n in range(number)}},
            )
            assert task.state == TaskState.SUCCESS

        assert ServerTask.objects.count() == before + 2
        assert "1.0.0 is deployed there already." in str(list(task.events.values_list("message", flat=True)))


class TestPages:
    def test_both_tasks_name_each_other(self, as_user, parent, environment, operator):
        task = start(parent, environment, operator)
        child = child_of(task)
        client = as_user(operator)

        above = client.get(reverse("task_detail", args=[task.pk])).content.decode()
        below = client.get(reverse("task_detail", args=[child.pk])).content.decode()

        assert f"task {child.pk}, Back up" in above
        assert f"task {task.pk}, Night" in below
        assert "which waits for it" in below
        assert "On the server" in above

    def test_its_log_says_that_the_server_did_it_and_finds_nothing_amiss(self, parent, environment, operator):
        task = start(parent, environment, operator)
        run_child(child_of(task))

        [group] = log_frames.first_frame(fresh(task))["groups"]

        assert (group["head"]["worker"], group["head"]["differs"]) == ("the server", False)

    def test_the_form_keeps_what_was_entered(self, as_user, editor, project, published, environments):
        night = scenarios.runbook(project, name="Night")
        url = reverse("runbook_process", args=[project.slug, night.slug])
        data = {
            "version": scenarios.process_of(night).version,
            "name": "Back up",
            "runbook": f"Runbooks-{published.pk}",
            "snapshot": "1",
            "start_in": f"Environments-{environments[1].pk}",
            "without_tenant": "on",
            "answers": "Table = #{Name}\n\nMode=full",
            "is_enabled": "on",
            "retries": "2",
        }

        response = as_user(editor).post(f"{url}new/run-a-runbook/", data)

        assert response.status_code == 302, response.content.decode()
        action = scenarios.process_of(night).steps.get().actions.get()
        assert action.properties == {
            names.RUNBOOK: f"Runbooks-{published.pk}",
            names.SNAPSHOT: "1",
            names.WAIT: "False",
            names.ENVIRONMENT: f"Environments-{environments[1].pk}",
            names.TENANT: "none",
            names.ANSWERS: '{"Table": "#{Name}", "Mode": "full"}',
            RETRIES: "2",
        }
        html = as_user(editor).get(response["Location"]).content.decode()
        assert "Table = #{Name}\nMode = full" in html

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("runbook", "", "Choose a runbook."),
            ("runbook", "Runbooks-999", "Select a valid choice"),
            ("snapshot", "0", "greater than or equal to 1"),
            ("answers", "no value", "is not a name, = and a value."),
            ("answers", "A = 1\na = 2", "a is there twice."),
            ("start_in", "Environments-999", "Select a valid choice"),
        ],
    )
    def test_each_field_says_what_is_wrong_with_it(
        self, as_user, editor, project, published, field, value, words
    ):
        night = scenarios.runbook(project, name="Night")
        url = reverse("runbook_process", args=[project.slug, night.slug])
        data = {"version": 1, "name": "Back up", "runbook": f"Runbooks-{published.pk}", field: value}

        response = as_user(editor).post(f"{url}new/run-a-runbook/", data)

        assert response.status_code == 422
        assert words in response.content.decode()
