"""What the preview showed is what runs, and when and how it runs is chosen in the dialog."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone

from domain.variables import VariableType
from processes.services import processes
from projects.services import shown_plans
from runbooks.models import RunbookRun
from runbooks.services import snapshots
from tasks.models import Pause, ServerTask
from tests.projects import scenarios
from variables.services.rows import Row

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)


def url(runbook, name: str = "runbook_run") -> str:
    return reverse(name, args=[runbook.project.slug, runbook.slug])


def look(client, runbook, environments, **more) -> dict[str, object]:
    """The plan, as the page fetches it: what the form then holds."""
    chosen = {"environments": [one.pk for one in environments], **more}
    text = client.get(url(runbook, "runbook_run_plan"), chosen, **HTMX).content.decode()
    return {**chosen, "shown": shown_in(text), "source": more.get("source", "1")}


def shown_in(text: str) -> str:
    found = re.search(r'name="shown" value="([^"]+)"', text)
    return found[1] if found else ""


def press(client, runbook, form, **more):
    return client.post(url(runbook), {**form, **more}, **HTMX)


class TestIntegrity:
    def test_an_unchanged_plan_starts(self, client, published, environments):
        form = look(client, published, environments)

        response = press(client, published, form)

        assert form["shown"]
        assert "HX-Redirect" in response.headers
        assert ServerTask.objects.count() == 2

    def test_without_a_preview_it_simply_starts(self, client, published, environments):
        press(client, published, {"environments": environments[0].pk, "source": "1"})

        assert ServerTask.objects.count() == 1

    def test_another_pool_is_told_and_nothing_starts(self, as_user, editor, published, environments, pools):
        client = as_user(editor)
        form = look(client, published, environments[:1], source="draft")
        scenarios.route(published.project, {environments[0]: pools[1]})

        response = press(client, published, form)

        html = response.content.decode()
        assert response.status_code == 409
        assert (
            "Step 1 Check free space: the pool is now SQL - Production (was SQL - Dev), "
            "because variable Project.WorkerPool changed."
        ) in html
        assert "Start anyway" in html
        assert not ServerTask.objects.exists()

    def test_start_anyway_starts_what_was_shown_the_second_time(
        self, as_user, editor, published, environments, pools
    ):
        client = as_user(editor)
        form = look(client, published, environments[:1], source="draft")
        scenarios.route(published.project, {environments[0]: pools[1]})
        again = shown_in(press(client, published, form).content.decode())

        press(client, published, form, shown=again)

        task = ServerTask.objects.get()
        assert task.executions.get().pool_name == "SQL - Production"

    def test_start_anyway_is_asked_again_where_it_changed_again(
        self, as_user, editor, published, environments, pools
    ):
        client = as_user(editor)
        form = look(client, published, environments[:1], source="draft")
        scenarios.route(published.project, {environments[0]: pools[1]})
        again = shown_in(press(client, published, form).content.decode())
        scenarios.route(published.project, {environments[0]: pools[0]})

        assert press(client, published, form, shown=again).status_code == 409

    def test_a_secret_that_changed_is_told_and_not_shown(
        self, as_user, editor, published, environments, pools
    ):
        client, routes = as_user(editor), {environments[0]: pools[0]}
        secret = Row(name="Password", type=VariableType.SENSITIVE, value="first-secret")
        scenarios.route(published.project, routes, others=[secret])
        form = look(client, published, environments[:1], source="draft")
        changed = Row(name="Password", type=VariableType.SENSITIVE, value="second-secret")
        scenarios.route(published.project, routes, others=[changed])

        html = press(client, published, form).content.decode()

        assert "Variable Password changed." in html
        assert "secret" not in html.lower().replace("password", "")

    def test_steps_that_changed_are_told(self, as_user, editor, published, environments):
        client = as_user(editor)
        form = look(client, published, environments[:1], source="draft")
        scenarios.add_step(published, "Dump")

        assert "Step 2 Dump was added." in press(client, published, form).content.decode()

    def test_somebody_who_may_run_only_the_published_snapshot_gets_the_new_one(
        self, client, published, environments
    ):
        form = look(client, published, environments[:1])
        scenarios.add_step(published, "Dump")
        snapshots.publish(runbook=published, user=None)

        response = press(client, published, form)

        html = response.content.decode()
        assert response.status_code == 409
        assert "Snapshot 2 was published meanwhile; you looked at snapshot 1." in html
        assert "Step 2 Dump was added." in html
        press(client, published, {**form, "source": "2"}, shown=shown_in(html))
        assert RunbookRun.objects.get().snapshot.number == 2

    def test_an_editor_may_start_the_one_that_was_shown(self, as_user, editor, published, environments):
        client = as_user(editor)
        form = look(client, published, environments[:1])
        scenarios.add_step(published, "Dump")
        snapshots.publish(runbook=published, user=None)

        html = press(client, published, form).content.decode()

        assert "Snapshot 2 was published meanwhile" in html
        assert "Dump was added" not in html
        press(client, published, form, shown=shown_in(html))
        assert RunbookRun.objects.get().snapshot.number == 1

    def test_a_pool_that_is_gone_blocks_and_is_told(self, as_user, editor, published, environments):
        client = as_user(editor)
        form = look(client, published, environments[:1], source="draft")
        scenarios.route(published.project, {})

        response = press(client, published, form)

        html = response.content.decode()
        assert response.status_code == 409
        assert "it has no pool now (was SQL - Dev)" in html
        assert "Start anyway" not in html

    def test_another_choice_than_the_one_shown_is_told(self, client, published, environments):
        form = look(client, published, environments[:1])

        response = press(client, published, {**form, "environments": [one.pk for one in environments]})

        assert "Production was not in the plan that you looked at." in response.content.decode()

    def test_what_was_not_signed_here_is_refused(self, client, published, environments):
        form = look(client, published, environments[:1])

        response = press(client, published, form, shown="forged" + str(form["shown"]))

        assert response.status_code == 409
        assert shown_plans.UNREADABLE.sentence in response.content.decode()
        assert not ServerTask.objects.exists()

    def test_the_page_without_script_says_the_same(self, as_user, editor, published, environments):
        client = as_user(editor)
        page = client.post(
            url(published), {"environments": environments[0].pk, "source": "draft", "show": "1"}
        ).content.decode()
        scenarios.add_step(published, "Dump")

        form = {"environments": environments[0].pk, "source": "draft", "shown": shown_in(page)}
        response = client.post(url(published), form)

        assert "<html" in page
        assert response.status_code == 409
        assert "<html" in response.content.decode()
        assert "Step 2 Dump was added." in response.content.decode()

    def test_what_is_shown_fits_into_a_form(self, as_user, editor, published, environments, pools):
        project = published.project
        rows = [Row(name=f"Setting.{number}", value=f"value {number}") for number in range(200)]
        scenarios.route(project, dict(zip(environments, pools, strict=True)), others=rows)
        for number in range(20):
            scenarios.add_step(published, f"Step {number}")

        form = look(as_user(editor), published, environments, source="draft")

        assert len(str(form["shown"])) < 20_000

    def test_what_changed_in_some_places_only_names_them(
        self, as_user, editor, published, environments, pools
    ):
        client = as_user(editor)
        form = look(client, published, environments, source="draft")
        scenarios.route(published.project, {environments[0]: pools[1], environments[1]: pools[1]})

        assert "Development: Step 1 Check free space" in press(client, published, form).content.decode()


class TestOptions:
    @pytest.fixture(autouse=True)
    def _zone(self, settings):
        settings.TIME_ZONE = "Europe/Berlin"
        timezone.get_default_timezone.cache_clear()
        yield
        timezone.get_default_timezone.cache_clear()

    def at(self, ahead: timedelta) -> str:
        return f"{timezone.localtime(timezone.now() + ahead):%Y-%m-%dT%H:%M}"

    def start(self, client, runbook, environments, **more):
        return press(client, runbook, {"environments": environments[0].pk, "source": "1", **more})

    def test_a_later_start_is_meant_in_the_zone_that_is_shown(self, client, published, environments):
        moment = self.at(timedelta(days=2))

        response = self.start(client, published, environments, when="later", start_at=moment)

        assert "HX-Redirect" in response.headers
        start_at = ServerTask.objects.get().start_at.astimezone(ZoneInfo("Europe/Berlin"))
        assert f"{start_at:%Y-%m-%dT%H:%M}" == moment
        assert "Europe/Berlin" in client.get(url(published)).content.decode()

    @pytest.mark.parametrize(
        ("ahead", "words"),
        [
            (timedelta(hours=-2), "in the past"),
            (timedelta(days=31), "the next 30 days"),
        ],
    )
    def test_a_start_that_cannot_be_is_marked(self, client, published, environments, ahead, words):
        response = self.start(client, published, environments, when="later", start_at=self.at(ahead))

        html = response.content.decode()
        assert response.status_code == 422
        assert words in html
        assert 'aria-invalid="true"' in html
        assert not ServerTask.objects.exists()

    @pytest.mark.parametrize("start_at", ["", "tomorrow", "2026-03-29T02:30"])
    def test_a_start_that_is_none_is_marked(self, client, published, environments, start_at):
        response = self.start(client, published, environments, when="later", start_at=start_at)

        assert response.status_code == 422
        assert not ServerTask.objects.exists()

    def test_a_time_does_not_matter_while_now_is_chosen(self, client, published, environments):
        self.start(client, published, environments, when="now", start_at="nonsense")

        assert ServerTask.objects.get().start_at is None

    def test_the_plan_says_when_it_starts(self, client, published, environments):
        moment = timezone.localtime(timezone.now() + timedelta(days=2))
        form = {"environments": environments[0].pk, "when": "later", "start_at": f"{moment:%Y-%m-%dT%H:%M}"}

        text = client.get(url(published, "runbook_run_plan"), form, **HTMX).content.decode()

        assert re.search(rf"Starts \w+ {moment.day} \w+, {moment:%H:%M}", text)
        assert "Schedule in 1 environment" in text

    def test_the_other_options_reach_the_task(self, client, published, environments):
        more = {"queue_timeout": "45", "is_prioritised": "on", "guided_failure": "ask"}

        self.start(client, published, environments, **more)

        task = ServerTask.objects.get()
        assert task.queue_expires_at - task.queued_at == timedelta(minutes=45)
        assert task.queue_rank == 1
        assert task.guided_failure

    @pytest.mark.parametrize(
        ("environment", "chosen", "asks"), [(True, "", True), (True, "fail", False), (False, "", False)]
    )
    def test_a_failure_is_as_the_process_says_unless_it_is_chosen(
        self, client, published, environments, environment, chosen, asks
    ):
        environments[0].guided_failure = environment
        environments[0].save()

        self.start(client, published, environments, guided_failure=chosen)

        assert ServerTask.objects.get().guided_failure is asks

    @pytest.mark.parametrize("minutes", ["0", "-1", "x", "99999999"])
    def test_a_timeout_that_makes_no_sense_is_marked(self, client, published, environments, minutes):
        response = self.start(client, published, environments, queue_timeout=minutes)

        assert response.status_code == 422
        assert "run-timeout-error" in response.content.decode()


class TestStepsOfOtherKinds:
    def test_the_plan_shows_rules_and_people(self, as_user, editor, published, environments):
        process = scenarios.process_of(published)
        step = process.steps.get()
        step.actions.update(
            properties={
                **step.actions.get().properties,
                "Octopus.Action.AutoRetry.MaximumCount": "2",
                "Octopus.Action.ExecutionTimeout.Minutes": "5",
            }
        )
        processes.add_step(
            process=process,
            version=process.version,
            fields=processes.StepFields(
                name="Approve",
                action_type="Octopus.Manual",
                properties={"Octopus.Action.Manual.Instructions": "Look at it."},
            ),
        )
        chosen = {"environments": environments[0].pk, "source": "draft"}

        text = as_user(editor).get(url(published, "runbook_run_plan"), chosen, **HTMX).content.decode()

        assert "up to 3 tries; at most 5 min each" in text
        assert "Waits for a person" in text
        assert "No pool" not in text
        assert "Starts at once" in text


class TestOutlook:
    def plan(self, client, runbook, environments, **more) -> str:
        chosen = {"environments": [one.pk for one in environments], **more}
        return client.get(url(runbook, "runbook_run_plan"), chosen, **HTMX).content.decode()

    def begin(self, client, runbook, environment) -> ServerTask:
        press(client, runbook, {"environments": environment.pk, "source": "1"})
        return ServerTask.objects.latest("pk")

    def set(self, runbook, **settings) -> None:
        type(runbook).objects.filter(pk=runbook.pk).update(**settings)

    def test_it_waits_for_its_turn(self, client, published, environments):
        task = self.begin(client, published, environments[0])

        text = self.plan(client, published, environments[:1])

        assert f"Waits for task {task.pk}" in text
        assert "they run one after the other" in text

    def test_it_does_not_wait_where_more_may_run_at_once(self, client, published, environments):
        self.set(published, max_concurrent=2)
        self.begin(client, published, environments[0])

        assert "Starts at once" in self.plan(client, published, environments[:1])

    def test_a_runbook_that_skips_says_so(self, client, published, environments):
        self.set(published, overlap="Skip")
        task = self.begin(client, published, environments[0])

        text = self.plan(client, published, environments[:1])

        assert "Is not started" in text
        assert f"task {task.pk} was waiting" in text

    def test_a_runbook_that_replaces_says_what(self, client, published, environments):
        self.set(published, overlap="Replace")
        task = self.begin(client, published, environments[0])

        text = self.plan(client, published, environments[:1])

        assert f"Replaces task {task.pk}" in text
        assert f"Task {task.pk} is cancelled" in text

    def test_it_waits_for_a_lock(self, client, published, environments):
        self.set(published, locks=[{"name": "Orders", "mode": "Exclusive"}])
        task = self.begin(client, published, environments[0])

        text = self.plan(client, published, environments[1:])

        assert "Waits for a lock" in text
        assert f"Waits for the lock orders, held by task {task.pk}." in text

    def test_runs_of_one_start_that_take_turns_name_no_task(self, client, published, environments):
        self.set(published, locks=[{"name": "Orders", "mode": "Exclusive"}])

        text = self.plan(client, published, environments)

        assert "Starts at once" in text
        assert "Behind another one of these runs" in text

    def test_a_pause_is_told_with_its_reason(self, client, published, environments, administrator):
        Pause.objects.create(
            environment=environments[0],
            reason="Moving house",
            created_by_name="ada",
            created_at=timezone.now(),
        )

        text = self.plan(client, published, environments[:1])

        assert "Paused" in text
        assert "Environment Development is paused by ada: Moving house." in text

    def test_later_is_not_now(self, client, published, environments):
        self.begin(client, published, environments[0])
        moment = timezone.localtime(timezone.now() + timedelta(days=2))

        text = self.plan(
            client, published, environments[:1], when="later", start_at=f"{moment:%Y-%m-%dT%H:%M}"
        )

        assert "Waits for task" not in text


class TestLeavingStepsOut:
    @pytest.fixture
    def two_steps(self, runbook):
        scenarios.add_step(runbook, "Dump")
        snapshots.publish(runbook=runbook, user=None)
        return runbook

    def action(self, runbook, name: str):
        return scenarios.process_of(runbook).steps.get(name=name).actions.get()

    def test_a_step_that_is_left_out_is_shown_as_skipped_and_is(self, client, two_steps, environments):
        left_out = str(self.action(two_steps, "Dump").pk)
        form = look(client, two_steps, environments[:1], left_out=left_out)

        press(client, two_steps, form)

        task = ServerTask.objects.get()
        assert [one.state for one in task.executions.order_by("number")] == ["Pending", "Skipped"]
        page = client.get(reverse("task_detail", args=[task.pk])).content.decode()
        assert "Left out of this run" in page

    def test_the_plan_says_so_before_the_start(self, client, two_steps, environments):
        left_out = str(self.action(two_steps, "Dump").pk)
        chosen = {"environments": environments[0].pk, "left_out": left_out}

        text = client.get(url(two_steps, "runbook_run_plan"), chosen, **HTMX).content.decode()

        assert "Left out of this run, is skipped" in text
        assert f'name="left_out" value="{left_out}" checked' in text

    def test_one_that_was_ticked_after_the_plan_was_shown_is_told(self, client, two_steps, environments):
        form = look(client, two_steps, environments[:1])

        answer = press(client, two_steps, form, left_out=str(self.action(two_steps, "Dump").pk))

        assert answer.status_code == 409
        assert "Step 2 Dump is skipped now." in answer.content.decode()

    def test_a_required_step_cannot_be_left_out(self, client, two_steps, environments):
        action = self.action(two_steps, "Dump")
        action.is_required = True
        action.save()
        snapshots.publish(runbook=two_steps, user=None)
        form = look(client, two_steps, environments[:1], source="2", left_out=str(action.pk))

        answer = press(client, two_steps, {**form, "source": ""})

        assert answer.status_code == 422
        assert "Step 2 is required and cannot be left out." in answer.content.decode()
        assert not ServerTask.objects.exists()

    @pytest.mark.parametrize("nonsense", ["999999", "x", "1;2", "-1"])
    def test_what_is_no_step_of_the_process_does_no_harm(self, client, two_steps, environments, nonsense):
        form = look(client, two_steps, environments[:1])

        press(client, two_steps, form, left_out=nonsense)

        assert ServerTask.objects.get().executions.filter(state="Pending").count() == 2
