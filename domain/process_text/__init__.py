"""A process as text that people keep, compare and paste: YAML, or OCL as Octopus Deploy keeps it in Git.

Both say the same tree; names and slugs stand for what ids mean inside one server. A process that is written
and read again is the same process.
"""

from __future__ import annotations

from enum import StrEnum

from domain.process_text import ocl, yaml_form
from domain.process_text.model import ActionText, ProcessText, StepText
from domain.process_text.reading import read
from domain.process_text.tree import Fault, TextRefused
from domain.process_text.writing import document

__all__ = [
    "LONGEST",
    "ActionText",
    "Fault",
    "Form",
    "ProcessText",
    "StepText",
    "TextRefused",
    "dump",
    "parse",
]

LONGEST = 5_000_000
"""Characters of a text that is read."""


class Form(StrEnum):
    """How the text is written."""

    YAML = "yaml"
    OCL = "ocl"


def dump(process: ProcessText, form: Form) -> str:
    """Write a process; ends in a line break."""
    said = document(process)
    return ocl.write(said) if form is Form.OCL else yaml_form.write(said)


def parse(text: str, form: Form | None = None) -> ProcessText:
    """Read a process in either form, told apart by itself where `form` is None.

    Raises TextRefused with everything that is wrong, each with its line.
    """
    if len(text) > LONGEST:
        raise TextRefused([Fault(f"The text is longer than {LONGEST:,} characters.")])
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    return read((ocl if (form or guess(text)) is Form.OCL else yaml_form).parse(text))


def guess(text: str) -> Form:
    """OCL starts with a block, `step "name" {`; YAML does not."""
    for line in text.splitlines():
        if (words := line.strip()) and not words.startswith(("#", "//", "/*")):
            return Form.OCL if words.split()[0] == "step" or words.endswith("{") else Form.YAML
    return Form.YAML
