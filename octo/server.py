"""The server's REST API: requests below a space, pages of lists, and refusals as exceptions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import IO, Any
from urllib.parse import quote

import httpx

from octo.failures import NotAllowed, Refused, Unreachable
from octo.settings import Login

#: Seconds for one answer, and how long a server that restarts is waited for when reading.
TIMEOUT, PATIENCE = 30.0, 60.0
#: Seconds without anything happening while a file is sent and stored, or a folder is applied.
LONG = 600.0
PAGE = 100
#: What a proxy or a server that starts answers; asking again is right.
FOR_NOW = {429, 502, 503, 504}

Body = Mapping[str, Any] | list[Any] | None


def _version() -> str:
    try:
        return version("octoworkers")
    except PackageNotFoundError:  # it runs from a checkout
        return "development"


VERSION = _version()


class Server:
    """Paths are below the space unless they begin with a slash: `get("projects")`, `get("/api/users/me")`."""

    def __init__(
        self, login: Login, *, patience: float = PATIENCE, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.login = login
        self._patience = patience
        self._space = f"spaces/{quote(login.space, safe='')}/" if login.space else ""
        headers = {"X-Octopus-ApiKey": login.key, "User-Agent": f"octo/{VERSION}"}
        self._http = httpx.Client(base_url=login.url, headers=headers, timeout=TIMEOUT, transport=transport)

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    # --- requests --------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Any:
        """Reading can be repeated, so a server that restarts or is busy is asked again for a while."""
        until = time.monotonic() + self._patience
        pause = 0.5
        while True:
            try:
                answer = self._send("GET", path, query=query)
            except Unreachable:
                if time.monotonic() + pause > until:
                    raise
            else:
                if answer.status_code not in FOR_NOW or time.monotonic() + pause > until:
                    return _body(answer)
            time.sleep(pause)
            pause = min(pause * 2, 5)

    def post(self, path: str, body: Body = None, **query: Any) -> Any:
        return _body(self._send("POST", path, body=body, query=query))

    def post_long(self, path: str, body: Body) -> Any:
        """For what the server may be busy with for minutes."""
        return _body(self._send("POST", path, body=body, timeout=LONG))

    def upload(self, path: str, name: str, stream: IO[bytes], **query: Any) -> Any:
        """Sends a file, piece by piece, and waits for as long as the server needs to store it."""
        address = path if path.startswith("/") else f"/api/{self._space}{path}"
        given = {key: _text(value) for key, value in query.items() if value not in (None, "", [])}
        try:
            files = {"fileToUpload": (name, stream, "application/octet-stream")}
            return _body(self._http.post(address, files=files, params=given, timeout=LONG))
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"{name} did not get to {self.login.url}: {reason}") from error

    def put(self, path: str, body: Body) -> Any:
        return _body(self._send("PUT", path, body=body))

    def delete(self, path: str) -> Any:
        return _body(self._send("DELETE", path))

    def every(self, path: str, *, most: int | None = None, **query: Any) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page; `most` of them."""
        skip = 0
        while most is None or skip < most:
            take = PAGE if most is None else min(PAGE, most - skip)
            page = self.get(path, **query, skip=skip, take=take)
            yield from page["Items"]
            skip += len(page["Items"])
            if not page["Items"] or "Page.Next" not in page["Links"]:
                return

    def one(self, path: str, ref: str) -> dict[str, Any]:
        """A thing of a list by id, slug or name. Raises Refused (404) where there is none."""
        try:
            found: dict[str, Any] = self.get(f"{path}/{quote(ref, safe='')}")
        except Refused as refusal:
            # A name with a slash in it is no part of an address.
            if refusal.status != 404 or "/" not in ref:
                raise
            [*named] = self.every(path, name=ref, most=1)
            if not named:
                raise
            [found] = named
        return found

    def _send(
        self, method: str, path: str, *, body: Body = None, query: Any = None, timeout: float = TIMEOUT
    ) -> httpx.Response:
        given = {name: _text(value) for name, value in (query or {}).items() if value not in (None, "", [])}
        address = path if path.startswith("/") else f"/api/{self._space}{path}"
        try:
            return self._http.request(method, address, json=body, params=given, timeout=timeout)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise Unreachable(f"{self.login.url} does not answer: {reason}") from error


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return str(value)


def _body(answer: httpx.Response) -> Any:
    """What was answered. Raises Refused, NotAllowed or Unreachable."""
    is_json = answer.headers.get("Content-Type", "").startswith("application/json")
    if answer.is_success:
        if is_json and answer.content:
            return answer.json()
        return answer.text
    if not is_json:
        where = answer.request.url
        raise Unreachable(f"{where} answered {answer.status_code}, not as an Octoworkers server does.")
    found = answer.json()
    kind = NotAllowed if answer.status_code in (401, 403) else Refused
    message = str(found.get("ErrorMessage") or f"The server answered {answer.status_code}.")
    raise kind(message, [str(one) for one in found.get("Errors") or []], status=answer.status_code)
