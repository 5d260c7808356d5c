"""Sends one HTTP request, and checks its answer."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from programs.http import checked
from programs.kit import say
from programs.kit.given import Failed, Given

#: Bytes of an answer that are read, and characters of it that are shown and kept.
_MOST_BYTES = 10_000_000
_MOST_SHOWN = 10_000
_MOST_KEPT = 200_000
#: What is meant for one server, and no other that it redirects to.
_PRIVATE = ("authorization", "cookie", "proxy-authorization")


@dataclass
class Answer:
    status: int
    reason: str
    url: str
    body: bytes
    is_whole: bool
    charset: str

    @property
    def text(self) -> str:
        try:
            return self.body.decode(self.charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


def main(given: Given) -> None:
    """Raises `Failed`."""
    method, url = given.text("method", "GET"), given.text("url")
    _check_url(url)
    say.info(f"{method} {_shown(url)}")
    started = time.monotonic()
    answer = _send(given, method, url)
    size = f"{len(answer.body):,} bytes{'' if answer.is_whole else ' and more'}"
    status = f"{answer.status} {answer.reason}".strip()
    say.info(f"{status}, {size} in {time.monotonic() - started:.2f} s")
    is_hidden = given.flag("hide")
    if answer.body and not is_hidden:
        _show(answer)
    say.set_output("StatusCode", str(answer.status))
    say.set_output("Body", answer.text[:_MOST_KEPT], sensitive=is_hidden)
    _check(given, answer)


def _send(given: Given, method: str, url: str) -> Answer:
    body = given.text("body").encode() or None
    try:
        request = urllib.request.Request(url, data=body, method=method)  # noqa: S310 - checked
        for name, value in json.loads(given.text("headers", "[]")):
            request.add_header(name, value)
        if not request.has_header("User-agent"):
            request.add_header("User-Agent", "Octoworkers")
        with _opener(given).open(request, timeout=given.number("timeout", 60)) as response:
            return _read(response)
    except urllib.error.HTTPError as error:
        return _read(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise Failed(f"{_shown(url)} did not answer: {str(reason) or type(error).__name__}") from None


def _read(response: Any) -> Answer:
    body = response.read(_MOST_BYTES + 1)
    headers: Message = response.headers
    return Answer(
        status=response.status,
        reason=response.reason or "",
        url=response.url,
        body=body[:_MOST_BYTES],
        is_whole=len(body) <= _MOST_BYTES,
        charset=headers.get_content_charset("utf-8"),
    )


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Only to HTTP, and without what was meant for the first server."""

    max_redirections = 5

    def http_error_302(self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any) -> Any:
        # Before urllib looks, which takes what it does not like for an answer.
        _check_url(urljoin(req.full_url, headers.get("location") or ""))
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self, request: urllib.request.Request, fp: Any, code: int, message: str, headers: Any, url: str
    ) -> urllib.request.Request | None:
        following = super().redirect_request(request, fp, code, message, headers, url)
        if following is not None:
            say.verbose(f"Redirected to {_shown(url)}")
            if _origin(url) != _origin(request.full_url):
                for name in list(following.headers):
                    if name.lower() in _PRIVATE:
                        following.remove_header(name)
        return following


def _opener(given: Given) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    if given.flag("unchecked"):
        say.warning("The server's certificate is not checked.")
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if given.flag("public"):
        own = checked.handlers(json.loads(given.text("allowed", "[]")), context)
        return urllib.request.build_opener(_Redirects, *own)
    return urllib.request.build_opener(_Redirects, urllib.request.HTTPSHandler(context=context))


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine:
        raise Failed("The address has to be a whole one that begins with http:// or https://.")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2].lower()


def _shown(url: str) -> str:
    """Without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def _show(answer: Answer) -> None:
    if b"\0" in answer.body[:1000]:
        say.info("(The answer is no text.)")
        return
    say.info(answer.text[:_MOST_SHOWN])
    if len(answer.text) > _MOST_SHOWN:
        say.info(f"... and {len(answer.text) - _MOST_SHOWN:,} more characters")


def _check(given: Given, answer: Answer) -> None:
    ranges = json.loads(given.text("statuses", "[[200, 299]]"))
    if not any(first <= answer.status <= last for first, last in ranges):
        wanted = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
        raise Failed(f"The answer has the status {answer.status}, where {wanted} was expected.")
    if (text := given.text("contains")) and text not in answer.text:
        raise Failed(f'The answer does not have the text "{text[:200]}" in it.')
    if checks := json.loads(given.text("checks", "[]")):
        _check_json(checks, answer, hide=given.flag("hide"))
    say.verbose("The answer is as expected.")


def _check_json(checks: Sequence[tuple[list[Any], str]], answer: Answer, *, hide: bool) -> None:
    try:
        document = json.loads(answer.text)
    except ValueError as error:
        raise Failed(f"The answer is no JSON: {error}.") from None
    for path, expected in checks:
        name = _written(path)
        value = _find(document, path, name)
        if expected is not None and _plain(value) != expected:
            found = "something else" if hide else f'"{_plain(value)[:200]}"'
            raise Failed(f'{name} is {found}, where "{expected[:200]}" was expected.')


def _find(document: Any, path: list[Any], name: str) -> Any:
    value = document
    for step in path:
        try:
            is_list = isinstance(value, list) and isinstance(step, int)
            value = value[step] if is_list or isinstance(value, dict) else value[None]
        except (KeyError, IndexError, TypeError):
            raise Failed(f"The answer has no {name}.") from None
    return value


def _written(path: Sequence[Any]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _plain(value: Any) -> str:
    """Texts as they are, everything else as JSON has it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
