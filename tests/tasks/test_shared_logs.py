"""Many viewers of one log: each gets every line once, and the log is read once for all of them."""

from __future__ import annotations

import asyncio

import pytest
from channels.db import database_sync_to_async as in_database
from channels.layers import get_channel_layer

from accounts.models import User
from common import live
from common.live import group_name
from tasks import consumers, shared_logs
from tasks.selectors import log_frames
from tests.factories import AttemptFactory, UserFactory
from tests.tasks.builders import numbered, write
from tests.tasks.test_live import Socket, opened

pytestmark = pytest.mark.django_db(transaction=True)

VIEWERS = 20
LINES = 400


@pytest.fixture(autouse=True)
async def _hub():
    live.attach(asyncio.get_running_loop())
    yield
    live.detach()


@pytest.fixture
def attempt(space):
    return AttemptFactory(execution__task__space=space)


async def told(socket: Socket, total: int, *, confirm: bool = True) -> list[str]:
    """The lines that a viewer gets, until there are so many in the log."""
    texts: list[str] = []
    while True:
        frame = (await socket.hear())["log"]
        if confirm:
            await socket.say({"got": frame["frame"]})
        for group in frame["groups"]:
            texts += [line[3].strip() for line in group["lines"]]
            if group["head"]["total"] == total:
                return texts


async def viewers(attempt, count: int) -> list[Socket]:
    user = await in_database(UserFactory)()
    sockets = [await opened(user) for _ in range(count)]
    for socket in sockets:
        await socket.say({"log": {"task": attempt.execution.task_id, "after": {}}})
    for socket in sockets:
        await socket.say({"got": (await socket.hear())["log"]["frame"]})
    return sockets


async def test_every_viewer_gets_every_line_and_the_log_is_read_once_for_all(attempt, monkeypatch):
    reads = []

    def counted(task):
        reads.append(task)
        return snapshot(task)

    snapshot = log_frames.snapshot
    monkeypatch.setattr(log_frames, "snapshot", counted)
    sockets = await viewers(attempt, VIEWERS)
    reads.clear()
    listening = [asyncio.create_task(told(socket, LINES)) for socket in sockets]

    for batch in numbered(LINES, per_chunk=20):
        await in_database(write)(attempt, batch)

    for lines in await asyncio.gather(*listening):
        assert lines == [f"line {number}" for number in range(LINES)]
    assert len(reads) <= LINES / 20 + 5, "not once for each viewer"
    for socket in sockets:
        await socket.disconnect()
    assert not shared_logs._logs, "nobody watches any more"


async def test_a_viewer_that_takes_nothing_in_holds_nobody_up(attempt, monkeypatch):
    monkeypatch.setattr(shared_logs, "PER_VIEWER", 0.0)
    slow, quick = await viewers(attempt, 2)
    listening = asyncio.create_task(told(quick, LINES))

    for batch in numbered(LINES, per_chunk=20):
        await in_database(write)(attempt, batch)
        await asyncio.sleep(0.06)

    assert await listening == [f"line {number}" for number in range(LINES)]
    frames = 0
    while not await slow.receive_nothing(timeout=0.2):
        await slow.hear()
        frames += 1
    assert frames == 6, "the window is full"
    await slow.disconnect()
    await quick.disconnect()


async def test_who_may_not_see_the_log_any_more_gets_no_more_of_it(attempt, monkeypatch):
    monkeypatch.setattr(consumers, "READS_FOR", 0.0)
    [socket] = await viewers(attempt, 1)
    monkeypatch.setattr(consumers, "may_hear", lambda *about: False)

    await in_database(write)(attempt, *numbered(3))

    assert await socket.receive_nothing(timeout=0.4)
    await socket.disconnect()


async def test_who_is_not_welcome_any_more_is_cut_off_in_the_middle_of_the_log(attempt, monkeypatch):
    monkeypatch.setattr(consumers, "READS_FOR", 0.3)
    [socket] = await viewers(attempt, 1)
    await in_database(User.objects.update)(is_active=False)

    codes = []
    for batch in numbered(20_000, per_chunk=20):
        await in_database(write)(attempt, batch)
        if not await socket.receive_nothing(timeout=0.02):
            message = await socket.receive_output()
            codes.append(message.get("code"))
        if codes and codes[-1]:
            break

    assert codes[-1] == consumers.SIGNED_OUT


async def test_one_channel_hears_of_a_log_for_all_who_watch_it(attempt):
    sockets = await viewers(attempt, 3)
    topic = group_name(attempt.execution.task.space_id, f"log-{attempt.execution.task_id}")

    assert len(get_channel_layer().groups[topic]) == 1
    for socket in sockets:
        await socket.disconnect()
    for _ in range(2000):
        if not get_channel_layer().groups.get(topic):
            break
        await asyncio.sleep(0.01)
    assert not get_channel_layer().groups.get(topic)


def test_the_right_to_read_is_looked_at_again_within_seconds():
    assert consumers.READS_FOR <= 5


def test_more_viewers_are_told_less_often():
    shared = shared_logs.SharedLog(1, read_snapshot=None, read_frame=None)
    shared.viewers = {asyncio.Event()}
    assert shared.spacing == shared_logs.SPACING
    shared.viewers = {asyncio.Event() for _ in range(200)}
    assert 0.3 < shared.spacing < 0.6
