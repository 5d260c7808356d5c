"""Chromium before a real installation: signing in, and whatever the page complains about."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    WebSocketRoute,
)

from accounts.models import Role, User
from tests.harness.installation import Installation

#: Milliseconds. The machine may be busy; a condition that comes true at once costs nothing.
PATIENCE = 30_000
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: The person left the page while it was still asking for something: nobody's fault.
_LEFT = "net::ERR_ABORTED"
#: What htmx says of the same.
_ABORTED = ("htmx:sendAbort", "htmx:afterRequest")

_database = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
P, T = ParamSpec("P"), TypeVar("T")


def aside(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls services and looks at rows in a thread of its own: Playwright's sync API keeps an event loop
    in the test's thread, where Django refuses to touch the database."""
    return _database.submit(function, *args, **kwargs).result()


def chromium() -> str | None:
    """The path of a Chromium, or None where there is none."""
    return os.environ.get("OCTOWORKERS_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


def launch(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))


def person(username: str, role: Role, *, password: str) -> User:
    """Somebody who can sign in. The hash is the server's kind, which tests do not use."""
    hasher = Argon2PasswordHasher()
    user, _ = User.objects.get_or_create(username=username, defaults={"role": role})
    user.role, user.password = role, hasher.encode(password, hasher.salt())
    user.save()
    return user


class Watch:
    """Everything that a page complains about, except what the test said it provokes."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self.complaints: list[str] = []

    def attach(self, page: Page) -> None:
        page.on("pageerror", lambda error: self._note(f"page error: {error}"))
        page.on("console", self._console)
        page.on("requestfailed", self._failed)
        page.on("crash", lambda: self._note("the page crashed"))

    @contextmanager
    def expecting(self, *words: str) -> Iterator[None]:
        """Complaints that hold one of these words are what the test wants, from here to the end of the
        block."""
        before = len(self.complaints)
        try:
            yield
        finally:
            fresh = [text for text in self.complaints[before:] if not any(word in text for word in words)]
            self.complaints[before:] = fresh

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_ABORTED):
            self._note(f"console: {message.text} ({message.location.get('url', '')})")

    def _failed(self, request: Request) -> None:
        if request.url.startswith(self._origin) and request.failure != _LEFT:
            self._note(f"request failed: {request.method} {request.url}: {request.failure}")

    def _note(self, text: str) -> None:
        self.complaints.append(text)


class Line:
    """The line between a page and its server, which can be cut and mended, or die without a word. Made
    before the page is opened: Chromium's own "offline" leaves an open socket alone."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._is_cut = False
        self._ends: list[WebSocketRoute] = []
        self._dead: set[WebSocketRoute] = set()
        page.route_web_socket(re.compile("/ws/live/$"), self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        if self._is_cut:
            socket.close(code=1001)
            return
        server = socket.connect_to_server()
        self._ends += [socket, server]
        socket.on_message(lambda message: None if socket in self._dead else server.send(message))
        server.on_message(lambda message: None if server in self._dead else socket.send(message))

    def die(self) -> None:
        """What is open carries nothing any more, and says nothing of it; what is opened later works."""
        self._dead |= set(self._ends)

    def cut(self) -> None:
        self._is_cut = True
        self._page.context.set_offline(True)
        for end in self._ends:
            end.close(code=1001)
        self._ends = []

    def mend(self) -> None:
        self._is_cut = False
        self._page.context.set_offline(False)


class Visitor:
    """Opens contexts of one browser on one installation, each of them watched."""

    def __init__(self, browser: Browser, installation: Installation) -> None:
        self._browser = browser
        self._installation = installation
        self._contexts: list[BrowserContext] = []
        self.watch = Watch(installation.url)

    def open(self, user: User | None = None, **options: Any) -> Page:
        """A page of a context of its own, signed in where a user is given."""
        options.setdefault("viewport", DESKTOP)
        context = self._browser.new_context(base_url=self._installation.url, **options)
        context.set_default_timeout(PATIENCE)
        if user:
            context.add_cookies([aside(_session_cookie, user, self._installation.url)])
        context.on("page", self.watch.attach)
        self._contexts.append(context)
        return context.new_page()

    @property
    def pages(self) -> list[Page]:
        return [page for context in self._contexts for page in context.pages]

    def close(self) -> None:
        for context in self._contexts:
            context.close()


def _session_cookie(user: User, url: str) -> Any:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": url}


def picture(page: Page, name: str) -> None:
    """A screenshot into the folder that OCTOWORKERS_SCREENSHOTS names, if it does."""
    folder = os.environ.get("OCTOWORKERS_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))
