"""Run a script that packages come with, or that is a file of one."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from agent.scripts import CannotRun, Command, Source, prepare
from programs.kit import say
from programs.kit.extract import safe_parts
from programs.kit.given import Failed, Given
from programs.kit.packages import Cache, packages_of
from programs.kit.places import filled, place_all
from programs.script.repository import Wanted, check_out


def main(given: Given) -> None:
    folder = Path.cwd()
    if uri := given.text("git_uri"):
        say.set_output("Git.Commit", check_out(_wanted(given, uri), folder))
    paths = place_all(packages_of(given), Cache.of(given), folder)
    variables = {**{name: filled(value, paths) for name, value in given.variables.items()}, **paths}
    parameters = [filled(one, paths) for one in json.loads(given.text("parameters", "[]"))]
    if name := given.text("file"):
        source = Source(file=_file(name, folder), parameters=parameters)
    else:
        source = Source(filled(given.text("script"), paths), parameters=parameters)
    _become(_prepared(given.text("syntax"), source, variables))


def _wanted(given: Given, uri: str) -> Wanted:
    """Raises `Failed` where the account is not one that Git can use."""
    username, password, token = (given.text(f"git_{part}") for part in ("username", "password", "token"))
    if (account := given.text("git_account")) and not (password or token):
        raise Failed(f"The variable {account} holds no account with a password or a token, as Git needs one.")
    # What hosts of repositories take a token with, whoever it belongs to.
    return Wanted(uri, given.text("git_reference"), username or "git", password or token)


def _file(name: str, folder: Path) -> Path:
    """Raises `Failed`."""
    path = folder.joinpath(*safe_parts(name))
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        raise Failed(f"There is no file {name} in it. It has {_some_of(folder)}.")
    say.verbose(f"Running {name}.")
    return path


def _some_of(folder: Path) -> str:
    names = sorted(path.name + ("/" if path.is_dir() else "") for path in folder.iterdir())
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return f"{', '.join(names[:10])}{more}" if names else "nothing"


def _prepared(syntax: str, source: Source, variables: dict[str, str]) -> Command:
    try:
        return prepare(
            Path.cwd().parent, syntax=syntax, script=source, variables=variables, environment=os.environ
        )
    except CannotRun as error:
        raise Failed(str(error)) from error


def _become(command: Command) -> NoReturn:
    """The script takes the place of this process, so that it is stopped and timed as any other."""
    for name in ("SIGPIPE", "SIGXFSZ"):
        # Python ignores these, and what is ignored stays so in what it becomes.
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    sys.stdout.flush()
    # The interpreter was looked up by its absolute path, and there is no shell.
    os.execve(command.program, command.arguments, command.environment)  # noqa: S606
