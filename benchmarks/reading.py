"""A log of a million lines: in Chromium, on the server's search, with many who watch it being written, and
the latency of a line while others pour in."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Page, sync_playwright

from accounts.models import Role, User
from benchmarks.browser import Visitor
from benchmarks.report import Row, spread
from tasks.models import Attempt, ServerTask
from tests.harness import browser, scenarios

if TYPE_CHECKING:
    from benchmarks.measures import Bench

LINES = 1_000_000
#: The bar of the issue: lines a second that many viewers must not slow.
VIEWERS = 200
PRINT = """import sys
line = "\\x1b[32m2026-11-23 12:00:00\\x1b[0m batch %d of a million copied, 1,024 rows, all good so far\\n"
sys.stdout.writelines(line % number for number in range({count}))
"""
#: Waits for a file, so that those who watch are there when it begins.
PRINT_WHEN_TOLD = """import os, sys, time
while not os.path.exists({flag!r}):
    time.sleep(0.01)
began = time.time()
line = "batch %d of many copied, 1,024 rows, all good so far, nothing to see here\\n"
sys.stdout.writelines(line % number for number in range({count}))
"""
#: A steady 20,000 lines a second, each with the moment of its print.
PRINT_STEADILY = """import sys, time
began = time.time()
for tick in range({seconds} * 100):
    now = time.time()
    sys.stdout.writelines("%.6f line %d, as long as lines of logs are\\n" % (now, n) for n in range(200))
    sys.stdout.flush()
    time.sleep(max(0, began + (tick + 1) / 100 - time.time()))
"""


def million(bench: Bench) -> ServerTask:
    book = bench.runbook("A million lines", PRINT.format(count=LINES), syntax="Python")
    return bench.finished(bench.visitor.start(book, bench.place), seconds=300)


def reading(bench: Bench) -> list[Row]:
    """The log of a million lines in a browser, and its search. Budgets: 300 ms to any line, 60 frames a
    second, a second to search."""
    from benchmarks.measures import rss  # noqa: PLC0415 - that module lists this one

    server = bench.installation.process
    assert server is not None
    before = rss(server.pid)
    task = million(bench)
    written = rss(server.pid)
    rows = [
        Row(
            f"Server, memory before and after {LINES:,} lines were written",
            f"{before:.0f} / {written:.0f} MB",
        )
    ]
    rows += _searches(bench, task)
    with sync_playwright() as playwright:
        visitor = browser.Visitor(browser.launch(playwright), bench.installation)
        try:
            rows += _in_browser(visitor.open(browser.aside(scenarios.administrator)), task.pk)
        finally:
            visitor.close()
    return [*rows, Row("Server, memory after all of it was searched and read", f"{rss(server.pid):.0f} MB")]


def _searches(bench: Bench, task: ServerTask) -> list[Row]:
    rows = []
    for what, query in (
        ("a word in one line", "q=batch+777777+of"),
        ("a word in every line, any case", "q=COPIED"),
        ("a regular expression, 1,000 lines", "q=batch+%5Cd%2B777+of&regex=1"),
        ("a word in no line", "q=nowhere+to+be+found"),
    ):
        spans, is_whole = [], True
        for _ in range(6):
            began = time.perf_counter()
            status, body = bench.visitor.get(f"/tasks/{task.pk}/hits/?{query}")
            spans.append((time.perf_counter() - began) * 1000)
            assert status == 200, body[:500]
            is_whole = is_whole and json.loads(body)["whole"]
        rows.append(
            Row(
                f"Search of {LINES:,} lines for {what}",
                spread(spans, "ms") + ("" if is_whole else ", not to its end"),
                "1,000 ms",
            )
        )
    return rows


def _in_browser(page: Page, task_id: int) -> list[Row]:
    chance = random.Random(7)  # noqa: S311 - the same lines every time
    opened, jumped = [], []
    for _ in range(12):
        line = chance.randrange(1, LINES + 1)
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(f"/tasks/{task_id}/#S1L{line}", wait_until="commit")
        page.wait_for_function(_SHOWN, arg=line, polling="raf")
        opened.append((time.perf_counter() - began) * 1000)
    for _ in range(30):
        line = chance.randrange(1, LINES + 1)
        jumped.append(page.evaluate(_JUMP, line))
    frames = page.evaluate(_SCROLL)
    return [
        Row("Its page opened at a random line, median / p95", spread(opened[2:], "ms")),
        Row("A jump to a random line in the open page", spread(jumped, "ms"), "300 ms"),
        Row(
            "Frames a second while it scrolls",
            f"{frames['rate']:.0f}, longest {frames['longest']:.0f} ms",
            "60",
        ),
        Row("Browser, memory of scripts after 4,000 screens", f"{_read_through(page):.0f} MB"),
    ]


def _read_through(page: Page) -> float:
    """Scrolls through a lot of it; megabytes of the heap after that."""
    page.evaluate(_READ_THROUGH)
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable")
    client.send("HeapProfiler.collectGarbage")
    metrics = {one["name"]: one["value"] for one in client.send("Performance.getMetrics")["metrics"]}
    return float(metrics["JSHeapUsedSize"]) / 2**20


_TEXT = """const shown = (line) => document.querySelector(`#log .lrow[data-seq="${line - 1}"] .tx`)
  ?.textContent.includes(`batch ${line - 1} of`);"""
_SHOWN = "line => {" + _TEXT + "return shown(line); }"
_JUMP = (
    "line => new Promise(done => {"
    + _TEXT
    + """
  const began = performance.now();
  location.hash = `#S1L${line}`;
  const look = () => shown(line) ? done(performance.now() - began) : requestAnimationFrame(look);
  requestAnimationFrame(look);
})"""
)
_SCROLL = """() => new Promise(done => {
  const log = document.querySelector("#log");
  const frames = [];
  const step = (now) => {
    frames.push(now);
    log.scrollTop -= 60;
    if (now - frames[0] < 4000) requestAnimationFrame(step);
    else done({ rate: 1000 * (frames.length - 1) / (now - frames[0]),
      longest: Math.max(...frames.slice(1).map((at, index) => at - frames[index])) });
  };
  requestAnimationFrame(step);
})"""
_READ_THROUGH = """async () => {
  const log = document.querySelector("#log");
  for (let screen = 0; screen < 4000; screen += 1) {
    log.scrollTop = log.scrollHeight * screen / 4000;
    await new Promise(requestAnimationFrame);
  }
}"""


def load(bench: Bench) -> list[Row]:
    """A line of a script that prints 20,000 a second: from its print to the browser's socket."""
    book = bench.runbook("Steady", PRINT_STEADILY.format(seconds=8), syntax="Python")
    task = bench.visitor.start(book, bench.place)
    delays: list[float] = []
    with bench.visitor.socket() as socket:
        socket.send(json.dumps({"log": {"task": task.pk, "after": {}}}))
        done = False
        while not done:
            text = str(socket.recv(timeout=60))
            now = time.time()
            log = json.loads(text).get("log")
            if not log:
                continue
            socket.send(json.dumps({"got": log["frame"]}))
            done = log["done"]
            moments = re.findall(r'"(\d{10}\.\d{6}) line', text)
            delays += [(now - float(moment)) * 1000 for moment in moments]
    assert Attempt.objects.get(execution__task=task).log_lines == 8 * 20_000
    return [
        Row("A line of 20,000 a second to the browser's socket, median / p95", spread(delays, "ms"), "100 ms")
    ]


def viewers(bench: Bench) -> list[Row]:
    """How fast a log is taken in with nobody, with one and with many who watch it."""
    rows = []
    for count in (0, 1, VIEWERS):
        rate, seen = _watched(bench, count)
        who = "nobody watches" if not count else f"{count} watch{'es' if count == 1 else ''}"
        got = f"; each got all of it in {seen['frames']} frames" if seen else ""
        rows.append(
            Row(f"{LINES:,} lines stored and checked while {who}", f"{rate:,.0f} lines/s{got}", "200,000")
        )
    return rows


def _watched(bench: Bench, count: int) -> tuple[float, dict[str, Any]]:
    """Lines a second from the first print to the checked end, and what those who watched have seen."""
    flag = Path(bench.installation.home) / f"go-{count}"
    book = bench.runbook(
        f"Watched by {count}", PRINT_WHEN_TOLD.format(count=LINES, flag=str(flag)), syntax="Python"
    )
    task = bench.visitor.start(book, bench.place)
    crowd = _crowd(bench, task, count) if count else None
    if crowd:
        assert crowd.stdout is not None
        assert crowd.stdout.readline() == "ready\n"
    began = time.time()
    flag.touch()
    done = bench.finished(task, seconds=300)
    assert done.completed_at is not None
    seen: dict[str, Any] = json.loads(crowd.communicate(timeout=300)[0]) if crowd else {}
    assert not crowd or seen["lines"] == LINES, seen
    return LINES / (done.completed_at.timestamp() - began), seen


def _crowd(bench: Bench, task: ServerTask, count: int) -> subprocess.Popen[str]:
    """Everybody with a session of their own, as it is where many people watch."""
    url = bench.installation.url.replace("http://", "ws://") + "/ws/live/"
    command = [sys.executable, "-m", "benchmarks.viewers", url, str(task.pk)]
    crowd = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert crowd.stdin is not None
    crowd.stdin.writelines(f"{_cookie(bench, number)}\n" for number in range(count))
    crowd.stdin.close()
    crowd.stdin = None
    return crowd


def _cookie(bench: Bench, number: int) -> str:
    user, _ = User.objects.get_or_create(username=f"viewer-{number}", defaults={"role": Role.VIEWER})
    return Visitor(bench.installation, user).cookie
