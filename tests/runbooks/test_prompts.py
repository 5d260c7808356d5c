"""Prompts in the run dialog: asked, checked, kept in the plan, and repeated by a rerun."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from domain.plans import RunPlan
from domain.prompts import Control, Prompt
from domain.schedules import Schedule, ScheduleKind
from domain.scopes import Kind, Scope
from domain.variables import VariableType
from projects.services.runs import RunRefused
from runbooks.models import ScheduledTrigger
from runbooks.services import firing, runs, snapshots, triggers
from runbooks.services.triggers import TriggerFields
from tasks.engine.script import _plain
from tasks.models import ServerTask
from tasks.services.options import Wishes
from tests.projects import scenarios
from tests.runbooks.test_run_dialog import HTMX, shown_in, url
from variables.services.rows import Row

SIZE = Row(name="Size", value="small", prompt=Prompt(label="How much", required=True))


@pytest.fixture
def client(as_user, operator):
    return as_user(operator)


@pytest.fixture
def ask(runbook, environments, pools):
    """`ask(row, …)` publishes the runbook with these variables."""

    def publish(*rows: Row):
        scenarios.route(runbook.project, dict(zip(environments, pools, strict=True)), others=rows)
        snapshots.publish(runbook=runbook, user=None)
        return runbook

    return publish


def look(client, runbook, environment, **answers):
    """The plan for these answers, as the page fetches it."""
    form = {"environments": environment.pk, **filled(answers)}
    return client.post(url(runbook, "runbook_run_plan"), form, **HTMX).text


def press(client, runbook, environment, **answers):
    return client.post(url(runbook), {"environments": environment.pk, **filled(answers)}, **HTMX)


def filled(answers) -> dict[str, object]:
    return {"asked": list(answers), **{f"answer:{name}": value for name, value in answers.items()}}


def plan_of(task: ServerTask) -> RunPlan:
    return RunPlan.from_json(task.plan)


def value(task: ServerTask, name: str):
    return next(one for one in plan_of(task).candidates if one.name == name)


def test_the_question_stands_with_its_default_once_a_place_is_chosen(client, ask, environments):
    runbook = ask(SIZE)

    assert "How much" not in client.get(url(runbook), **HTMX).text
    text = look(client, runbook, environments[0])

    assert 'name="answer:Size" value="small"' in text
    assert "How much" in text


def test_the_answer_is_frozen_in_the_plan_with_its_reason(client, ask, environments):
    runbook = ask(SIZE)

    assert "HX-Redirect" in press(client, runbook, environments[0], Size="large").headers

    task = ServerTask.objects.get()
    assert (value(task, "Size").value, value(task, "Size").is_answer) == ("large", True)
    page = client.get(reverse("task_variables", args=[task.pk])).text
    assert "Answered when the run was started" in page


def test_a_missing_answer_is_said_at_the_field(client, ask, environments):
    runbook = ask(SIZE)

    answer = press(client, runbook, environments[0], Size=" ")

    assert answer.status_code == 422
    assert re.search(r'id="run-question-\w+-error"', answer.text)
    assert "How much needs a value." in answer.text
    assert ServerTask.objects.count() == 0


def test_what_was_looked_at_may_be_answered_differently(client, ask, environments):
    runbook = ask(SIZE)
    shown = shown_in(look(client, runbook, environments[0], Size="small"))
    form = {"environments": environments[0].pk, "source": "1", "shown": shown, **filled({"Size": "large"})}

    assert "HX-Redirect" in client.post(url(runbook), form, **HTMX).headers


def test_a_secret_is_sealed_masked_and_never_shown(client, ask, environments):
    secret = Row(name="Token", value="", type=VariableType.SENSITIVE, prompt=Prompt(required=True))
    hidden = Row(name="Pin", value="", prompt=Prompt(control=Control.SENSITIVE))
    runbook = ask(secret, hidden)

    assert press(client, runbook, environments[0], Token="", Pin="").status_code == 422
    short = press(client, runbook, environments[0], Token="abc", Pin="")
    assert "needs at least 4 characters" in short.text
    press(client, runbook, environments[0], Token="correct horse", Pin="battery")

    task = ServerTask.objects.get()
    assert "correct horse" not in str(task.plan)
    assert "battery" not in str(task.plan)
    assert value(task, "Pin").type is VariableType.SENSITIVE
    assert [_plain(value(task, name)) for name in ("Token", "Pin")] == ["correct horse", "battery"]
    page = client.get(reverse("task_variables", args=[task.pk])).text
    assert "correct horse" not in page


def test_a_pool_is_chosen_and_the_plan_follows(client, ask, environments, pools):
    pool = Row(
        name=scenarios.POOL_VARIABLE,
        type=VariableType.WORKER_POOL,
        value=str(pools[0].pk),
        scope=Scope.of({Kind.ENVIRONMENT: [environments[0].pk], Kind.PROCESS: ["deployment"]}),
    )
    asked = Row(
        name="Other.Pool", type=VariableType.WORKER_POOL, value=str(pools[0].pk), prompt=Prompt(label="Where")
    )
    runbook = ask(pool, asked)
    text = look(client, runbook, environments[0], **{"Other.Pool": str(pools[1].pk)})

    assert f'<option value="{pools[1].pk}" selected>SQL - Production</option>' in text


def test_choices_follow_the_answer_before_them(client, ask, environments):
    options = '#{if Region == "EU"}dub|Dublin#{else}iad|Ashburn#{/if}'
    runbook = ask(
        Row(name="Region", prompt=Prompt(label="1", control=Control.SELECT, options="EU\nUS")),
        Row(name="Site", prompt=Prompt(label="2", control=Control.SELECT, options=options, required=True)),
    )

    assert "Dublin" in look(client, runbook, environments[0], Region="EU", Site="")
    text = look(client, runbook, environments[0], Region="US", Site="dub")
    assert "Ashburn" in text
    assert 'value="dub" selected' not in text
    assert press(client, runbook, environments[0], Region="US", Site="dub").status_code == 422


def test_a_checkbox_that_is_off_is_false(client, ask, environments):
    runbook = ask(Row(name="Force", value="True", prompt=Prompt(control=Control.CHECKBOX)))
    form = {"environments": environments[0].pk, "asked": "Force"}

    client.post(url(runbook), form, **HTMX)

    assert value(ServerTask.objects.get(), "Force").value == "False"


def test_a_rerun_repeats_the_answers(client, ask, environments, operator):
    runbook = ask(SIZE, Row(name="Token", type=VariableType.SENSITIVE, value="", prompt=Prompt()))
    press(client, runbook, environments[0], Size="large", Token="correct horse")

    again = runs.rerun(ServerTask.objects.get(), operator)

    assert value(again, "Size").value == "large"
    assert _plain(value(again, "Token")) == "correct horse"


def test_without_script_the_page_asks_too(client, ask, environments):
    runbook = ask(SIZE)

    page = client.post(url(runbook), {"environments": environments[0].pk, "show": "1"}).text

    assert 'name="answer:Size"' in page


def test_a_trigger_answers_and_keeps_its_secrets(ask, environments, as_user, editor):
    secret = Row(name="Token", value="", type=VariableType.SENSITIVE, prompt=Prompt(required=True))
    runbook = ask(Row(name="Size", prompt=Prompt(required=True)), secret)
    client = as_user(editor)
    address = reverse("trigger_create", args=[runbook.project.slug, runbook.slug])
    form = {
        "name": "Hourly",
        "kind": "Every",
        "minutes": "60",
        "timezone": "UTC",
        "at": "02:00",
        "month_days": "1",
        "month_at": "02:00",
        "cron": "",
        "is_enabled": "on",
        "environments": [environments[0].pk],
    }
    assert 'name="answer:Token"' in client.get(address).text
    client.post(address, {**form, **filled({"Size": "large", "Token": "correct horse"})})
    trigger = ScheduledTrigger.objects.get()
    assert "correct horse" not in str(trigger.answers)

    edit = reverse("trigger_edit", args=[runbook.project.slug, runbook.slug, trigger.pk])
    assert 'name="answer:Size" value="large"' in client.get(edit).text
    client.post(edit, {**form, **filled({"Size": "huge", "Token": ""})})
    trigger.refresh_from_db()
    firing.fire_due(now=trigger.next_at)

    task = ServerTask.objects.get()
    assert value(task, "Size").value == "huge"
    assert _plain(value(task, "Token")) == "correct horse"


def test_a_trigger_without_the_answer_says_so(ask, environments, editor):
    runbook = ask(Row(name="Size", prompt=Prompt(required=True)))
    fields = TriggerFields("Hourly", Schedule(ScheduleKind.EVERY), environments[:1])
    trigger = triggers.create(runbook=runbook, fields=fields, user=editor, now=timezone.now())

    firing.fire_due(now=trigger.next_at)

    trigger.refresh_from_db()
    assert "Size needs a value." in trigger.problem
    assert ServerTask.objects.count() == 0


def test_a_project_that_refuses_pasted_answers_starts_no_such_run(
    ask, environments, as_user, editor, operator
):
    runbook = ask(SIZE)
    scenarios.add_step(runbook, "Paste", script="echo #{Size}")
    snapshots.publish(runbook=runbook, user=None)
    operators, editors = as_user(operator), as_user(editor)
    setting = reverse("project_pasting", args=[runbook.project.slug])

    assert operators.post(setting, {"refuses_pasted": "on"}).status_code == 403
    editors.post(setting, {"refuses_pasted": "on"})
    runbook.refresh_from_db()
    refused = start(operators, runbook, environments[0], Size="1")
    assert refused.status_code == 422
    assert "This project does not allow that." in refused.text
    assert ServerTask.objects.count() == 0

    editors.post(setting, {})
    assert "HX-Redirect" in start(operators, runbook, environments[0], Size="1").headers


def start(client, runbook, environment, **answers):
    """Of the snapshot that is published now."""
    form = {"environments": environment.pk, "source": str(runbook.published.number), **filled(answers)}
    return client.post(url(runbook), form, **HTMX)


def test_a_pool_that_is_not_there_is_refused(ask, environments, pools, operator):
    pool = Row(name="Where", type=VariableType.WORKER_POOL, value=str(pools[0].pk), prompt=Prompt())
    runbook = ask(pool)
    runbook.refresh_from_db()

    with pytest.raises(RunRefused) as refused:
        runs.run(
            runbook=runbook,
            snapshot=runbook.published,
            environments=environments[:1],
            user=operator,
            now=timezone.now(),
            wishes=Wishes(answers={"Where": "999"}),
        )

    assert "Where is a worker pool that is not there." in str(refused.value.plans[0].plan.problems)
