"""The command `octoworkers`: run everything on this machine, serve, seed the demo, or any Django command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from octoworkers import keys, verify_log
from octoworkers.backup import cli as backup
from octoworkers.launcher.refusal import CannotStart
from octoworkers.version import VERSION

_EPILOG = (
    "`octoworkers manage <command>` runs a Django management command; `octoworkers manage help` lists them."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; a refusal is one sentence on standard error, and 1."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "octoworkers.settings")
    if words[:1] == ["manage"]:
        return _manage(words[1:])
    chosen = _parser().parse_args(words)
    try:
        return _run(chosen)
    except CannotStart as refusal:
        print(refusal, file=sys.stderr)  # noqa: T201
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="octoworkers", description=__doc__, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"Octoworkers {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="server, built-in worker and local agents; what make run does")
    serve = commands.add_parser("serve", help="a node: pages, agents and the engine, and nothing else")
    serve.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
    serve.add_argument("--port", type=int, default=os.environ.get("PORT") or 8000)
    serve.add_argument("--no-engine", action="store_true", help="pages and agents only")
    commands.add_parser("engine", help="a node that runs the engine only, beside others that serve")
    commands.add_parser("migrate", help="make or update the database, and the first administrator")
    commands.add_parser("seed-demo", help="the demo project; does nothing where it is there already")
    backup.add_to(commands)
    keys.add_to(commands)
    verify_log.add_to(commands)
    return parser


def _run(chosen: argparse.Namespace) -> int:
    if chosen.command == "run":
        from octoworkers.launch import main as launch  # noqa: PLC0415  # each command loads what it needs

        return launch()
    if chosen.command == "seed-demo":
        return _manage(["seed_demo"])
    if chosen.command == "migrate":
        from octoworkers.migrate import main as migrate  # noqa: PLC0415

        return migrate()
    if chosen.command in backup.COMMANDS:
        return backup.run(chosen)
    if chosen.command == keys.COMMAND:
        return keys.run(chosen)
    if chosen.command == verify_log.COMMAND:
        return verify_log.run(chosen)
    from octoworkers.launcher import prepare  # noqa: PLC0415

    prepare.set_up_django()
    prepare.check()
    prepare.refuse_unmigrated()
    if chosen.command == "engine":
        return _engine()
    return _serve(chosen)


def _engine() -> int:
    from octoworkers.launcher import checks  # noqa: PLC0415

    checks.can_have_more_nodes("A node with the engine alone")
    from octoworkers.engine import run  # noqa: PLC0415

    return run()


def _serve(chosen: argparse.Namespace) -> int:
    from octoworkers.launcher import checks, prepare  # noqa: PLC0415
    from octoworkers.serve import serve  # noqa: PLC0415

    if chosen.no_engine:
        checks.can_have_more_nodes("A node without an engine")
    held = prepare.lock_sqlite()
    try:
        return serve(host=chosen.host, port=chosen.port, with_engine=not chosen.no_engine)
    finally:
        if held:
            held.close()


def _manage(words: Sequence[str]) -> int:
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    execute_from_command_line(["octoworkers", *words])
    return 0


if __name__ == "__main__":
    sys.exit(main())
