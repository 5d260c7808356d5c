"""Each thing that keeps work away is said, with what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.worker_checks import Verdict, WorkerState, checks, worst

WELL = WorkerState(
    is_revoked=False,
    is_connected=True,
    seen="3 s ago",
    is_fit=True,
    health="",
    is_disabled=False,
    is_draining=False,
    places=("SQL - Dev", "Test"),
    slots=2,
    busy=1,
    agent_version="1.2.3",
    server_version="1.2.3",
    shells=("bash", "python3"),
)


def test_a_worker_that_is_well() -> None:
    found = checks(WELL)

    assert worst(found) is Verdict.OK
    assert [one.name for one in found] == [
        "Key",
        "Connection",
        "Health",
        "Enabled",
        "Places",
        "Slots",
        "Version",
        "Shells",
    ]
    assert not any(one.advice for one in found)


@pytest.mark.parametrize(
    ("change", "name", "verdict", "words"),
    [
        ({"is_revoked": True}, "Key", Verdict.PROBLEM, "was revoked"),
        ({"is_connected": False}, "Connection", Verdict.PROBLEM, "last heard of 3 s ago"),
        ({"is_connected": False, "seen": ""}, "Connection", Verdict.PROBLEM, "has never connected"),
        ({"health": "Low on disk."}, "Health", Verdict.WARNING, "Low on disk."),
        ({"health": "Unhealthy.", "is_fit": False}, "Health", Verdict.PROBLEM, "Unhealthy."),
        ({"is_disabled": True}, "Enabled", Verdict.PROBLEM, "disabled"),
        ({"is_draining": True}, "Draining", Verdict.PROBLEM, "takes nothing new"),
        ({"places": ()}, "Places", Verdict.PROBLEM, "no worker pool"),
        ({"busy": 2}, "Slots", Verdict.WARNING, "2 of 2 slots"),
        ({"agent_version": "1.0.0"}, "Version", Verdict.WARNING, "1.0.0, the server 1.2.3"),
        ({"shells": ()}, "Shells", Verdict.WARNING, "none of the shells"),
    ],
)
def test_what_is_wrong(change, name, verdict, words) -> None:
    found = checks(replace(WELL, **change))

    [one] = [one for one in found if one.verdict is not Verdict.OK]
    assert (one.name, one.verdict) == (name, verdict)
    assert words in one.message
    assert worst(found) is verdict
