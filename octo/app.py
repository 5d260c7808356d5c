"""The command line of `octo`, put together."""

from __future__ import annotations

import sys

import typer

from octo.commands import folder, pushing, reading, signing_in, starting, tasks
from octo.failures import Failure
from octo.output import say
from octo.server import VERSION

HELP = """Run runbooks and deployments on an Octoworkers server, from a terminal or a script.

Sign in with octo login URL, or set OCTOPUS_URL and OCTOPUS_API_KEY. Exit codes: 0 success, 1 a task failed,
2 wrong usage, 3 a task was cancelled, 4 not signed in or no right, 5 refused, 6 time ran out, 7 no server,
8 drift, 9 a worker that gets no work.
"""

app = typer.Typer(
    name="octo",
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"octo {VERSION}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show it."),
) -> None: ...


app.command()(signing_in.login)
app.command()(signing_in.logout)
app.command()(signing_in.whoami)
app.command("list")(reading.list_)
app.command("show")(reading.show_)
app.command()(reading.doctor)
app.command()(starting.run)
app.command()(starting.deploy)
app.command()(tasks.follow)
app.command()(tasks.wait)
app.command()(tasks.cancel)
app.command()(tasks.rerun)
app.command()(tasks.log)
app.command()(tasks.answer)
app.command()(pushing.push)
app.command()(folder.export)
app.command()(folder.plan)
app.command()(folder.apply)
app.command()(folder.drift)

release = typer.Typer(help="Releases of projects.", no_args_is_help=True)
release.command("create")(starting.create_release)
app.add_typer(release, name="release")

build_information = typer.Typer(help="What builds say about packages.", no_args_is_help=True)
build_information.command("push")(pushing.push_build_information)
app.add_typer(build_information, name="build-information")


def main() -> None:
    """Ends the process with the exit code."""
    try:
        app(prog_name="octo")
    except Failure as failure:
        say(failure.message, "bold red")
        for line in failure.details:
            say(f"  {line}")
        sys.exit(failure.code)
