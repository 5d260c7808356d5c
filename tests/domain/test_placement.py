from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.placement import Chosen, Wait, WorkerFacts, choose

BASH = frozenset({"bash"})


def worker(
    name: str, *, slots: int = 2, busy: int = 0, tools: frozenset[str] = BASH, used: int | None = None
) -> WorkerFacts:
    last_used = None if used is None else datetime(2026, 1, 1, 0, used, tzinfo=UTC)
    return WorkerFacts(id=name, name=name, slots=slots, busy=busy, tools=tools, last_used=last_used)


def chosen(*workers: WorkerFacts, needs: tuple[str, ...] = ("bash",)) -> str:
    choice = choose(workers, pool="SQL - Dev", needs=needs)
    assert isinstance(choice, Chosen)
    return choice.worker.name


def test_most_free_slots_first() -> None:
    assert chosen(worker("a", busy=1), worker("b", slots=3)) == "b"


def test_ties_go_to_the_least_recently_used_and_the_never_used_first() -> None:
    assert chosen(worker("a", used=5), worker("b", used=3)) == "b"
    assert chosen(worker("a", used=5), worker("b")) == "b"
    assert chosen(worker("b"), worker("a")) == "a"


def test_a_worker_without_the_tool_is_not_chosen() -> None:
    assert chosen(worker("a", slots=9, tools=frozenset()), worker("b")) == "b"


@pytest.mark.parametrize(
    ("workers", "sentence"),
    [
        ([], "SQL - Dev has no available worker: none is enabled, in contact and not draining."),
        ([worker("a", tools=frozenset())], "No available worker of SQL - Dev has bash."),
        ([worker("a", busy=2), worker("b", slots=1, busy=1)], "SQL - Dev is full: 3 of 3 slots busy."),
        ([worker("a", slots=1, busy=3)], "SQL - Dev is full: 1 of 1 slot busy."),
    ],
)
def test_why_it_waits(workers: list[WorkerFacts], sentence: str) -> None:
    assert choose(workers, pool="SQL - Dev", needs=("bash",)) == Wait(sentence)
