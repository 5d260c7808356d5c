"""Files that scripts leave: what is kept of them, and how they reach the server through kills and cuts."""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
from pathlib import Path

import pytest

from agent.artifacts import Artifacts
from agent.outputs import OutputReader, Outputs
from protocol.artifacts import ARTIFACT_WINDOW, MAX_ARTIFACTS, PART_BYTES, BadArtifact
from protocol.frames import ArtifactPart, ArtifactWanted, Finished
from protocol.masking import Patterns
from tests.agent.test_outputs import cut
from tests.protocol.test_artifacts import message

SECRET = "correct horse battery"


class Folder:
    def __init__(self, path: Path, *, secrets: tuple[str, ...] = (), limit: int = 10_000_000) -> None:
        self.work, self.copies = path / "work", path / "artifacts"
        self.work.mkdir()
        self.artifacts = Artifacts(self.copies, work=self.work, patterns=Patterns(secrets), limit=limit)

    def write(self, name: str, content: bytes) -> None:
        (self.work / name).write_bytes(content)

    def collect(self, *wishes: bytes) -> tuple[list[tuple[str, bytes]], list[str]]:
        for wish in wishes:
            self.artifacts.wish(wish)
        remarks = self.artifacts.collect()
        kept = []
        for number, file in enumerate(self.artifacts.kept):
            content = (self.copies / str(number)).read_bytes()
            assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
            kept.append((file.name, content))
        return kept, remarks


def test_files_are_kept_as_they_are_at_the_end(tmp_path: Path):
    folder = Folder(tmp_path)
    (tmp_path / "elsewhere").write_bytes(b"absolute")
    wishes = [message(path="a.txt"), message(path=str(tmp_path / "elsewhere"), name="b.txt")]
    folder.write("a.txt", b"early")
    for wish in wishes:
        folder.artifacts.wish(wish)
    folder.write("a.txt", b"late")

    assert folder.collect() == ([("a.txt", b"late"), ("b.txt", b"absolute")], [])


def test_secrets_are_masked_in_names_and_in_text_and_nothing_else_is_changed(tmp_path: Path):
    folder = Folder(tmp_path, secrets=(SECRET,))
    text = b"x" * 300_000 + SECRET.encode() + b"\n"
    binary = b"PK\0\0" + SECRET.encode()
    folder.write("a", text)
    folder.write("b", binary)

    kept, remarks = folder.collect(message(path="a", name=f"of {SECRET}.txt"), message(path="b"))

    assert kept == [("of ********.txt", b"x" * 300_000 + b"********\n"), ("b", binary)]
    assert remarks == []


def test_what_is_no_file_or_not_there_is_said_and_blocks_nothing(tmp_path: Path):
    folder = Folder(tmp_path)
    os.mkfifo(folder.work / "pipe")
    wishes = [message(path=name) for name in ("pipe", "/dev/zero", "/", "missing.txt")]

    kept, remarks = folder.collect(*wishes)

    assert kept == []
    assert len(remarks) == 4
    assert "is not a file" in remarks[0]
    assert "No such file" in remarks[3]


def test_more_than_fits_is_left_out_and_said(tmp_path: Path):
    folder = Folder(tmp_path, limit=10)
    for name in ("a", "b", "c"):
        folder.write(name, b"12345678" if name == "b" else b"1234")

    kept, remarks = folder.collect(*(message(path=name) for name in ("a", "b", "c")))

    assert [name for name, _ in kept] == ["a", "c"]
    assert ["too large" in remark for remark in remarks] == [True]


def test_too_many_are_refused_and_the_same_twice_is_one(tmp_path: Path):
    folder = Folder(tmp_path)
    for number in range(MAX_ARTIFACTS):
        folder.artifacts.wish(message(path=f"{number}"))
    folder.artifacts.wish(message(path="0"))

    with pytest.raises(BadArtifact, match="at most"):
        folder.artifacts.wish(message(path="one more"))


@pytest.mark.parametrize("places", [[], [1], [5, 23, 24, 30], list(range(0, 200, 3))])
def test_messages_are_seen_however_the_output_is_cut_and_stay_in_the_log(tmp_path: Path, places: list[int]):
    folder = Folder(tmp_path)
    folder.write("a.txt", b"content")
    outputs = Outputs(Patterns([]), folder.artifacts)
    reader = OutputReader(outputs)
    data = b"before\n" + message(path="a.txt") + b"between\n##octopus[createArtifact nonsense]\nafter\n"

    shown = b"".join([*map(reader.feed, cut(data, places)), reader.close()])

    assert shown == data
    assert folder.collect()[0] == [("a.txt", b"content")]
    assert outputs.remarks() == ["A createArtifact message could not be read: no artifact was taken."]


# --- With the real agent ---------------------------------------------------------------------------

CONTENT = bytes(range(256)) * 12_000
PARTS = -(-len(CONTENT) // PART_BYTES)


def leaving(path: Path) -> str:
    says = shlex.quote(message(path="out.bin").decode())
    return f"cp {shlex.quote(str(path))} out.bin; printf %s {says}; echo"


async def received(server, attempt_id: str, *, parts: int) -> list[ArtifactPart]:
    await server.until(lambda: server.count(ArtifactPart, attempt_id=attempt_id) >= parts)
    return [frame for frame in server.frames if isinstance(frame, ArtifactPart)]


async def test_an_artifact_is_sent_when_it_is_asked_for_within_the_window(server, scenario, tmp_path: Path):
    (tmp_path / "made").write_bytes(CONTENT)
    attempt_id, finished = await scenario.run(leaving(tmp_path / "made"))
    assert [(file.name, file.size) for file in finished.artifacts] == [("out.bin", len(CONTENT))]
    assert server.count(ArtifactPart) == 0

    await server.send(ArtifactWanted(attempt_id, 1, 0, 0, resend=True))
    parts = await received(server, attempt_id, parts=ARTIFACT_WINDOW)
    assert len(parts) == ARTIFACT_WINDOW
    await server.send(ArtifactWanted(attempt_id, 1, 0, ARTIFACT_WINDOW * PART_BYTES))
    parts = await received(server, attempt_id, parts=PARTS)

    assert b"".join(base64.b64decode(part.data) for part in parts) == CONTENT
    assert [part.offset for part in parts] == [number * PART_BYTES for number in range(PARTS)]
    before = len(server.frames)
    await server.send(ArtifactWanted(attempt_id, 1, 50, 0, resend=True))
    await server.expect(Finished, after=before, attempt_id=attempt_id)
    await scenario.settle(attempt_id)


async def test_an_agent_that_was_killed_goes_on_where_the_server_says(
    server, scenario, worker, tmp_path: Path
):
    (tmp_path / "made").write_bytes(CONTENT)
    attempt_id, _ = await scenario.run(leaving(tmp_path / "made"))
    await server.send(ArtifactWanted(attempt_id, 1, 0, 0, resend=True))
    await received(server, attempt_id, parts=1)

    worker.kill()
    before = len(server.frames)
    worker.start()
    await server.expect(Finished, after=before, attempt_id=attempt_id)
    after = server.count(ArtifactPart)
    await server.send(ArtifactWanted(attempt_id, 1, 0, PART_BYTES, resend=True))
    parts = (await received(server, attempt_id, parts=after + 1))[after:]

    assert parts[0].offset == PART_BYTES
    assert base64.b64decode(parts[0].data) == CONTENT[PART_BYTES : 2 * PART_BYTES]


async def test_a_copy_that_cannot_be_read_any_more_is_said(server, scenario, worker, tmp_path: Path):
    (tmp_path / "made").write_bytes(CONTENT)
    attempt_id, _ = await scenario.run(leaving(tmp_path / "made"))
    (worker.folder(attempt_id).artifacts / "0").unlink()

    await server.send(ArtifactWanted(attempt_id, 1, 0, 0, resend=True))

    [part] = await received(server, attempt_id, parts=1)
    assert "cannot read" in part.lost
