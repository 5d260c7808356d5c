"""Frames twice, late and in the wrong order: a script runs at most once, and each frame has its answer."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from protocol.frames import Accepted, Assign, Cancel, Error, Finished, Forget, Frame, Settled, Start
from tests.agent.conftest import AgentProcess, Scenario, register
from tests.agent.fake_server import FakeServer
from tests.agent.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[FakeServer]:
    fake = FakeServer()
    await fake.start()
    yield fake
    await fake.stop()


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory, server: FakeServer, tools: Path
) -> Iterator[AgentProcess]:
    folder = tmp_path_factory.mktemp("worker")
    process = AgentProcess(register(folder / "home", server, tools), folder / "agent.err")
    yield process
    process.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scenario(server: FakeServer, worker: AgentProcess) -> Scenario:
    worker.start()
    await server.connected()
    return Scenario(server)


class Course:
    """One attempt, whose script counts its runs by itself."""

    def __init__(self, server: FakeServer, folder: Path) -> None:
        self.server = server
        self.id = str(uuid.uuid4())
        self._count = folder / self.id

    async def send(self, letters: str) -> None:
        """A letter for each frame; a dot waits for what the agent says last by itself."""
        for letter in letters:
            if letter == ".":
                await self.server.expect(Finished, attempt_id=self.id)
            else:
                await self.server.send(self._frame(letter))

    def _frame(self, letter: str) -> Frame:
        frames: dict[str, Frame] = {
            "A": Assign(self.id, 1, 7, "Step"),
            "S": Start(self.id, 1, "bash", f"echo x >> {self._count}"),
            "C": Cancel(self.id, 1, 5.0),
            "F": Forget(self.id, 1, "Not wanted."),
            "T": Settled(self.id, 1),
        }
        return frames[letter]

    @property
    def runs(self) -> int:
        return self._count.read_text().count("x") if self._count.exists() else 0

    @property
    def errors(self) -> list[str]:
        found = [frame for frame in self.server.frames if isinstance(frame, Error)]
        return [frame.code for frame in found if frame.attempt_id == self.id]


#: Frames, how often the script runs, its outcome (none where nobody is told), and the refusals.
TABLE = [
    ("AS.", 1, "exited", []),
    ("AAS.", 1, "exited", []),
    ("ASA.", 1, "exited", []),
    ("ASS.", 1, "exited", []),
    ("ASSAASS.", 1, "exited", []),
    ("AS.S", 1, "exited", []),
    ("AS.A", 1, "exited", []),
    ("AS.C", 1, "exited", []),
    ("SAS.", 1, "exited", ["unknown_attempt"]),
    ("CAS.", 1, "exited", ["unknown_attempt"]),
    ("FAS.", 1, "exited", []),
    ("TAS.", 1, "exited", []),
    ("ATS.", 1, "exited", []),
    ("AC.S", 0, "canceled", []),
    ("ACS.", 0, "canceled", []),
    ("ACCSS.", 0, "canceled", []),
    ("AF", 0, None, []),
    ("AFS", 0, None, ["unknown_attempt"]),
    ("AFF", 0, None, []),
    ("AFC", 0, None, ["unknown_attempt"]),
    ("AC.F", 0, "canceled", []),
    ("AS.T", 1, "exited", []),
    ("AS.TT", 1, "exited", []),
    ("AS.TF", 1, "exited", []),
    ("AS.TS", 1, "exited", ["unknown_attempt"]),
    ("AS.TC", 1, "exited", ["unknown_attempt"]),
    ("AS.TA", 1, "exited", ["attempt_over"]),
    ("AS.TAS", 1, "exited", ["attempt_over", "unknown_attempt"]),
    ("AFAS", 0, None, ["attempt_over", "unknown_attempt"]),
]
GONE = {"F", "T"}


@pytest.mark.parametrize(("letters", "runs", "outcome", "errors"), TABLE)
async def test_each_order_of_frames_has_its_end(
    scenario, server, worker, tmp_path, letters, runs, outcome, errors
):
    course = Course(server, tmp_path)

    await course.send(letters)

    await server.until(lambda: len(course.errors) >= len(errors))
    await scenario.run("true")
    assert course.runs == runs
    assert course.errors == errors
    told = {frame.outcome for frame in server.frames if _is_end(frame, course.id)}
    assert told == ({outcome} if outcome else set())
    if letters.rstrip("SCA")[-1] in GONE:
        await until(lambda: not worker.folder(course.id).path.exists())


async def test_no_order_of_frames_runs_a_script_twice(scenario, server, tmp_path):
    chance = random.Random(20_261_124)  # noqa: S311 - the same order every time
    courses = [Course(server, tmp_path) for _ in range(80)]

    async def one(course: Course) -> None:
        letters = ["A", "S", *chance.choices("AASSCFT", k=chance.randint(2, 10))]
        if chance.random() < 0.5:
            chance.shuffle(letters)
        for letter in letters:
            await course.send(letter)
            await asyncio.sleep(chance.choice([0, 0, 0.02]))

    await asyncio.gather(*map(one, courses))
    await scenario.run("true")

    assert sum(course.runs for course in courses) > 10
    assert [course.runs for course in courses if course.runs > 1] == []


def _is_end(frame: Frame, attempt_id: str) -> bool:
    return isinstance(frame, Finished) and frame.attempt_id == attempt_id


async def test_accepted_is_said_again_whenever_it_is_asked_for(scenario, server, tmp_path):
    course = Course(server, tmp_path)
    for times in (1, 2, 3):
        await course.send("A")
        await server.until(lambda times=times: server.count(Accepted, attempt_id=course.id) == times)
    await course.send("F")
