"""The command line: `octoworker register`, `run`, `status`, `deregister`, `service`, `version`."""

from __future__ import annotations

import argparse
import getpass
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import agent
from agent.config import (
    AlreadyRunning,
    BadServerUrl,
    Home,
    NotRegistered,
    Registration,
    is_unprotected,
    server_url,
)
from protocol import ABANDON_SECONDS

OK, FAILED, USAGE, NOT_REGISTERED, REFUSED, BUSY = 0, 1, 2, 3, 4, 75

_MIB = 1024 * 1024

_EXIT_CODES = """\
exit codes: 0 done, 1 failed, 2 wrong arguments, 3 not registered,
4 refused by the server or not allowed, 75 another octoworker uses this home"""

_NO_CODE = """\
The code must not stand in the command line, where every user of this machine can see it.
Leave --code out: the code is asked for, or read from OCTOWORKERS_CODE or from --code-file."""


class Stop(Exception):
    """Ends the program with a sentence and an exit code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code."""
    if any(word == "--code" or word.startswith("--code=") for word in arguments):
        print(_NO_CODE, file=sys.stderr)
        return USAGE
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
        return code
    except Stop as stop:
        print(stop, file=sys.stderr)
        return stop.code
    except NotRegistered as error:
        print(error, file=sys.stderr)
        return NOT_REGISTERED
    except AlreadyRunning as error:
        print(error, file=sys.stderr)
        return BUSY
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"{place}{error.strerror or error}.", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="octoworker",
        description="Runs scripts on this machine for an Octoworkers server.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--home", help="folder of this agent (or OCTOWORKER_HOME)")
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_register(commands)
    run = _add(commands, "run", _run, "connect to the server and run what it sends")
    run.add_argument(
        "--log-limit", type=int, default=2048, metavar="MIB", help="most log of one script (2048)"
    )
    run.add_argument(
        "--abandon-after",
        type=float,
        default=ABANDON_SECONDS,
        metavar="SECONDS",
        help=f"give up a cancelled script that cannot be killed ({ABANDON_SECONDS})",
    )
    _add(commands, "status", _status, "say whether this machine is connected, and what it holds")
    leave = _add(commands, "deregister", _deregister, "take this machine off its server")
    leave.add_argument(
        "--force", action="store_true", help="forget the registration even if the server cannot be told"
    )
    _add_service(commands)
    _add(commands, "version", _version, "print the version")
    # For the agent itself: no help, so that it is not listed.
    zygote = commands.add_parser("zygote")
    zygote.add_argument("descriptor", type=int)
    zygote.set_defaults(command=_zygote)
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, command: object, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text.capitalize() + ".", allow_abbrev=False)
    parser.add_argument("--home", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    parser.set_defaults(command=command)
    return parser


def _add_register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = _add(commands, "register", _register, "register this machine with a server")
    parser.add_argument(
        "--server", required=True, help="address of the server, such as https://octoworkers.example.com"
    )
    parser.add_argument(
        "--thumbprint", help="SHA-256 of the server's key, in hex, to be sure that it is yours"
    )
    parser.add_argument(
        "--name", default=socket.gethostname(), help="name of the worker (this machine's name)"
    )
    parser.add_argument("--code-file", type=Path, help="file that holds the enrolment code")
    parser.add_argument("--force", action="store_true", help="replace an earlier registration")


def _add_service(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("service", help="run as a service of systemd", allow_abbrev=False)
    actions = parser.add_subparsers(required=True, metavar="install|uninstall")
    install = _add(actions, "install", _install, "install and start the service")
    install.add_argument("--user", help="user that the service and its scripts run as (you)")
    install.add_argument("--dry-run", action="store_true", help="only print the unit")
    _add(actions, "uninstall", _uninstall, "stop and remove the service")


def _home(options: argparse.Namespace) -> Home:
    return Home.find(options.home)


# The commands import what they need when they run: the zygote and `status` stay small and quick.


def _register(options: argparse.Namespace) -> int:
    from agent.enrolment import Enrolment, EnrolmentFailed, register  # noqa: PLC0415
    from agent.status import lock  # noqa: PLC0415

    home = _home(options)
    server = _server(options.server)
    if home.registration.exists() and not options.force:
        raise Stop(
            REFUSED, f"{home.path} is registered already. Use another --home, or --force to replace it."
        )
    home.create()
    try:
        with lock(home):
            code = _code(options.code_file)
            registration = register(home, Enrolment(server, code, options.name, options.thumbprint))
    except EnrolmentFailed as error:
        raise Stop(REFUSED, str(error)) from error
    print(f"Registered as {registration.name}. Start it with: octoworker run")
    return OK


def _server(text: str) -> str:
    try:
        server = server_url(text)
    except BadServerUrl as error:
        raise Stop(USAGE, str(error)) from error
    if is_unprotected(server):
        print(
            f"Warning: {server} is not encrypted. Scripts, values and logs can be read on the way; use https://.",
            file=sys.stderr,
        )
    return server


def _code(path: Path | None) -> str:
    if path is not None:
        code = path.read_text()
    elif os.environ.get("OCTOWORKERS_CODE"):
        code = os.environ["OCTOWORKERS_CODE"]
    elif sys.stdin.isatty():
        code = getpass.getpass("Enrolment code: ")
    else:
        code = sys.stdin.readline()
    if not code.strip():
        raise Stop(USAGE, "There is no enrolment code. Make one on the server's page for adding a worker.")
    return code.strip()


def _run(options: argparse.Namespace) -> int:
    import asyncio  # noqa: PLC0415
    import logging  # noqa: PLC0415

    from agent import keys  # noqa: PLC0415
    from agent.runner import run  # noqa: PLC0415
    from agent.status import lock  # noqa: PLC0415
    from agent.surroundings import Limits  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    home = _home(options)
    registration = Registration.load(home)
    home.create()
    try:
        key = keys.load(home.key)
    except keys.BadKey as error:
        raise Stop(NOT_REGISTERED, f"{error} Register this machine again with --force.") from error
    with lock(home):
        limits = Limits(spool_bytes=options.log_limit * _MIB, abandon_seconds=options.abandon_after)
        asyncio.run(run(home=home, registration=registration, key=key, limits=limits))
    return OK


def _status(options: argparse.Namespace) -> int:
    from agent.status import describe, is_connected  # noqa: PLC0415

    home = _home(options)
    print("\n".join(describe(home, Registration.load(home))))
    return OK if is_connected(home) else FAILED


def _deregister(options: argparse.Namespace) -> int:
    from agent import keys  # noqa: PLC0415
    from agent.deregistration import NotDeregistered, deregister, forget  # noqa: PLC0415
    from agent.status import held_attempts, lock  # noqa: PLC0415

    home = _home(options)
    registration = Registration.load(home)
    with lock(home):
        held = held_attempts(home)
        if held and not options.force:
            lines = "\n".join(f"  {line}" for line in held)
            raise Stop(
                REFUSED, f"This machine still holds attempts that the server has not settled:\n{lines}"
            )
        try:
            deregister(registration, keys.load(home.key))
        except (NotDeregistered, keys.BadKey) as error:
            _leave_anyway(home, registration, str(error), force=options.force)
            return FAILED
        forget(home)
    print(f"{registration.name} is deregistered. What is left in {home.path} can be deleted.")
    return OK


def _leave_anyway(home: Home, registration: Registration, reason: str, *, force: bool) -> None:
    from agent.deregistration import forget  # noqa: PLC0415

    print(
        f"{reason}\n{registration.server} still lists the worker {registration.name}: remove it there.",
        file=sys.stderr,
    )
    if force:
        forget(home)
        print("The registration on this machine is gone.", file=sys.stderr)
    else:
        print("Nothing was removed here. Try again later, or use --force.", file=sys.stderr)


def _install(options: argparse.Namespace) -> int:
    from agent import service  # noqa: PLC0415

    home = _home(options)
    Registration.load(home)
    try:
        text = service.unit(home, options.user or service.default_user())
        if options.dry_run:
            print(text, end="")
            return OK
        service.install(text)
    except service.ServiceFailed as error:
        raise Stop(FAILED, str(error)) from error
    print(f"The service runs. See it with: systemctl status {service.UNIT}")
    return OK


def _uninstall(options: argparse.Namespace) -> int:
    from agent import service  # noqa: PLC0415

    try:
        service.uninstall()
    except service.ServiceFailed as error:
        raise Stop(FAILED, str(error)) from error
    print("The service is removed. Scripts that were running go on to their end.")
    return OK


def _version(options: argparse.Namespace) -> int:
    print(f"octoworker {agent.__version__}")
    return OK


def _zygote(options: argparse.Namespace) -> int:
    from agent.zygote import main as serve  # noqa: PLC0415

    return serve(options.descriptor)
