"""HTTP request, as a step that the server does: the worker's own program, kept to public addresses."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from django.conf import settings

from domain.runs import StepStatus
from domain.step_types import http
from domain.step_types.base import Program
from protocol.frames import OutputValue
from protocol.log import Level
from protocol.masking import SHORTEST, mask
from protocol.outputs import MARK, parse
from tasks.engine import programs
from tasks.performers import Ended, Order, Outside, Refused

#: Seconds that a request may take on the server in all, whatever the step says.
LONGEST = 300
#: Characters of a line of the story.
_LONGEST_LINE = 2000
_LEVELS = {
    "verbose": Level.VERBOSE,
    "highlight": Level.HIGHLIGHT,
    "warning": Level.WARNING,
    "error": Level.ERROR,
}


def perform(order: Order, now: datetime) -> Outside:
    """Raises `Refused`."""
    assert http.HTTP.work is not None  # noqa: S101 - it has one
    try:
        work = http.HTTP.work(order.properties, order.fill)
    except http.BadSetting as problem:
        raise Refused(str(problem)) from problem
    assert isinstance(work, Program)  # noqa: S101 - it is one
    inputs = {**work.inputs, "public": "True", "allowed": json.dumps(settings.HTTP_ALLOWED)}
    secrets = [one for one in order.secrets if len(one) >= SHORTEST]
    return Outside(lambda: _run(inputs, secrets))


def _run(inputs: Mapping[str, str], secrets: list[str]) -> Ended:
    with tempfile.TemporaryDirectory(prefix="octoworkers-http-") as folder:
        home = Path(folder)
        program, given = home / "program.zip", home / "inputs.json"
        program.write_bytes(base64.b64decode(programs.packed(http.PROGRAM)))
        given.touch(mode=0o600)
        given.write_text(json.dumps({"inputs": inputs, "variables": {}, "home": folder}))
        try:
            # Without the environment: neither a proxy nor a key of the server has anything to do with it.
            done = subprocess.run(  # noqa: S603  # a program of this server
                [sys.executable, "-I", str(program), str(given)],
                cwd=folder,
                env={"LANG": "C.UTF-8"},
                capture_output=True,
                timeout=LONGEST,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Ended(StepStatus.FAILED, f"The request was not over after {LONGEST} seconds.")
    return _ended(done, secrets)


def _ended(done: subprocess.CompletedProcess[bytes], secrets: list[str]) -> Ended:
    notes, outputs = _read(done.stdout, secrets)
    if done.returncode == 0:
        return Ended(StepStatus.SUCCESS, notes=notes, outputs=outputs)
    errors = [text for text, level in notes if level is Level.ERROR]
    message = errors[-1] if errors else "The request could not be sent; the program for it failed."
    return Ended(StepStatus.FAILED, message, notes=notes, outputs=outputs)


def _read(text: bytes, secrets: list[str]) -> tuple[list[tuple[str, Level]], list[OutputValue]]:
    notes: list[tuple[str, Level]] = []
    outputs: list[OutputValue] = []
    level = Level.INFO
    for line in text.splitlines():
        if line.startswith(b"##octopus[stdout-"):
            level = _LEVELS.get(line.removeprefix(b"##octopus[stdout-").rstrip(b"]").decode(), Level.INFO)
        elif line.startswith(MARK):
            outputs.append(parse(line))
        elif line.strip():
            shown = mask(line, secrets).decode("utf-8", "replace").replace("\0", "")
            notes.append((shown[:_LONGEST_LINE], level))
    return notes, outputs
