"""The browser's socket, over a real channel layer and real rows."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from channels.db import database_sync_to_async as in_database
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import User
from common import live
from octoworkers.asgi import application
from octoworkers.origin import is_own
from tasks import consumers, shared_logs
from tasks.models import ServerTask, TaskState
from tests.factories import AttemptFactory, EnrolmentCodeFactory, ServerTaskFactory, SpaceFactory, UserFactory
from tests.tasks.builders import numbered, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def _hub():
    live.attach(asyncio.get_running_loop())
    yield
    live.detach()


def _cookie(user: User) -> bytes:
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}".encode()


nudge = in_database(live.nudge)


class Socket(WebsocketCommunicator):
    @classmethod
    async def of(cls, user: User, path: str = "/ws/live/", origin: bytes = b"http://testserver") -> Socket:
        cookie = await in_database(_cookie)(user)
        headers = [(b"host", b"testserver"), (b"origin", origin), (b"cookie", cookie)]
        return cls(application, path, headers=headers)

    async def say(self, message: Any) -> None:
        await self.send_to(text_data=json.dumps(message))

    async def hear(self) -> Any:
        return json.loads(await self.receive_from(timeout=3))


@pytest.fixture
def user(space) -> User:
    return UserFactory()


async def opened(user: User, **options: Any) -> Socket:
    socket = await Socket.of(user, **options)
    connected, _ = await socket.connect()
    assert connected
    return socket


async def subscribe(socket: Socket, *topics: Any, heard: list[str]) -> None:
    """The answer names the topics once, because they may have changed since the page was made."""
    await socket.say({"subscribe": topics})
    assert await socket.hear() == {"topics": heard}


async def settled(socket: Socket) -> None:
    """Everything said before has been taken in: an unknown subscription is answered by nothing."""
    assert await socket.receive_nothing(timeout=0.1)


async def test_a_change_reaches_its_subscribers_and_nobody_else(user, space):
    socket = await opened(user)
    await subscribe(socket, "pools", "tasks", heard=["pools", "tasks"])

    await nudge(space.pk, "tasks", "workers")

    assert await socket.hear() == {"topics": ["tasks"]}
    await socket.say({"unsubscribe": ["tasks"]})
    await settled(socket)
    await nudge(space.pk, "tasks")
    assert await socket.receive_nothing(timeout=0.4)
    await socket.disconnect()


async def test_many_changes_make_few_messages(user, space):
    socket = await opened(user)
    await subscribe(socket, "pools", "tasks", "workers", heard=["pools", "tasks", "workers"])

    for _ in range(20):
        await nudge(space.pk, "tasks", "pools")
        await asyncio.sleep(0.005)

    heard = []
    while not await socket.receive_nothing(timeout=0.5):
        heard.append(await socket.hear())
    assert len(heard) <= 4
    assert heard[-1] == {"topics": ["pools", "tasks"]}
    await socket.disconnect()


async def test_topics_of_another_space_and_without_permission_are_not_heard(user, space):
    other = await in_database(SpaceFactory)(slug="other")
    foreign = await in_database(ServerTaskFactory)(space=other)
    code = await in_database(EnrolmentCodeFactory)(space=space)
    socket = await opened(user)
    wanted = (f"task-{foreign.pk}", f"enrolment-{code.pk}", "tasks", "task-x", 5)
    await subscribe(socket, *wanted, heard=["tasks"])

    await nudge(other.pk, "tasks", f"task-{foreign.pk}")
    await nudge(space.pk, f"task-{foreign.pk}", f"enrolment-{code.pk}", "task-x")

    assert await socket.receive_nothing(timeout=0.4)
    await socket.disconnect()


async def test_a_space_has_its_own_socket(user, space):
    other = await in_database(SpaceFactory)(slug="other")
    socket = await opened(user, path="/s/other/ws/live/")
    await subscribe(socket, "tasks", heard=["tasks"])

    await nudge(space.pk, "tasks")
    assert await socket.receive_nothing(timeout=0.3)
    await nudge(other.pk, "tasks")
    assert await socket.hear() == {"topics": ["tasks"]}
    await socket.disconnect()


async def test_an_unknown_space_closes_the_socket(user, space):
    socket = await opened(user, path="/s/nowhere/ws/live/")

    assert (await socket.receive_output(timeout=3))["code"] == consumers.NO_SUCH_SPACE


async def test_whoever_asks_whether_the_line_lives_is_answered(user, space):
    socket = await opened(user)

    await socket.say({"ping": True})

    assert await socket.hear() == {"pong": True}
    await socket.disconnect()


@pytest.mark.parametrize("origin", [b"http://evil.example", b"http://testserver.evil.example", b"null", b""])
async def test_other_pages_may_not_open_it(user, origin):
    socket = await Socket.of(user, origin=origin)

    connected, _ = await socket.connect()

    assert not connected


@pytest.mark.parametrize(
    ("production", "origin", "host", "expected"),
    [
        (False, "http://localhost:8000", "localhost:8000", True),
        (False, "http://localhost:8001", "localhost:8000", False),
        (False, "http://evil.example", "evil.example", False),
        (False, "file://localhost", "localhost", False),
        (False, "https://ops.example.org", "localhost", True),
        (True, "https://ops.example.org", "anything", True),
        (True, "http://localhost:8000", "localhost:8000", False),
    ],
)
def test_own_pages(settings, production, origin, host, expected):
    settings.PRODUCTION, settings.PUBLIC_URL = production, "https://ops.example.org"
    settings.ALLOWED_HOSTS = ["localhost"]

    assert is_own(origin=origin, host=host) is expected


async def test_without_a_session_it_closes(space):
    socket = WebsocketCommunicator(
        application, "/ws/live/", headers=[(b"host", b"testserver"), (b"origin", b"http://testserver")]
    )
    await socket.connect()

    assert (await socket.receive_output(timeout=3))["code"] == consumers.SIGNED_OUT


@pytest.mark.parametrize("end", ["deactivated", "signed out"])
async def test_who_is_no_longer_welcome_loses_the_socket_at_the_next_message(user, space, end, monkeypatch):
    monkeypatch.setattr(consumers, "TRUSTED_FOR", 0)
    socket = await opened(user)
    await subscribe(socket, "tasks", heard=["tasks"])

    if end == "deactivated":
        await in_database(User.objects.filter(pk=user.pk).update)(is_active=False)
    else:
        await in_database(Session.objects.all().delete)()
    await nudge(space.pk, "tasks")

    assert (await socket.receive_output(timeout=3))["code"] == consumers.SIGNED_OUT


@pytest.mark.parametrize(
    "message", ["{", "[]", '"x"', '{"log": 5}', '{"log": {"task": "1"}}', '{"got": "x"}', "[" * 2000]
)
async def test_nonsense_is_passed_over(user, message):
    socket = await opened(user)
    await socket.send_to(text_data=message)

    await settled(socket)
    await socket.disconnect()


async def test_a_message_that_is_too_large_ends_the_socket(user):
    socket = await opened(user)
    await socket.send_to(text_data="x" * (consumers.MAX_MESSAGE + 1))

    assert (await socket.receive_output(timeout=3))["code"] == consumers.TOO_LARGE


# The log.


@pytest.fixture
def attempt(space):
    return AttemptFactory(execution__task__space=space, execution__task__state=TaskState.EXECUTING)


@pytest.fixture
def task_id(attempt) -> int:
    return attempt.execution.task_id


async def frames_until(socket: Socket, total: int) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while not frames or not frames[-1]["groups"] or frames[-1]["groups"][-1]["head"]["total"] < total:
        frames.append((await socket.hear())["log"])
        await socket.say({"got": frames[-1]["frame"]})
    return frames


def received(frames: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [
        (seq, line[3].strip())
        for frame in frames
        for group in frame["groups"]
        for seq, line in enumerate(group["lines"], group["first"])
    ]


async def test_lines_arrive_as_they_are_stored_in_order_and_once(user, attempt, task_id):
    socket = await opened(user)
    await socket.say({"log": {"task": task_id, "after": {}}})
    for batch in numbered(300, per_chunk=25):
        await in_database(write)(attempt, batch)
        await asyncio.sleep(0.01)

    frames = await frames_until(socket, 300)

    assert received(frames) == [(number, f"line {number}") for number in range(300)]
    assert frames[0]["state"] == "Executing"
    await socket.disconnect()


async def test_after_a_reconnect_it_goes_on_where_it_was(user, attempt, task_id):
    await in_database(write)(attempt, *numbered(100, per_chunk=10))
    socket = await opened(user)
    await socket.say({"log": {"task": task_id, "after": {str(attempt.pk): 40}}})

    frames = await frames_until(socket, 100)

    assert received(frames) == [(number, f"line {number}") for number in range(40, 100)]
    await socket.disconnect()


async def test_who_is_far_behind_gets_the_newest_lines_and_the_place_to_fetch_from(user, attempt, task_id):
    await in_database(write)(attempt, *numbered(5000))
    socket = await opened(user)
    await socket.say({"log": {"task": task_id, "after": {str(attempt.pk): 10}}})

    (frame,) = await frames_until(socket, 5000)

    (group,) = frame["groups"]
    assert (group["known"], group["first"], len(group["lines"])) == (10, 4800, 200)
    await socket.disconnect()


async def test_a_browser_that_does_not_keep_up_is_not_buried(user, attempt, task_id):
    socket = await opened(user)
    await socket.say({"log": {"task": task_id, "after": {}}})
    frames = []
    for batch in numbered(200, per_chunk=10):
        await in_database(write)(attempt, batch)
        await asyncio.sleep(0.06)
    while not await socket.receive_nothing(timeout=0.2):
        frames.append((await socket.hear())["log"])

    assert len(frames) == 6
    await socket.say({"got": 6})
    frames.append((await socket.hear())["log"])
    assert received(frames) == [(number, f"line {number}") for number in range(200)]
    await socket.disconnect()


async def test_lines_arrive_also_when_a_nudge_is_lost(user, attempt, task_id, monkeypatch):
    monkeypatch.setattr(shared_logs, "LOOK_AGAIN", 0.1)
    monkeypatch.setattr(live, "nudge", lambda *topics: None)
    socket = await opened(user)
    await socket.say({"log": {"task": task_id, "after": {}}})
    await socket.hear()

    await in_database(write)(attempt, *numbered(3))

    assert received(await frames_until(socket, 3)) == [(number, f"line {number}") for number in range(3)]
    await socket.disconnect()


async def test_the_end_of_a_run_is_told_without_new_lines(user, space, task_id):
    socket = await opened(user)
    await socket.say({"log": {"task": task_id, "after": {}}})
    await socket.hear()

    await in_database(ServerTask.objects.filter(pk=task_id).update)(state=TaskState.SUCCESS)
    await nudge(space.pk, f"log-{task_id}")

    frame = (await socket.hear())["log"]
    assert (frame["state"], frame["done"], frame["groups"]) == ("Success", True, [])
    await socket.disconnect()


async def test_the_log_of_another_space_stays_closed(user, space):
    other = await in_database(SpaceFactory)()
    attempt = await in_database(AttemptFactory)(execution__task__space=other)
    task_id = attempt.execution.task_id
    await in_database(write)(attempt, *numbered(3))
    socket = await opened(user)

    await socket.say({"log": {"task": task_id, "after": {}}})

    assert await socket.receive_nothing(timeout=0.4)
    await socket.disconnect()
