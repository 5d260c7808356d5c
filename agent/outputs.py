"""Takes output variables and the names of artifacts out of what a script prints, before anything of it is
masked or shown."""

from __future__ import annotations

import re
from dataclasses import replace

from agent.artifacts import Artifacts
from protocol import artifacts
from protocol.artifacts import BadArtifact
from protocol.frames import OutputValue
from protocol.masking import SHORTEST, Patterns, TooShort
from protocol.outputs import (
    MARK,
    MAX_OUTPUT_BYTES,
    MAX_OUTPUT_LINE,
    MAX_OUTPUTS,
    BadOutput,
    OutputSet,
    parse,
    without_value,
)

#: What the lines begin with that are taken.
_MARKS = (MARK, artifacts.MARK)
_LONGEST_MARK = max(map(len, _MARKS))
_LINE = re.compile(b"^(?:" + b"|".join(map(re.escape, _MARKS)) + rb")[^\n]*\n", re.MULTILINE)
#: From here on the beginning of a line is taken for nothing else than a service message.
_CERTAIN = len(b"##octopus[")
#: Sentences about output variables in one log; the rest are counted.
_MOST_REMARKS = 20


class Outputs:
    """The output variables of an attempt. Sensitive ones become secrets of `patterns`. `artifacts` is told
    of the files that are to be kept."""

    def __init__(self, patterns: Patterns, artifacts: Artifacts | None = None) -> None:
        self._patterns = patterns
        self._artifacts = artifacts
        self._values = OutputSet()
        self._secrets = self._secret_bytes = 0
        self._remarks: list[str] = []
        self._made = 0

    def values(self) -> list[OutputValue]:
        return list(self._values)

    def take(self, line: bytes) -> bytes:
        """Set the variable of a whole line, or note its artifact; the line as it may be shown."""
        if line.startswith(artifacts.MARK):
            self._note_artifact(line)
            return line
        try:
            value = parse(line)
        except BadOutput as error:
            self._remark(str(error))
            return without_value(line)
        if not value.sensitive and any(self._patterns.find(value.value.encode())):
            # Else a secret would stand in clear wherever the value is used or shown.
            value = replace(value, sensitive=True)
        self._set(value)
        return without_value(line) if value.sensitive else line

    def _note_artifact(self, line: bytes) -> None:
        try:
            if self._artifacts is not None:
                self._artifacts.wish(line)
        except BadArtifact as error:
            self._remark(str(error))

    def too_long(self, line: bytes) -> bytes:
        """What is shown of a line of which so much has come that it cannot be kept."""
        if line.startswith(artifacts.MARK):
            self._remark("A createArtifact message is far too long: no artifact was taken.")
            return artifacts.MARK + b"]\n"
        self._remark(
            f"A setVariable message is longer than {MAX_OUTPUT_LINE:,} bytes: no output variable was set."
        )
        return without_value(MARK + b"\n")

    def remarks(self) -> list[str]:
        """What is to be said in the log by now, each once."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def close(self) -> list[str]:
        """What is to be said at the end."""
        more = self._made - _MOST_REMARKS
        return [f"{more:,} more such remarks about output variables were left out."] if more > 0 else []

    def _set(self, value: OutputValue) -> None:
        try:
            if value.sensitive:
                self._hide(value)
            self._values.set(value)
        except BadOutput as error:
            self._remark(str(error))

    def _hide(self, value: OutputValue) -> None:
        self._secrets += 1
        self._secret_bytes += len(value.value)
        if self._secrets > 2 * MAX_OUTPUTS or self._secret_bytes > 2 * MAX_OUTPUT_BYTES:
            # A script in a loop must not take all of the memory.
            raise BadOutput(
                "A sensitive output variable was left out: the step has set too many to mask them."
            )
        try:
            self._patterns.add(value.value)
        except TooShort:
            self._remark(
                f"The output variable {value.name} is sensitive and has fewer than {SHORTEST} characters: "
                "it cannot be masked in the log."
            )

    def _remark(self, text: str) -> None:
        self._made += 1
        if self._made <= _MOST_REMARKS:
            self._remarks.append(text)


class OutputReader:
    """One stream of a script: passes everything on but the lines that set output variables, which it
    holds until they are whole."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._held = b""
        self._begun = False
        self._skipping = False

    @property
    def waiting(self) -> bool:
        """Whether something is held that may turn out to be an ordinary line."""
        return 0 < len(self._held) < _CERTAIN

    def feed(self, data: bytes) -> bytes:
        if self._skipping:
            data = self._skip(data)
        buffer = self._held + data
        shown, rest = self._whole_lines(buffer) if _holds_mark(buffer) else (b"", buffer)
        start = rest.rfind(b"\n") + 1
        at_line_start = bool(start) or not self._begun
        if at_line_start and _may_set(rest[start : start + _LONGEST_MARK]):
            self._held, rest = rest[start:], rest[:start]
        else:
            self._held = b""
        self._note(rest)
        return shown + rest + self._give_up_too_long()

    def flush(self) -> bytes:
        """The beginning of a line that may be shown as it is."""
        held = b""
        if self.waiting:
            held, self._held = self._held, b""
        self._note(held)
        return held

    def close(self) -> bytes:
        held, self._held = self._held, b""
        return self._outputs.take(held) if held.startswith(_MARKS) else held

    def _whole_lines(self, buffer: bytes) -> tuple[bytes, bytes]:
        """What is to be shown up to the last line that sets a variable, and what follows it."""
        shown, done = [], 0
        for match in _LINE.finditer(buffer):
            if match.start() or not self._begun:
                shown += [buffer[done : match.start()], self._outputs.take(match.group())]
                done = match.end()
        if done:
            self._begun = False
        return b"".join(shown), buffer[done:]

    def _note(self, passed: bytes) -> None:
        if passed:
            self._begun = not passed.endswith(b"\n")

    def _give_up_too_long(self) -> bytes:
        if len(self._held) <= MAX_OUTPUT_LINE:
            return b""
        held, self._held, self._skipping = self._held, b"", True
        return self._outputs.too_long(held)

    def _skip(self, data: bytes) -> bytes:
        """What follows the line that is too long."""
        end = data.find(b"\n") + 1
        self._skipping = not end
        return data[end:] if end else b""


def _may_set(beginning: bytes) -> bool:
    return bool(beginning) and any(
        beginning.startswith(mark) or mark.startswith(beginning) for mark in _MARKS
    )


def _holds_mark(buffer: bytes) -> bool:
    return MARK in buffer or artifacts.MARK in buffer
