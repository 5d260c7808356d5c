"""A server that gives one file, and that breaks off, lies or refuses when told to."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TOKEN = "secret-token"


@dataclass
class Behaviour:
    """`cuts` is after how many bytes each of the next answers breaks off; `statuses` come instead of answers;
    `lies` of the next answers have other bytes."""

    content: bytes
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    lies: int = 0
    location: str = ""
    ranges: list[str] = field(default_factory=list)


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """The address of the server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            behaviour.ranges.append(asked)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.refuse(401)
            if behaviour.statuses:
                return self.refuse(behaviour.statuses.pop(0))
            found = re.fullmatch(r"bytes=(\d+)-", asked)
            content = behaviour.content[int(found[1]) if found else 0 :]
            if behaviour.lies:
                behaviour.lies -= 1
                content = bytes(len(content))
            self.send_response(206 if found else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: behaviour.cuts.pop(0)] if behaviour.cuts else content)
            return None

        def refuse(self, status: int) -> None:
            body = json.dumps({"error": {"code": "x", "message": f"Refused with {status}."}}).encode()
            self.send_response(status)
            if behaviour.location:
                self.send_header("Location", behaviour.location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
