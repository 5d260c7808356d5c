"""Many who watch one log: `python -m benchmarks.viewers URL TASK` reads cookies, one a line, opens one of
the page's own sockets with each, takes in what comes as browsers do, and prints what each of them got once
the run is over."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

from websockets.asyncio.client import connect

#: Read without parsing: 200 times the same JSON would be this process's work and not the server's.
_FRAME = re.compile(r'^\{"log":\{"frame":(\d+),"task":\d+,"state":"\w+","done":(true|false)')
_TOTAL = re.compile(r'"total":(\d+)')
SECONDS = 300


async def watch(url: str, cookie: str, task: int, ready: asyncio.Semaphore) -> tuple[int, int]:
    """(frames, lines of its last group) by the end of the run."""
    origin = url.replace("ws://", "http://").removesuffix("/ws/live/")
    frames = lines = 0
    async with connect(url, additional_headers={"Cookie": cookie}, origin=origin, max_size=None) as socket:
        await socket.send(json.dumps({"log": {"task": task, "after": {}}}))
        async for message in socket:
            found = _FRAME.match(str(message))
            if not found:
                continue
            frames += 1
            if frames == 1:
                # The page is open: what opening it costs is not what is measured.
                ready.release()
            lines = max([lines, *(int(total) for total in _TOTAL.findall(str(message)))])
            await socket.send(f'{{"got":{found[1]}}}')
            if found[2] == "true":
                break
    return frames, lines


async def crowd(url: str, cookies: list[str], task: int) -> None:
    ready = asyncio.Semaphore(0)
    watching = [asyncio.create_task(watch(url, cookie, task, ready)) for cookie in cookies]
    for _ in cookies:
        await ready.acquire()
    print("ready", flush=True)
    began = time.process_time()
    got = await asyncio.wait_for(asyncio.gather(*watching), SECONDS)
    lines = sorted(lines for _, lines in got)
    frames = sorted(frames for frames, _ in got)
    spent = time.process_time() - began
    print(json.dumps({"lines": lines[0], "frames": frames[len(frames) // 2], "processor": spent}), flush=True)


if __name__ == "__main__":
    asyncio.run(crowd(sys.argv[1], sys.stdin.read().split("\n")[:-1], int(sys.argv[2])))
