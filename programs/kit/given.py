"""What a step program is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """The step has failed; the message says why and what to do, and goes into the log."""


@dataclass(frozen=True)
class Given:
    """`inputs` are the step's own settings with their values put in, `variables` those of the run, `home`
    is the agent's folder."""

    inputs: Mapping[str, str]
    variables: Mapping[str, str]
    home: Path

    @classmethod
    def read(cls, path: Path) -> Given:
        """Reads the file once: it may hold secrets, and is gone afterwards."""
        data = json.loads(path.read_bytes())
        path.unlink()
        return cls(data["inputs"], data["variables"], Path(data["home"]))

    def text(self, name: str, default: str = "") -> str:
        return self.inputs.get(name) or default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Whether an input is "True", in any case, as steps store it."""
        return self.text(name, str(default)).strip().lower() == "true"

    def number(self, name: str, default: int) -> int:
        """Raises `Failed`."""
        text = self.text(name, str(default)).strip()
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise Failed(f'The setting "{name}" is "{text[:40]}", which is not a whole number.')
        return int(text)

    def variable(self, name: str, default: str = "") -> str:
        """A variable of the run, ignoring case."""
        wanted = name.lower()
        return next((value for key, value in self.variables.items() if key.lower() == wanted), default)
