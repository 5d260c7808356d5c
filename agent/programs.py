"""Step programs: Python of the server's, run by the agent's own interpreter.

What a program works on may be secret. It comes in a file that only the owner reads and that the program
removes once it has read it.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from agent.jobs import Job
from agent.scripts import CannotRun, Command, write_private
from protocol import PROGRAM_SYNTAX

SYNTAX = PROGRAM_SYNTAX

#: Isolated from the folder and the environment that it runs in; no cache beside it; no held back output.
_OPTIONS = ["-I", "-B", "-u", "-X", "utf8"]
_PROGRAM, _INPUTS = "program.zip", "inputs.json"


def prepare(job: Job, environment: Mapping[str, str]) -> Command:
    """Files in the attempt's folder, to be run in a folder below it. Raises `CannotRun` and OSError."""
    if not sys.executable:
        raise CannotRun("The agent does not know which Python runs it, and so cannot run a step program.")
    try:
        program = base64.b64decode(job.program, validate=True)
    except binascii.Error as error:
        raise CannotRun("The program of this step did not arrive whole.") from error
    folder = Path(job.folder)
    given = {"inputs": job.inputs, "variables": job.variables, "home": job.home}
    write_private(folder / _PROGRAM, program)
    write_private(folder / _INPUTS, json.dumps(given))
    return Command(
        sys.executable, ["python3", *_OPTIONS, f"../{_PROGRAM}", f"../{_INPUTS}"], dict(environment)
    )


def discard(folder: Path) -> None:
    """Remove what `prepare` wrote."""
    for name in (_PROGRAM, _INPUTS):
        (folder / name).unlink(missing_ok=True)
