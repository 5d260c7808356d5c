"""Pauses and drains: of everything, an environment, a pool; who may, what everybody sees, what goes on."""

from __future__ import annotations

import re

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Event
from tasks.engine import jobs
from tasks.models import Pause, PauseMode, StepState, TaskState
from tasks.selectors import pauses as selectors
from tasks.services import pauses
from tests.factories import EnvironmentFactory, MachineFactory, SpaceFactory, WorkerPoolFactory
from tests.tasks.builders import page
from tests.tasks.engine.builders import queue
from tests.tasks.engine.test_attempts import finish, run_step

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def environment(space):
    return EnvironmentFactory(space=space, name="Production")


@pytest.fixture
def pool(space):
    return WorkerPoolFactory(space=space, name="SQL")


@pytest.fixture
def ada(administrator):
    return administrator


@pytest.fixture
def stop(ada):
    def act(scope=None, *, mode=PauseMode.PAUSE, reason="New disks") -> Pause:
        return pauses.pause(scope, mode=mode, reason=reason, user=ada, now=NOW)

    return act


def test_a_second_pause_takes_the_place_of_the_first(stop, environment):
    for scope in (None, environment):
        stop(scope)
        stop(scope, mode=PauseMode.DRAIN, reason="Load")
    found = [(one.mode, one.reason) for one in Pause.objects.all()]
    assert found == [(PauseMode.DRAIN, "Load")] * 2


def test_everything_stands_once_after_two_people_stopped_it_at_the_same_moment(stop):
    stop()
    Pause.objects.create(mode=PauseMode.DRAIN, reason="Also", created_by_name="bo", created_at=NOW)
    stop(reason="Again")
    assert [one.reason for one in Pause.objects.all()] == ["Again"]


def test_the_database_keeps_a_pause_of_one_thing(environment, pool):
    values = {"reason": "x", "created_by_name": "ada", "created_at": NOW}
    with pytest.raises(IntegrityError), transaction.atomic():
        Pause.objects.create(environment=environment, pool=pool, **values)


@pytest.mark.parametrize(
    ("mode", "what", "sentence"),
    [
        (PauseMode.PAUSE, "everything", "Everything is paused by ada: New disks."),
        (PauseMode.PAUSE, "environment", "Environment Production is paused by ada: New disks."),
        (PauseMode.PAUSE, "pool", "Worker pool SQL is paused by ada: New disks."),
        (PauseMode.DRAIN, "pool", ""),
    ],
)
def test_why_no_step_may_start(stop, environment, pool, mode, what, sentence, django_assert_num_queries):
    stop({"everything": None, "environment": environment, "pool": pool}[what], mode=mode)
    with django_assert_num_queries(1):
        assert pauses.reason_for(pool_id=pool.pk, environment_id=environment.pk) == sentence
    elsewhere = pauses.reason_for(pool_id=pool.pk + 1, environment_id=environment.pk + 1)
    assert bool(elsewhere) is (what == "everything")


@pytest.fixture
def task(space, pool, environment):
    """A run whose first step is on a worker."""
    MachineFactory(space=space, pools=[pool], slots=1)
    task = queue("echo one", "echo two", pool=pool, environment=environment)
    jobs.sweep(now=NOW)
    return task


def test_a_pause_holds_the_next_step_and_lets_it_go(stop, environment, ada, task):
    stop(environment)
    finish(run_step(task))
    step = task.executions.get(number=2)
    assert (step.state, step.waiting_for) == (
        StepState.WAITING,
        "Environment Production is paused by ada: New disks.",
    )
    pauses.resume(environment, user=ada)
    jobs.sweep(now=NOW)
    step.refresh_from_db()
    assert (step.state, step.waiting_for) == (StepState.RUNNING, "")


def test_a_drain_lets_a_run_that_has_begun_finish(stop, task):
    stop(mode=PauseMode.DRAIN)
    finish(run_step(task))
    finish(run_step(task))
    task.refresh_from_db()
    assert task.state == TaskState.SUCCESS


def test_who_stopped_what_is_written_down(stop, environment, ada):
    stop(environment)
    stop(mode=PauseMode.DRAIN)
    pauses.resume(environment, user=ada)
    pauses.resume(environment, user=ada)
    found = Event.objects.order_by("id").values_list("category", "message", "username")
    assert list(found) == [
        ("Paused", "Paused environment Production: New disks", "ada"),
        ("Started draining", "Started draining everything: New disks", "ada"),
        ("Resumed", "Resumed environment Production.", "ada"),
    ]


# --- Pages ----------------------------------------------------------------------------------------

SCOPES = [
    pytest.param("everything", "administrator", "editor", id="everything"),
    pytest.param("environment", "editor", "operator", id="environment"),
    pytest.param("pool", "administrator", "editor", id="pool"),
]


def arguments(what: str, environment, pool) -> list[str]:
    return {"everything": [], "environment": [environment.slug], "pool": [pool.slug]}[what]


@pytest.mark.parametrize(("what", "may", "may_not"), SCOPES)
def test_stopping_and_letting_go_on(as_user, request, environment, pool, what, may, may_not):
    client = as_user(request.getfixturevalue(may))
    given = arguments(what, environment, pool)
    stop_url = reverse("pause_everything" if not given else f"{what}_pause", args=given)
    resume_url = reverse("resume_everything" if not given else f"{what}_resume", args=given)
    scope = {"everything": None, "environment": environment, "pool": pool}[what]
    assert client.get(stop_url).status_code == 200

    assert client.post(stop_url, {"mode": "Drain", "reason": "Disks"}).status_code == 302

    found = selectors.standing(scope)
    assert (found.mode, found.reason, found.created_by_name) == ("Drain", "Disks", may_name(request, may))
    stranger = as_user(request.getfixturevalue(may_not))
    for url in (stop_url, resume_url):
        assert stranger.post(url, {"mode": "Pause", "reason": "x"}).status_code == 403
    assert client.get(resume_url).status_code == 405
    assert client.post(resume_url).status_code == 302
    assert selectors.standing(scope) is None


def may_name(request, fixture: str) -> str:
    return request.getfixturevalue(fixture).username


@pytest.mark.parametrize("htmx", [{}, {"HTTP_HX_REQUEST": "true"}])
def test_a_pause_needs_a_reason(as_user, administrator, space, htmx):
    answer = as_user(administrator).post(reverse("pause_everything"), {"mode": "Pause"}, **htmx)
    assert answer.status_code == 422
    assert "Say why, for those whose runs wait because of it." in answer.content.decode()
    assert not Pause.objects.exists()


def test_with_script_it_is_asked_for_in_a_dialog(as_user, administrator, space):
    html = as_user(administrator).get(reverse("pause_everything"), HTTP_HX_REQUEST="true").content.decode()
    assert html.startswith('<dialog class="modal narrow"')


def test_what_stands_can_be_changed(as_user, administrator, stop, space):
    stop(reason="New disks")
    html = page(as_user(administrator), "pause_everything")
    assert "Change the pause of everything" in html
    assert 'value="New disks"' in html


@pytest.mark.parametrize("where", ["task_list", "dashboard"])
def test_everybody_sees_that_everything_is_paused_and_some_can_resume(
    as_user, administrator, viewer, stop, space, where
):
    assert "Everything is" not in page(as_user(viewer), where)
    stop()
    seen, mine = page(as_user(viewer), where), page(as_user(administrator), where)
    for html in (seen, mine):
        assert "Everything is paused: nothing starts, not even the next step." in html
        assert "New disks" in html
    assert reverse("resume_everything") in mine
    assert reverse("resume_everything") not in seen


def test_a_paused_pool_says_so_on_its_page_its_card_and_the_dashboard(as_user, administrator, stop, pool):
    client = as_user(administrator)
    assert reverse("pool_pause", args=[pool.slug]) in page(client, "pool_detail", pool.slug)
    stop(pool)
    html = page(client, "pool_detail", pool.slug)
    assert "Worker pool SQL is paused" in html
    assert reverse("pool_resume", args=[pool.slug]) in html
    assert ">Paused</span>" in page(client, "pool_list", state="attention")
    assert "SQL" not in re.findall(r'aria-label="Open ([^"]+)"', page(client, "pool_list", state="healthy"))
    assert '<span class="end sm num nowrap hot">paused</span>' in page(client, "dashboard")


def test_a_paused_environment_says_so_in_the_list_and_on_its_page(as_user, editor, stop, environment):
    client = as_user(editor)
    stop(environment, mode=PauseMode.DRAIN)
    assert "Being drained by ada: New disks" in page(client, "environment_list")
    html = page(client, "environment_edit", environment.slug)
    assert "Environment Production is being drained" in html
    assert reverse("environment_resume", args=[environment.slug]) in html


def test_what_is_of_another_space_is_not_there(as_user, administrator, space):
    stranger = WorkerPoolFactory(space=SpaceFactory())
    client = as_user(administrator)
    assert client.post(reverse("pool_pause", args=[stranger.slug]), {"reason": "x"}).status_code == 404
