"""Waiting for tasks, with or without their log, and what their ends mean for a script."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from octo.failures import Code, Interrupted, Refused, TimeOut
from octo.following import Followed, News
from octo.output import out, say
from octo.server import Server

#: Seconds between two looks: little while something happens, more while nothing does.
SHORT, LONG = 0.3, 2.0
BATCH = 300


class Printer:
    """Prints news, with the title of a step above its lines, and the place before them where several tasks
    are followed."""

    def __init__(self, *, to_stdout: bool) -> None:
        self._console = out() if to_stdout else None
        self._last: tuple[str, str] = ("", "")

    def tell(self, news: News, place: str) -> None:
        if news.step and (place, news.step) != self._last:
            self._print(f"== {news.step} ==", "bold", place)
        self._last = (place, news.step)
        self._print(f"   {news.text}" if news.step else news.text, news.style, place)

    def _print(self, text: str, style: str, place: str) -> None:
        say(f"[{place}] {text}" if place else text, style, to=self._console)


def follow(
    server: Server,
    ids: Sequence[str],
    *,
    verbose: bool = False,
    to_stdout: bool = True,
    until: float | None = None,
) -> list[dict[str, Any]]:
    """Prints until all have ended and gives them. Raises TimeOut at `until` (monotonic seconds), Interrupted
    at Ctrl+C; the tasks go on then."""
    printer = Printer(to_stdout=to_stdout)
    followed = [Followed(server, id, verbose) for id in ids]

    def look() -> bool:
        heard = False
        for one in followed:
            if not one.is_over:
                for news in one.news():
                    heard = True
                    printer.tell(news, one.id if len(followed) > 1 else "")
        return heard

    _until_over(look, lambda: [one.id for one in followed if not one.is_over], until)
    return [one.task for one in followed]


def wait(server: Server, ids: Sequence[str], *, until: float | None = None) -> list[dict[str, Any]]:
    """The tasks once all have ended. Raises as `follow` does, and Refused where there is no such task."""
    tasks: dict[str, dict[str, Any]] = {}

    def look() -> bool:
        open = [id for id in ids if not tasks.get(id, {}).get("IsCompleted")]
        for first in range(0, len(open), BATCH):
            batch = open[first : first + BATCH]
            found = server.get("tasks", ids=batch, take=BATCH)["Items"]
            tasks.update({task["Id"]: task for task in found})
        if missing := [id for id in ids if id not in tasks]:
            raise Refused(f"There is no task {', '.join(missing)}, or you may not see it.", status=404)
        return False

    _until_over(look, lambda: [id for id in ids if not tasks[id]["IsCompleted"]], until)
    return [tasks[id] for id in ids]


def _until_over(look: Callable[[], bool], open: Callable[[], list[str]], until: float | None) -> None:
    pause = SHORT
    try:
        while True:
            pause = SHORT if look() else min(pause * 1.3, LONG)
            if not open():
                return
            if until is not None and time.monotonic() + pause > until:
                raise TimeOut(f"Not over in time: {', '.join(open())}.")
            time.sleep(pause)
    except KeyboardInterrupt:
        raise Interrupted(
            "Stopped looking; what runs on the server goes on. Look again with octo follow, end it with octo "
            "cancel."
        ) from None


def outcome(tasks: Sequence[dict[str, Any]]) -> Code:
    """Failed goes before cancelled, and that before success."""
    states = {task["State"] for task in tasks}
    if states & {"Failed", "TimedOut"}:
        return Code.TASK_FAILED
    return Code.TASK_CANCELED if "Canceled" in states else Code.OK
