"""Why a run had to wait, said when it starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.queue import PauseRule, QueuedRun
from domain.waits import Before, LastLook, reason, waited_since

NOW = datetime(2026, 5, 17, 12, tzinfo=UTC)
LOOKED = NOW - timedelta(seconds=1)
EARLIER = NOW - timedelta(minutes=2)
RUN = QueuedRun(9, "a", environment=5)
PAUSE = PauseRule("Environment Test", "disks.", by="ada", environment=5)


@pytest.mark.parametrize(
    ("before", "last", "expected"),
    [
        pytest.param([], LastLook(), " in the queue.", id="nobody-knows"),
        pytest.param(
            [Before(3, NOW)], LastLook(LOOKED), " behind task 3: they run one after the other.", id="turn"
        ),
        pytest.param(
            [Before(3, EARLIER), Before(4, NOW, "db")],
            LastLook(LOOKED, was_full=True),
            " for the lock db, held by task 4.",
            id="what-ended-last",
        ),
        pytest.param(
            [Before(3, EARLIER)], LastLook(LOOKED, was_full=True), ": the server was full.", id="full"
        ),
        pytest.param(
            [Before(3, EARLIER)],
            LastLook(LOOKED, pauses=(PAUSE,)),
            ": Environment Test was paused by ada: disks.",
            id="a-pause-that-is-over",
        ),
        pytest.param(
            [],
            LastLook(LOOKED, pauses=(PauseRule("Environment Live", "disks", environment=6),)),
            " in the queue.",
            id="a-pause-of-others",
        ),
        pytest.param(
            [Before(3, EARLIER)],
            LastLook(LOOKED),
            " behind task 3: they run one after the other.",
            id="another-node-saw-it",
        ),
    ],
)
def test_what_was_in_the_way_to_the_last_is_the_reason(before, last, expected):
    assert reason(RUN, before, last) == expected


def test_a_scheduled_run_waits_from_its_start():
    assert waited_since(EARLIER, None) == EARLIER
    assert waited_since(EARLIER, NOW) == NOW
    assert waited_since(NOW, EARLIER) == NOW
