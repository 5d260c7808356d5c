"""Who you are for the server."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from octo import options, settings
from octo.failures import BadUsage
from octo.output import Format, say, show
from octo.server import Server

LOCAL = ("http://localhost", "http://127.", "http://[::1]")


def login(
    url: Annotated[str, typer.Argument(help="The server's address, such as https://ops.example.org.")],
    space: options.Space = "",
) -> None:
    """Sign in with an API key, which is kept in a file that only you may read.

    The key is asked for, or read from standard input, or from OCTOPUS_API_KEY: on the command line others
    could see it. Make one on your account page.
    """
    address = settings.clean_url(url)
    given = settings.Login(address, _key(), space)
    with Server(given, patience=0) as server:
        server.get("/api")
        me = server.get("/api/users/me")
        if space:
            server.get(f"/api/spaces/{space}")
    file = settings.path()
    settings.keep(file, given)
    if address.startswith("http://") and not address.startswith(LOCAL):
        say("This address has no https: the key travels readable.", "yellow")
    say(f"Signed in to {address} as {me['Username']}. The key is kept in {file}.", "green")


def _key() -> str:
    key = os.environ.get(settings.KEY, "")
    if not key:
        key = typer.prompt("API key", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    if not key.strip():
        raise BadUsage("There is no key. Make one on your account page, under API keys.")
    return str(key).strip()


def logout() -> None:
    """Forget the key that octo login kept. The server still knows it: revoke it there."""
    had = settings.forget(settings.path())
    say("Signed out." if had else "You were not signed in.")


def whoami(output: options.Output = Format.TABLE) -> None:
    """Show the server and the user that commands use."""
    with options.server() as server:
        me = server.get("/api/users/me")
        found = {
            "Server": server.login.url,
            "Space": server.login.space or "(the default one)",
            "Username": me["Username"],
            "DisplayName": me["DisplayName"],
        }
    show(found, output, ())
