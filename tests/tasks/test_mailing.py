"""Send an e-mail: once, to a real mail server, and what is said of it is true."""

from __future__ import annotations

import pytest
from django.utils import timezone

from domain.processes import EMAIL_ACTION
from domain.runs import Answer, StepStatus
from domain.step_types import email as names
from tasks.engine import jobs, serving
from tasks.models import Attempt, AttemptState, Interruption, TaskState
from tasks.services import interruptions
from tasks.services.tasks import PlanHasErrors
from tests.factories import WorkerPoolFactory
from tests.harness.smtp import SmtpServer
from tests.tasks.engine.builders import frozen_variables, queue
from tests.tasks.engine.test_attempts import fresh

pytestmark = pytest.mark.django_db
MAIL = {
    names.TO: "ann@example.org, bob@example.org",
    names.SUBJECT: "Done",
    names.BODY: "All is well.\n.\nEnd",
}


@pytest.fixture
def pool(space):
    return WorkerPoolFactory(space=space)


@pytest.fixture(autouse=True)
def inline(monkeypatch):
    """What goes on a thread of its own in a server, which would not see the test's transaction."""
    monkeypatch.setattr(serving, "start_outside", lambda work: work())
    monkeypatch.setattr(serving, "PAUSES", (0,))


@pytest.fixture
def server(settings):
    with SmtpServer() as running:
        for name, value in running.settings.items():
            setattr(settings, name, value)
        yield running


def run(pool, properties=None, **given):
    properties = {**MAIL, **(properties or {})}
    task = queue("", pool=pool, action_type=EMAIL_ACTION, properties=properties, now=timezone.now(), **given)
    for _ in range(2):
        jobs.sweep(now=timezone.now())
    return fresh(task)


def said(task) -> str:
    return "\n".join(task.events.values_list("message", flat=True))


class TestSending:
    def test_all_of_it_arrives_once(self, pool, server):
        task = run(
            pool,
            {
                names.CC: "cleo@example.org",
                names.BCC: "dan@example.org",
                names.PRIORITY: "High",
                names.SUBJECT: "Größe #{Count}",
            },
            variables=frozen_variables([("Count", "String", "3")]),
        )
        jobs.sweep(now=timezone.now())

        assert (task.state, task.error_message) == (TaskState.SUCCESS, "")
        [taken] = server.taken
        assert taken.sender == "octoworkers@example.org"
        assert taken.recipients == [
            "ann@example.org",
            "bob@example.org",
            "cleo@example.org",
            "dan@example.org",
        ]
        message = taken.message
        assert (message["Subject"], message["To"], message["Cc"]) == (
            "Größe 3",
            "ann@example.org, bob@example.org",
            "cleo@example.org",
        )
        assert "dan" not in message.as_string()
        assert message["Importance"] == "high"
        assert message.get_content().replace("\r\n", "\n") == "All is well.\n.\nEnd\n"
        assert message["Message-ID"] == f"<{Attempt.objects.get().pk}@example.org>"
        assert "The mail server said: 2.0.0 Queued as 1" in said(task)

    def test_html_is_sent_as_html(self, pool, server):
        run(pool, {names.BODY: "<b>Done</b>", names.IS_HTML: "True"})

        assert server.taken[0].message.get_content_type() == "text/html"

    def test_values_may_be_secret(self, pool, server):
        run(pool, {names.BODY: "#{Code}"}, variables=frozen_variables([("Code", "Sensitive", "s3cret")]))

        assert server.taken[0].message.get_content().strip() == "s3cret"


class TestFailing:
    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            (names.SUBJECT, "One\nBcc: eve@example.org", "line break"),
            (names.SUBJECT, "One\r\nX: y", "line break"),
            (names.SUBJECT, "One\u2028Two", "line break"),
            (names.SUBJECT, " ", "subject is empty"),
            (names.TO, "ann@example.org>\nBcc: eve@example.org", "not an e-mail address"),
            (names.TO, "nobody", "not an e-mail address"),
            (names.TO, " , ", "recipients are empty"),
            (names.TO, ",".join(f"u{n}@example.org" for n in range(101)), "100 is the most"),
        ],
    )
    def test_a_value_cannot_make_a_header_or_nonsense(self, pool, server, name, value, words):
        task = run(pool, {name: "#{Bad}"}, variables=frozen_variables([("Bad", "String", value)]))

        assert task.state == TaskState.FAILED
        assert words in task.error_message
        assert server.taken == []

    def test_who_is_refused_is_named_and_the_others_get_it(self, pool, server):
        server.refuse = frozenset({"bob@example.org"})

        task = run(pool)

        assert (task.state, task.has_warnings) == (TaskState.SUCCESS, True)
        assert server.taken[0].recipients == ["ann@example.org"]
        assert "Not sent to bob@example.org: 550 No such user" in said(task)

    def test_if_all_are_refused_nothing_is_sent(self, pool, server):
        server.refuse = frozenset({"bob@example.org", "ann@example.org"})

        task = run(pool)

        assert "refused all recipients" in task.error_message
        assert server.taken == []

    def test_a_mail_server_that_says_no(self, pool, server):
        server.answer = "554 Looks like spam"

        task = run(pool)

        assert task.error_message == "Not sent. The mail server refused it: 554 Looks like spam"

    def test_no_mail_server_there(self, pool, server):
        server.__exit__(None, None, None)

        assert "cannot be used" in run(pool).error_message

    def test_without_settings_it_is_said_before_the_run(self, pool, settings):
        settings.SMTP_HOST = ""

        with pytest.raises(PlanHasErrors, match="this server has no mail server"):
            run(pool)


class TestNobodyKnows:
    def test_a_mail_server_that_hangs_up_may_have_taken_it(self, pool, server):
        server.hangs_up = True

        task = run(pool)

        asked = Interruption.objects.get(task=task)
        assert "before it said whether it took it" in asked.text
        assert task.executions.get().state == "Interrupted"
        assert len(server.taken) == 1

    def test_a_server_that_died_over_it_says_so_and_sends_nothing_again(
        self, pool, server, monkeypatch, operator
    ):
        monkeypatch.setattr(serving, "start_outside", lambda work: None)
        task = run(pool)
        assert Attempt.objects.get().state == AttemptState.SERVING

        serving._at_work.clear()
        jobs.sweep(now=timezone.now())

        assert Attempt.objects.get().state == AttemptState.UNKNOWN
        asked = Interruption.objects.get(task=task)
        assert "nobody knows whether it was done" in asked.text
        assert server.taken == []
        interruptions.answer(
            asked, answer=Answer.SUCCEEDED, notes="It came.", user=operator, now=timezone.now()
        )
        assert fresh(task).state == TaskState.SUCCESS

    def test_that_of_another_node_that_lives_is_left_alone(self, pool, server, monkeypatch):
        monkeypatch.setattr(serving, "start_outside", lambda work: None)
        run(pool)
        Attempt.objects.update(served_by="elsewhere")

        serving.serve(now=timezone.now())
        assert Attempt.objects.get().state == AttemptState.UNKNOWN

    def test_an_end_counts_once(self, pool, server):
        task = run(pool)
        attempt = Attempt.objects.get()

        serving.finish(attempt.pk, serving.Ended(StepStatus.FAILED, "late"), now=timezone.now())

        assert fresh(task).state == TaskState.SUCCESS
        assert fresh(attempt).message == ""
