"""A task as it goes on: what is new of its steps, its log and its questions since the last look.

The log is read by line ranges, so that a lost connection neither loses a line nor shows one twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from octo.server import Server

#: Lines of one answer.
MOST = 2000
#: States of steps that are over.
ENDED = {"Success", "SuccessWithWarning", "Failed", "Skipped", "Canceled"}
STYLES = {
    "Verbose": "dim",
    "Highlight": "bold cyan",
    "Wait": "cyan",
    "Warning": "yellow",
    "Error": "red",
    "Fatal": "bold red",
    "Success": "bold green",
    "SuccessWithWarning": "bold yellow",
    "Failed": "bold red",
    "TimedOut": "bold red",
    "Canceled": "bold magenta",
    "Skipped": "dim",
}


@dataclass(frozen=True)
class News:
    """A line to print; `step` is the title of the step that it belongs to, empty for the task itself."""

    text: str
    style: str = ""
    step: str = ""


@dataclass
class Followed:
    """One task. `task` is how it was at the last look."""

    server: Server
    id: str
    verbose: bool = False
    task: dict[str, Any] = field(default_factory=dict)
    _next: dict[str, int] = field(default_factory=dict)
    _said: set[str] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        return bool(self.task.get("IsCompleted"))

    def news(self) -> Iterator[News]:
        """Looks once. The state is read before the lines, so whatever has ended has all its lines told."""
        details = self.server.get(f"tasks/{self.id}/details", tail=0)
        self.task = details["Task"]
        [root] = details["ActivityLogs"]
        yield from self._messages(root, "")
        attempts = self._attempts() if any(step["Children"] for step in root["Children"]) else {}
        for step in root["Children"]:
            yield from self._step(step, attempts.get(step["Id"], []))
        if self.task["HasPendingInterruptions"]:
            yield from self._questions()
        if self.is_over and self._first("over"):
            yield self._end()

    def _attempts(self) -> dict[str, list[dict[str, Any]]]:
        """Those with lines that were not read yet, by the id of their step."""
        found: dict[str, list[dict[str, Any]]] = {}
        for attempt in self.server.get(f"tasks/{self.id}/attempts"):
            if attempt["LogLines"] > self._next.get(attempt["Id"], 0):
                found.setdefault(f"{self.id}/{attempt['Step']}", []).append(attempt)
        return found

    def _step(self, step: dict[str, Any], attempts: list[dict[str, Any]]) -> Iterator[News]:
        title = step["Name"]
        yield from self._messages(step, title)
        waits_for = step["ProgressMessage"]
        if waits_for and step["Status"] not in ENDED and self._first(f"{step['Id']} waits for {waits_for}"):
            yield News(waits_for, "cyan", title)
        for attempt in attempts:
            yield from self._lines(attempt, title)
        if step["Status"] in ENDED and self._first(f"{step['Id']} over"):
            message = f": {waits_for}" if waits_for else ""
            yield News(f"{title}: {_words(step['Status'])}{message}", STYLES[step["Status"]], title)

    def _lines(self, attempt: dict[str, Any], title: str) -> Iterator[News]:
        id = attempt["Id"]
        if self._first(f"{id} begins") and attempt["WorkerName"]:
            again = f", attempt {attempt['Epoch']}" if attempt["Epoch"] > 1 else ""
            yield News(f"on {attempt['WorkerName']}{again}", "dim", title)
        while self._next.get(id, 0) < attempt["LogLines"]:
            first = self._next.get(id, 0)
            found = self.server.get(f"tasks/{self.id}/attempts/{id}/log", first=str(first), count=MOST)
            for line in found["Lines"]:
                if self.verbose or line["Category"] != "Verbose":
                    yield News(line["MessageText"], STYLES.get(line["Category"], ""), title)
            self._next[id] = found["Next"]
            if found["Next"] == first:
                return

    def _messages(self, node: dict[str, Any], title: str) -> Iterator[News]:
        for line in node["LogElements"]:
            if self._first(f"event {line['Number']}") and (self.verbose or line["Category"] != "Verbose"):
                yield News(line["MessageText"], STYLES.get(line["Category"], "") or "dim", title)

    def _questions(self) -> Iterator[News]:
        for asked in self.server.every("interruptions", regarding=self.id, pendingOnly=True):
            if self._first(asked["Id"]):
                choices = ", ".join(choices_of(asked))
                text = f"{asked['Title']} waits for an answer ({choices}): octo answer {asked['Id']} ANSWER"
                yield News(text, "bold cyan")

    def _end(self) -> News:
        state = self.task["State"]
        message = f": {self.task['ErrorMessage']}" if self.task["ErrorMessage"] else ""
        text = f"{self.task['Description']}: {_words(state)} after {self.task['Duration']}{message}"
        return News(text, STYLES.get(state, ""))

    def _first(self, what: str) -> bool:
        """Whether this has not been told yet; now it has."""
        is_first = what not in self._said
        self._said.add(what)
        return is_first


def choices_of(interruption: dict[str, Any]) -> list[str]:
    """The answers that may be given."""
    controls = [element["Control"] for element in interruption["Form"]["Elements"]]
    return [button["Value"] for control in controls for button in control.get("Buttons", [])]


def _words(status: str) -> str:
    told = {"SuccessWithWarning": "success with warnings", "TimedOut": "timed out"}
    return told.get(status, status.lower())
